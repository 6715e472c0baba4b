using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ActorKind = DeviceRegistry.Core.ActorKind;
using CheckReason = DeviceRegistry.Core.CheckReason;
using OrderClass = DeviceRegistry.Core.OrderClass;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.Attach;

/// <summary>Applies journal entries to the state of a node. An entry that this version cannot read is skipped or halts
/// the node, as its must-understand flag requires.</summary>
internal sealed class EntryApplier(NodeState node)
{
    // An order with an unknown field would deny less than it states, so it counts as not understood. To detect that,
    // compare its size with the size of the parsed message, from which unknown fields are discarded.
    private static readonly Google.Protobuf.MessageParser<OrderArmed> KnownSubjects =
        OrderArmed.Parser.WithDiscardUnknownFields(true);

    private static readonly Google.Protobuf.MessageParser<OrderPairsArmed> KnownPairsArmed =
        OrderPairsArmed.Parser.WithDiscardUnknownFields(true);
    private static readonly Google.Protobuf.MessageParser<OrderPairs> KnownPairs =
        OrderPairs.Parser.WithDiscardUnknownFields(true);

    /// <summary>Applies one verified entry. Returns false if this version does not understand the entry and the entry
    /// must be understood.</summary>
    public bool TryApply(JournalEntry entry)
    {
        var understood = (JournalKind)entry.Kind switch
        {
            JournalKind.PartyChanged => Read(entry, PartyChanged.Parser, m => Put(m) && PutRecord(entry, m.PartyId)),
            JournalKind.ActorChanged => Read(entry, ActorChanged.Parser, m => Put(m) && PutRecord(entry, m.ActorId)),
            JournalKind.PolicyInForce => Read(entry, PolicyInForce.Parser, m => Put(m) && PutRecord(entry, 0)),
            JournalKind.TacsChanged => Read(entry, TacsChanged.Parser, m => Put(m, entry.AtUs / 1000)),
            JournalKind.ImeisReleased => Read(entry, ImeisReleased.Parser, m => Put(m.ImeiDeltas, node.Index.Release)),
            JournalKind.ImeisRetired => Read(entry, ImeisRetired.Parser, m => Put(m.ImeiDeltas, node.Index.Retire)),
            JournalKind.OrderArmed =>
                Read(entry, KnownSubjects, m => m.CalculateSize() == entry.PublicBytes.Length && Put(m)),
            JournalKind.OrderPairsArmed => Read(entry, KnownPairsArmed, m => Put(entry, m)),
            // JournalVerifier has verified it; it changes no state
            JournalKind.Recovered => true,
            JournalKind.Checkpoint => true,                     // Checkpoints verifies it; it changes no state
            JournalKind.OrderLifted or JournalKind.OrderStayed or JournalKind.OrderAnnulled =>
                Read(entry, OrderLifted.Parser, m => Lift(m.OrderNumber)),
            JournalKind.OrderWithdrawn => Read(entry, OrderStep.Parser, m => Lift(m.OrderNumber)),
            _ => false,
        };
        return understood || !entry.MustUnderstand;
    }

    /// <summary>Restores members and policy from the records in the index of a snapshot. Returns false if this version
    /// does not understand a record.</summary>
    public bool TryRestore(IEnumerable<(int Kind, ulong Id, ReadOnlyMemory<byte> Payload)> records)
    {
        var (parties, actors) = (new List<Party>(), new List<Actor>());
        foreach (var (kind, _, payload) in records)
        {
            var entry = new JournalEntry { Kind = kind, PublicBytes = ByteString.CopyFrom(payload.Span) };
            var understood = (JournalKind)kind switch
            {
                JournalKind.PartyChanged =>
                    Read(entry, PartyChanged.Parser, m => TryParty(m, out var party) && Do(() => parties.Add(party!))),
                JournalKind.ActorChanged =>
                    Read(entry, ActorChanged.Parser, m => TryActor(m, out var actor) && Do(() => actors.Add(actor!))),
                JournalKind.PolicyInForce => Read(entry, PolicyInForce.Parser, Put),
                // marks that the order has pairs; only nodes of the operator concerned receive them
                JournalKind.OrderPairsArmed => true,
                _ => false,
            };
            if (!understood) return false;
        }

        node.Members.Reset(parties, actors);
        node.MembersChanged();
        return true;
    }

    private static bool Read<T>(JournalEntry entry, Google.Protobuf.MessageParser<T> parser, Func<T, bool> put)
        where T : class, Google.Protobuf.IMessage<T>, new() =>
        JournalEntryRules.TryRead(entry, parser, out var message) && put(message);

    private bool PutRecord(JournalEntry entry, ulong id) =>
        Do(() => node.Index.PutRecord(entry.Kind, id, entry.PublicBytes.Span));

    private bool Put(PartyChanged message) => TryParty(message, out var party) && Do(() =>
    {
        node.Members.Put(party!);
        node.MembersChanged();
    });

    private bool Put(ActorChanged message) => TryActor(message, out var actor) && Do(() =>
    {
        node.Members.Put(actor!);
        node.MembersChanged();
    });

    private static bool TryParty(PartyChanged message, out Party? party)
    {
        party = IsDefined<PartyKind>((int)message.Kind)
            ? new Party(message.PartyId, (PartyKind)message.Kind, message.State is MembershipState.Active,
            [.. message.Plmns]) : null;
        return party is not null;
    }

    private static bool TryActor(ActorChanged message, out Actor? actor)
    {
        actor = IsDefined<ActorKind>((int)message.Kind)
            ? new Actor(
                message.ActorId, message.PartyId, (ActorKind)message.Kind, message.State is MembershipState.Active,
                Convert.ToHexString(message.KeyDigest.Span),
                [.. message.RevokedKeyDigests.Select(k => Convert.ToHexString(k.Span))])
            : null;
        return actor is not null;
    }

    private bool Put(PolicyInForce message)
    {
        try
        {
            PolicyMapping.Require(message.Policy ?? new Policy());
        }
        catch (RegistryException)
        {
            // the registrar validates a policy before it journals it, so this entry is not from the registrar
            return false;
        }

        return Do(() => node.Put(message));
    }

    private bool Put(TacsChanged message, long atMs)
    {
        var tacs = JournalEntryRules.FromDeltas(message.TacDeltas.Select(d => (ulong)d)).ToList();
        if (tacs.Any(t => t >= Tac.Limit)) return false;

        node.Index.AddTacs(tacs.Select(t => new Tac((uint)t)));
        if (message.CompletesImport) node.Index.TacListIsFresh(atMs);
        return true;
    }

    private static bool Put(IEnumerable<ulong> deltas, Action<IEnumerable<Imei>> effect)
    {
        if (!TryImeis(deltas, out var imeis)) return false;

        return Do(() => effect(imeis));
    }

    private bool Put(OrderArmed message)
    {
        if (!TryImeis(message.ImeiDeltas, out var imeis) || message.Tacs.Any(t => t >= Tac.Limit)
            || !TryRanges(message.RangeDeltas, out var ranges)) return false;
        if (message.Identities.Any(t => EquipmentIdentity.Parse(t).Kind is EquipmentKind.Absent or EquipmentKind.Imei
            || EquipmentIdentity.Normal(t) != t)) return false;
        if (!IsDefined<OrderClass>((int)message.OrderClass)
            || !IsDefined<CheckReason>((int)message.CheckReason)) return false;

        var term = new OrderTerm(message.OrderNumber, (OrderClass)message.OrderClass, (CheckReason)message.CheckReason,
            Ms(message.EffectiveAt, absent: 0), Ms(message.ExpiresAt, absent: long.MaxValue));
        node.Denials.Reserve(message.OrderNumber);
        return Do(() =>
            node.Index.Arm(term, imeis, [.. message.Tacs.Select(t => new Tac(t))], ranges, message.Identities));
    }

    /// <summary>Applies an entry with this operator's private part, received with a snapshot. Ignores an entry whose
    /// digest the snapshot does not contain, because its order has ended. Returns false if the entry cannot be
    /// read.</summary>
    public bool TryAdd(JournalEntry entry)
    {
        if ((JournalKind)entry.Kind is not JournalKind.OrderPairsArmed
            || !JournalEntryRules.TryRead(entry, KnownPairsArmed, out var message)
            || !IsKnown(entry, message)) return false;
        if (!ContainsDigest(node.Index.RecordOf(entry.Kind, message.OrderNumber),
            entry.PrivateDigest.Span)) return true;

        return JournalEntryRules.ScopedPart(entry) is { } own && TryPairs(own, out var pairs)
            && Do(() => Arm(message.OrderNumber, pairs));
    }

    // Whether a list of concatenated digests contains one digest.
    private static bool ContainsDigest(ReadOnlySpan<byte> payload, ReadOnlySpan<byte> digest)
    {
        for (; payload.Length >= JournalHash.Size; payload = payload[JournalHash.Size..])
            if (payload[..JournalHash.Size].SequenceEqual(digest)) return true;

        return false;
    }

    private static bool IsKnown(JournalEntry entry, OrderPairsArmed message) =>
        message.KeyVersion is SubscriberKey.Version && message.CalculateSize() == entry.PublicBytes.Length;

    private void Arm(ulong order, OrderPairs pairs) => node.Index.ArmPairs(
        order, [.. pairs.Pairs.Select(p => p.Identity.Length is 0 ? new EquipmentPair(new Imei(p.Imei), p.Pseudonym)
        : new EquipmentPair(p.Identity, p.Pseudonym))]);

    // The node does not receive the pairs of other operators. It records only the entry's private digest, so that the
    // state digest is the same on every node.
    private bool Put(JournalEntry entry, OrderPairsArmed message)
    {
        var pairs = new OrderPairs();
        if (!IsKnown(entry, message) || (JournalEntryRules.ScopedPart(entry) is { } own
            && !TryPairs(own, out pairs))) return false;

        node.Index.PutRecord(entry.Kind, message.OrderNumber,
            [.. node.Index.RecordOf(entry.Kind, message.OrderNumber), .. entry.PrivateDigest.Span]);
        Arm(message.OrderNumber, pairs);
        return true;
    }

    private static bool IsValid(ArmedPair pair) =>
        pair.Pseudonym is not SubscriberPseudonym.None && (pair.Identity.Length is 0
        ? pair.Imei < Imei.Limit
        : pair.Imei is 0 && EquipmentIdentity.Parse(pair.Identity).Kind is not EquipmentKind.Imei
            && EquipmentIdentity.Normal(pair.Identity) == pair.Identity);

    private static bool TryPairs(byte[] bytes, out OrderPairs pairs)
    {
        pairs = new OrderPairs();
        try
        {
            pairs = KnownPairs.ParseFrom(bytes);
            return pairs.CalculateSize() == bytes.Length && pairs.Pairs.All(IsValid);
        }
        catch (Google.Protobuf.InvalidProtocolBufferException)
        {
            return false;
        }
    }

    private bool Lift(ulong order)
    {
        node.Index.Lift(order);
        node.Index.RemoveRecord((int)JournalKind.OrderPairsArmed, order);
        return true;
    }

    private static bool TryImeis(IEnumerable<ulong> deltas, out List<Imei> imeis)
    {
        var values = JournalEntryRules.FromDeltas(deltas).ToList();
        var valid = values.TrueForAll(v => v < Imei.Limit);
        imeis = valid ? [.. values.Select(v => new Imei(v))] : [];
        return valid;
    }

    private static bool TryRanges(IEnumerable<ulong> deltas, out List<SerialRange> ranges)
    {
        ranges = [];
        foreach (var ends in JournalEntryRules.FromDeltas(deltas).Chunk(2))
            if (ends.Length is 2 && SerialRange.TryFrom(ends[0], ends[1], out var range)) ranges.Add(range);
            else return false;
        return true;
    }

    // The registrar stores times with millisecond precision, as a node's clock does.
    private static long Ms(Timestamp? at, long absent) =>
        at is null ? absent : at.Seconds * 1000 + at.Nanos / 1_000_000;

    // Check the range before the cast: a cast to byte would turn 257 into 1.
    private static bool IsDefined<T>(int number)
        where T : struct, System.Enum =>
        number is > 0 and <= byte.MaxValue && System.Enum.IsDefined(typeof(T), (byte)number);

    private static bool Do(Action effect)
    {
        effect();
        return true;
    }
}
