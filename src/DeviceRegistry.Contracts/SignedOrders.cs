using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using OrderClass = DeviceRegistry.Contracts.V1.OrderClass;

namespace DeviceRegistry.Contracts;

/// <summary>Follows the public journal and verifies that two people signed every order and every order action that took
/// effect. An attacker with write access to the database can therefore not forge an order unnoticed. The keys of people
/// come from the journal.</summary>
/// <remarks>It cannot verify that an order's IMEIs are those of its draft, because the draft is private: the registry
/// verifies that (dreg journal verify-state), and so does the proof of one order (<see cref="ArmedRules"/>). Entries
/// about keys of people are not signed: an attacker with write access to the database can register people too, which an
/// auditor sees in the list of members.</remarks>
public sealed class SignedOrders : IDisposable
{
    // A person whose key is replaced may have a signed request in progress, and an order may start while a write waits.
    private const long InProgressUs = 300_000_000;

    private readonly MemberKeys _keys = new();
    private readonly Dictionary<ulong, Order> _orders = [];

    // Keys of registered people only, so there are hundreds at most.
    private readonly Dictionary<string, ECDsa> _parsedKeys = [];

    private enum Stage : byte
    {
        Drafted,
        Approved,
        Armed,
        Stayed,
        Over,
    }

    /// <summary>Number of verified signatures.</summary>
    public long Signatures { get; private set; }

    /// <summary>Number of drafted orders and order actions.</summary>
    public int Drafts => _orders.Count;

    /// <summary>Number of steps of orders whose drafts precede the first entry: their signatures could not be
    /// verified.</summary>
    public int Earlier { get; private set; }

    /// <summary>Number of valid signatures of people registered before the first entry: the owners of the keys could
    /// not be verified.</summary>
    public int Unattributed { get; private set; }

    /// <summary>The first entry follows a checkpoint: orders drafted before it are unknown.</summary>
    public bool BeginsLater { get; init; }

    /// <summary>Applies the next entry, whose place in the chain is already verified. Returns the error; empty if there
    /// is none.</summary>
    public string Take(JournalEntry entry)
    {
        _keys.Take(entry);
        return (JournalKind)entry.Kind switch
        {
            JournalKind.OrderDrafted => Read(entry, OrderStep.Parser, Draft),
            JournalKind.OrderApproved => Read(entry, OrderStep.Parser, Approve),
            JournalKind.OrderArmed => Read(entry, OrderArmed.Parser, Arm),
            JournalKind.OrderPairsArmed => Read(entry, OrderPairsArmed.Parser, ArmPairs),
            JournalKind.OrderLifted => Read(entry, OrderLifted.Parser, (_, step) => End(step, Stage.Over)),
            JournalKind.OrderAnnulled => Read(entry, OrderLifted.Parser, (_, step) => End(step, Stage.Over)),
            JournalKind.OrderStayed => Read(entry, OrderLifted.Parser, (_, step) => End(step, Stage.Stayed)),
            JournalKind.OrderRejected => Read(entry, OrderStep.Parser, (_, step) => Drop(step, Stage.Drafted)),
            JournalKind.OrderWithdrawn => Read(entry, OrderStep.Parser, Withdraw),
            _ => "",
        };
    }

    private static string Read<T>(
        JournalEntry entry, Google.Protobuf.MessageParser<T> parser, Func<JournalEntry, T, string> take)
        where T : class, Google.Protobuf.IMessage<T>, new() =>
        JournalEntryRules.TryRead(entry, parser, out var message) ? take(entry, message) : "it cannot be read";

    private string Draft(JournalEntry entry, OrderStep step)
    {
        if (_orders.ContainsKey(step.OrderNumber)) return $"order {step.OrderNumber} was drafted before";
        if (!IsSigned(entry, step.Signature, step.DraftDigest.Span,
            out var fault)) return $"order {step.OrderNumber}: the draft {fault}";

        _orders[step.OrderNumber] = new Order { DraftDigest = step.DraftDigest.ToByteArray(), Drafter = entry.Actor };
        return "";
    }

    private string Approve(JournalEntry entry, OrderStep step)
    {
        if (!TryFind(step.OrderNumber, out var order)) return Unknown(step.OrderNumber);
        if (order.Stage is not Stage.Drafted) return $"order {step.OrderNumber} was approved or ended before";
        if (!step.DraftDigest.Span.SequenceEqual(
            order.DraftDigest)) return $"order {step.OrderNumber}: what was approved is not what was drafted";
        if (!IsSigned(entry, step.Signature,
            OrderSigning.ApprovalDigest(step.OrderNumber, step.DraftDigest.Span, step.TargetOrderNumber),
            out var fault)) return $"order {step.OrderNumber}: the approval {fault}";
        if (entry.Actor == order.Drafter) return $"order {step.OrderNumber}: drafter and approver are one person";

        (order.Stage, order.Approver, order.Against) = (Stage.Approved, entry.Actor, step.TargetOrderNumber);
        return "";
    }

    private string Arm(JournalEntry entry, OrderArmed armed)
    {
        if (!TryFind(armed.OrderNumber, out var order)) return Unknown(armed.OrderNumber);

        var fault = order.Stage switch
        {
            Stage.Approved => "",
            Stage.Stayed => Use(armed.ActionNumber, armed.OrderNumber, order),
            Stage.Drafted => $"order {armed.OrderNumber} is armed and nobody approved it",
            _ => $"order {armed.OrderNumber} is armed again and no stay of it was vacated",
        };
        (order.ArmedAt, order.ArmedFor) = (entry.Position, 0);
        (order.Stage, order.Class, order.FromUs) =
            (Stage.Armed, armed.OrderClass, armed.EffectiveAt is { } from ? from.Seconds * 1_000_000
            + from.Nanos / 1_000 : long.MinValue);
        return fault;
    }

    // The pairs are known to their operator's nodes and the registry only; that the order has pairs is public.
    private string ArmPairs(JournalEntry entry, OrderPairsArmed armed)
    {
        if (!TryFind(armed.OrderNumber, out var order)) return Unknown(armed.OrderNumber);

        // The entry must belong to the arming that two people signed: both are one write, so the entries follow
        // directly, in order of operator.
        var follows = order.Stage is Stage.Armed && entry.Position == order.ArmedAt + 1
            && armed.OperatorPartyId > order.ArmedFor;
        (order.ArmedAt, order.ArmedFor) = (entry.Position, armed.OperatorPartyId);
        return follows ? ""
            : $"order {armed.OrderNumber} is armed for subscribers of operator {armed.OperatorPartyId} apart from " +
            $"its own arming";
    }

    private string End(OrderLifted ended, Stage then)
    {
        if (!TryFind(ended.OrderNumber, out var order)) return Unknown(ended.OrderNumber);

        var fault = Use(ended.LiftingOrderNumber, ended.OrderNumber, order);
        order.Stage = then;
        return fault;
    }

    private string Drop(OrderStep step, params Stage[] from)
    {
        if (!TryFind(step.OrderNumber, out var order)) return Unknown(step.OrderNumber);
        if (!from.Contains(
            order.Stage)) return $"order {step.OrderNumber} is dropped and may block somebody: that takes a measure " +
            $"that two people signed";

        order.Stage = Stage.Over;
        return "";
    }

    // Withdrawing an order that is not in force needs no signature; an order in force cannot be withdrawn.
    private string Withdraw(JournalEntry entry, OrderStep step) =>
        TryFind(step.OrderNumber, out var order) && order.Stage is Stage.Armed
            && order.FromUs > entry.AtUs - InProgressUs
            ? Drop(step, Stage.Armed)
            : Drop(step, Stage.Drafted, Stage.Approved);

    // An order action must itself be approved, against exactly this order, by a person who neither drafted nor approved
    // it, and it takes effect once.
    private string Use(ulong number, ulong target, Order order)
    {
        if (!TryFind(number, out var changing)) return BeginsLater ? Unknown(number)
            : $"order {target} is changed by order {number}, which nobody drafted";
        if (changing.Stage is not (Stage.Approved
            or Stage.Armed)) return $"order {target} is changed by order {number}, which nobody approved, or which " +
            $"was used before";
        if (changing.Against != target) return $"order {target} is changed by order {number}, which is not against it";
        if (order.Class is not (OrderClass.Unspecified or OrderClass.E)
            && (changing.Approver == order.Drafter || changing.Approver == order.Approver))
            return $"order {target} is changed by order {number}, whose approver drafted or approved it";

        if (changing.Stage is Stage.Approved) changing.Stage = Stage.Over;
        else changing.Against = 0;                                     // a superseding block order remains
        return "";
    }

    private bool TryFind(ulong number, out Order order) => _orders.TryGetValue(number, out order!);

    private string Unknown(ulong number)
    {
        if (!BeginsLater) return $"nobody drafted order {number}";

        Earlier++;
        return "";
    }

    private bool IsSigned(JournalEntry entry, Signature? signature, ReadOnlySpan<byte> digest, out string fault)
    {
        Signatures++;
        fault = "";
        if (signature is null || digest.Length != OrderSigning.DigestSize) fault = "is not signed";
        else if (BeginsLater && !_keys.Knows(entry.Actor))
        {
            Unattributed++;
            if (!OrderSigning.Verifies(digest, signature)) fault = "carries a signature that does not match";
        }
        else if (Signing.KeyOf(signature) is var key
            && !_keys.IsKeyOf(entry.Actor, key, entry.AtUs - InProgressUs)) fault =
            $"is signed with a key that is not that of person {entry.Actor} of the regulator";
        else if (!Verifies(key, digest, signature)) fault = "carries a signature that does not match";
        return fault.Length is 0;
    }

    private bool Verifies(string name, ReadOnlySpan<byte> digest, Signature signature)
    {
        if (!_parsedKeys.TryGetValue(name, out var key))
        {
            if (Signing.KeyIn(signature) is not { } parsed) return false;

            _parsedKeys[name] = key = parsed;
        }

        return OrderSigning.Verifies(digest, signature, key);
    }

    /// <summary>Disposes of the parsed keys.</summary>
    public void Dispose()
    {
        foreach (var key in _parsedKeys.Values) key.Dispose();
        _parsedKeys.Clear();
    }

    private sealed class Order
    {
        public required byte[] DraftDigest { get; init; }
        public required ulong Drafter { get; init; }
        public ulong Approver { get; set; }
        public ulong Against { get; set; }
        public Stage Stage { get; set; }
        public OrderClass Class { get; set; }
        public long FromUs { get; set; } = long.MinValue;
        public ulong ArmedAt { get; set; }
        public ulong ArmedFor { get; set; }
    }
}

/// <summary>Keys of the regulator's people, and until when they were valid, from the journal.</summary>
internal sealed class MemberKeys
{
    private readonly Dictionary<ulong, (bool IsRegulator, long UntilUs)> _parties = [];
    private readonly Dictionary<ulong, (ulong Party, string Key)> _people = [];
    private readonly Dictionary<(ulong Person, string Key), long> _until = [];

    /// <summary>Applies an entry; ignores entries that do not change keys.</summary>
    public void Take(JournalEntry entry)
    {
        if ((JournalKind)entry.Kind is JournalKind.PartyChanged
            && JournalEntryRules.TryRead(entry, PartyChanged.Parser, out var party))
            _parties[party.PartyId] = (party.Kind is V1.PartyKind.Regulator, party.State is MembershipState.Active
                ? long.MaxValue : entry.AtUs);
        else if ((JournalKind)entry.Kind is JournalKind.ActorChanged
            && JournalEntryRules.TryRead(entry, ActorChanged.Parser, out var actor)
            && actor.Kind is V1.ActorKind.Person)
            Put(actor, entry.AtUs);
    }

    /// <summary>Whether the journal contains the person.</summary>
    public bool Knows(ulong person) => _people.ContainsKey(person);

    /// <summary>Whether the person held the key at least until <paramref name="afterUs"/>.</summary>
    public bool IsKeyOf(ulong person, string key, long afterUs) =>
        _until.TryGetValue((person, key), out var until) && until > afterUs
        && _people.TryGetValue(person, out var known) && _parties.TryGetValue(known.Party, out var party)
        && party.IsRegulator && party.UntilUs > afterUs;

    private void Put(ActorChanged actor, long atUs)
    {
        var key = Convert.ToHexString(actor.KeyDigest.Span);
        if (_people.TryGetValue(actor.ActorId, out var before)
            && before.Key != key) _until[(actor.ActorId, before.Key)] = atUs;
        _people[actor.ActorId] = (actor.PartyId, key);
        _until[(actor.ActorId, key)] = actor.State is MembershipState.Active ? long.MaxValue : atUs;
    }
}
