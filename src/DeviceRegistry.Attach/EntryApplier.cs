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

/// <summary>What an entry does to a node. An entry it cannot read is not applied; whether that matters, the entry says
/// itself.</summary>
internal sealed class EntryApplier(NodeState node)
{
    // An order that names what this version does not know would deny less than it says: it is not understood. To see
    // that, what is read is measured without it.
    private static readonly Google.Protobuf.MessageParser<OrderArmed> KnownSubjects =
        OrderArmed.Parser.WithDiscardUnknownFields(true);

    private static readonly Google.Protobuf.MessageParser<OrderPairsArmed> KnownPairsArmed =
        OrderPairsArmed.Parser.WithDiscardUnknownFields(true);
    private static readonly Google.Protobuf.MessageParser<OrderPairs> KnownPairs =
        OrderPairs.Parser.WithDiscardUnknownFields(true);

    /// <summary>Applies one verified entry. False: a kind or contents this version does not understand and
    /// must.</summary>
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
            // judged before it comes here; what it says is where the chain goes on
            JournalKind.Recovered => true,
            JournalKind.Checkpoint => true,                     // judged beside; it changes nothing
            JournalKind.OrderLifted or JournalKind.OrderStayed or JournalKind.OrderAnnulled =>
                Read(entry, OrderLifted.Parser, m => Lift(m.OrderNumber)),
            JournalKind.OrderWithdrawn => Read(entry, OrderStep.Parser, m => Lift(m.OrderNumber)),
            _ => false,
        };
        return understood || !entry.MustUnderstand;
    }

    /// <summary>Members and policy as the journal said them last, from the index of a snapshot, which has them already.
    /// False: it says what this version does not understand.</summary>
    public bool TryRecall(IEnumerable<(int Kind, ulong Id, ReadOnlyMemory<byte> Said)> sayings)
    {
        var (parties, actors) = (new List<Party>(), new List<Actor>());
        foreach (var (kind, _, said) in sayings)
        {
            var entry = new JournalEntry { Kind = kind, PublicBytes = ByteString.CopyFrom(said.Span) };
            var understood = (JournalKind)kind switch
            {
                JournalKind.PartyChanged =>
                    Read(entry, PartyChanged.Parser, m => TryParty(m, out var party) && Do(() => parties.Add(party!))),
                JournalKind.ActorChanged =>
                    Read(entry, ActorChanged.Parser, m => TryActor(m, out var actor) && Do(() => actors.Add(actor!))),
                JournalKind.PolicyInForce => Read(entry, PolicyInForce.Parser, Put),
                // that an order covers pairs; which, only its operator's nodes hear
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
        party = Knows<PartyKind>((int)message.Kind)
            ? new Party(message.PartyId, (PartyKind)message.Kind, message.State is MembershipState.Active,
            [.. message.Plmns]) : null;
        return party is not null;
    }

    private static bool TryActor(ActorChanged message, out Actor? actor)
    {
        actor = Knows<ActorKind>((int)message.Kind)
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
            // the registrar refused it before it was journalled; these bytes are not from there
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
        if (!Knows<OrderClass>((int)message.OrderClass) || !Knows<CheckReason>((int)message.CheckReason)) return false;

        var span = new OrderTerm(message.OrderNumber, (OrderClass)message.OrderClass, (CheckReason)message.CheckReason,
            Ms(message.EffectiveAt, absent: 0), Ms(message.ExpiresAt, absent: long.MaxValue));
        node.Refusals.Expect(message.OrderNumber);
        return Do(() =>
            node.Index.Arm(span, imeis, [.. message.Tacs.Select(t => new Tac(t))], ranges, message.Identities));
    }

    /// <summary>What came beside a snapshot for this node's operator. Only what the snapshot itself names by its digest
    /// counts; what is of an order that holds no more is passed over. False: it cannot be read.</summary>
    public bool TryAdd(JournalEntry entry)
    {
        if ((JournalKind)entry.Kind is not JournalKind.OrderPairsArmed
            || !JournalEntryRules.TryRead(entry, KnownPairsArmed, out var message)
            || !IsKnown(entry, message)) return false;
        if (!Named(node.Index.RecordOf(entry.Kind, message.OrderNumber), entry.PrivateDigest.Span)) return true;

        return JournalEntryRules.ScopedPart(entry) is { } own && TryPairs(own, out var pairs)
            && Do(() => Arm(message.OrderNumber, pairs));
    }

    // A digest among those that were said, one after the other.
    private static bool Named(ReadOnlySpan<byte> said, ReadOnlySpan<byte> digest)
    {
        for (; said.Length >= JournalHash.Size; said = said[JournalHash.Size..])
            if (said[..JournalHash.Size].SequenceEqual(digest)) return true;

        return false;
    }

    private static bool IsKnown(JournalEntry entry, OrderPairsArmed message) =>
        message.KeyVersion is SubscriberKey.Version && message.CalculateSize() == entry.PublicBytes.Length;

    private void Arm(ulong order, OrderPairs pairs) => node.Index.ArmPairs(
        order, [.. pairs.Pairs.Select(p => p.Identity.Length is 0 ? new EquipmentPair(new Imei(p.Imei), p.Pseudonym)
        : new EquipmentPair(p.Identity, p.Pseudonym))]);

    // What other operators' subscribers are covered, this node does not hear; that there are some, everybody's state
    // says alike.
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

    private static bool IsSound(ArmedPair pair) =>
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
            return pairs.CalculateSize() == bytes.Length && pairs.Pairs.All(IsSound);
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
        var sound = values.TrueForAll(v => v < Imei.Limit);
        imeis = sound ? [.. values.Select(v => new Imei(v))] : [];
        return sound;
    }

    private static bool TryRanges(IEnumerable<ulong> deltas, out List<SerialRange> ranges)
    {
        ranges = [];
        foreach (var ends in JournalEntryRules.FromDeltas(deltas).Chunk(2))
            if (ends.Length is 2 && SerialRange.TryFrom(ends[0], ends[1], out var range)) ranges.Add(range);
            else return false;
        return true;
    }

    // The registrar keeps instants to the millisecond, which is what a node's clock gives.
    private static long Ms(Timestamp? at, long absent) =>
        at is null ? absent : at.Seconds * 1000 + at.Nanos / 1_000_000;

    // Compared as it came: a cast to a byte would take 257 for 1.
    private static bool Knows<T>(int number)
        where T : struct, System.Enum =>
        number is > 0 and <= byte.MaxValue && System.Enum.IsDefined(typeof(T), (byte)number);

    private static bool Do(Action effect)
    {
        effect();
        return true;
    }
}
