using System.Diagnostics.CodeAnalysis;

namespace DeviceRegistry.Core;

/// <summary>Class of an order; A outranks E. Numbers as on the wire.</summary>
public enum OrderClass : byte
{
    /// <summary>Court or tribunal.</summary>
    A = 1,

    /// <summary>Regulator's bar, security.</summary>
    B = 2,

    /// <summary>Lost or stolen.</summary>
    C = 3,

    /// <summary>Finance default.</summary>
    D = 4,

    /// <summary>Technical.</summary>
    E = 5,
}

/// <summary>Period and denial reason of an armed order, as it applies to one subject. Nodes start and end it by their
/// clocks.</summary>
/// <param name="Number">Number of the order.</param>
/// <param name="Class">Class of the order.</param>
/// <param name="Reason">Reason of a check that the order denies.</param>
/// <param name="FromMs">Start, ms since 1970; 0: immediately.</param>
/// <param name="UntilMs">End, ms since 1970; <see cref="long.MaxValue"/>: never.</param>
public readonly record struct OrderTerm(ulong Number, OrderClass Class, CheckReason Reason, long FromMs, long UntilMs);

/// <summary>Life cycle of an IMEI, as far as nodes know it.</summary>
public enum DeviceStatus : byte
{
    /// <summary>Not registered, or not released yet.</summary>
    NotRegistered,

    /// <summary>Registered and on the market.</summary>
    Released,

    /// <summary>IMEI of a unit that was on the market and is retired, recalled or has another board.</summary>
    Retired,
}

public enum TacStatus : byte
{
    /// <summary>No TAC list has been loaded.</summary>
    NoList,

    /// <summary>Not in the list.</summary>
    Unknown,

    /// <summary>In the list.</summary>
    Known,
}

/// <summary>Whether the equipment is paired with the subscriber that uses it.</summary>
public enum Pairing : byte
{
    /// <summary>This node knows no pairing of the equipment.</summary>
    None,

    /// <summary>The equipment is paired, but not with this subscriber, or the subscriber is not known.</summary>
    Other,

    /// <summary>The equipment is paired with this subscriber.</summary>
    Paired,
}

/// <summary>A check that the network requests.</summary>
public readonly ref struct AttachRequest
{
    public required EquipmentIdentity Equipment { get; init; }

    /// <summary>The subscriber's IMSI, or empty.</summary>
    public ReadOnlySpan<char> Imsi { get; init; }

    /// <summary>An emergency attach or call.</summary>
    public bool Emergency { get; init; }
}

/// <summary>Data of the index that applies to one check, read before the check is evaluated.</summary>
public readonly ref struct AttachFacts
{
    private readonly ReadOnlySpan<OrderTerm> _imeiOrders;
    private readonly OrderTerm _onlyImeiOrder;

    public DeviceStatus Device { get; init; }

    public TacStatus Tac { get; init; }

    /// <summary>Time of the last update of the TAC list, ms since 1970.</summary>
    public long TacListAsOfMs { get; init; }

    /// <summary>Orders on the IMEI, or on an identity that is not an IMEI.</summary>
    public ReadOnlySpan<OrderTerm> ImeiOrders
    {
        [UnscopedRef]
        get => _onlyImeiOrder.Number is 0 ? _imeiOrders : new ReadOnlySpan<OrderTerm>(in _onlyImeiOrder);
        init => _imeiOrders = value;
    }

    /// <summary>The only order on the IMEI, instead of <see cref="ImeiOrders"/>: an index of a hundred million IMEIs
    /// stores it in fewer bytes than a list. Number 0: use <see cref="ImeiOrders"/>.</summary>
    public OrderTerm OnlyImeiOrder
    {
        init => _onlyImeiOrder = value;
    }

    /// <summary>Orders on the TAC.</summary>
    public ReadOnlySpan<OrderTerm> TacOrders { get; init; }

    /// <summary>Orders on serial ranges that contain the IMEI.</summary>
    public ReadOnlySpan<OrderTerm> RangeOrders { get; init; }

    /// <summary>Orders on the identity together with this subscriber; empty if the subscriber is not known.</summary>
    public ReadOnlySpan<OrderTerm> PairOrders { get; init; }

    /// <summary>Whether the identity is paired, and whether with this subscriber.</summary>
    public Pairing Pairing { get; init; }

    /// <summary>First sighting of the IMEI, ms since 1970; 0: not known, so this check is the first.</summary>
    public long FirstSeenMs { get; init; }

    /// <summary>Last time when the node had the whole journal, ms since 1970; 0: never.</summary>
    public long KnownAtMs { get; init; }

    /// <summary>PLMN codes of the operators in the registry.</summary>
    public IReadOnlyList<string>? RegisteredPlmns { get; init; }
}

/// <summary>Decides whether a device may attach: the decision table of proto/docs/decision-table.md, row for row. The
/// first row that matches decides.</summary>
/// <remarks>Pure function of request, facts, rules and time. It allocates nothing. Rows that today's data cannot reach
/// (3, 5b, 5c, 6b, 7, 11b, 12a, 13, 14a, 14d to 18, 19b, 19c) are not written; each has its place by its number. Row
/// 14c is evaluated by the registrar.</remarks>
public static class AttachPolicy
{
    /// <summary>Decides one check. <paramref name="nowMs"/> is the node's clock, ms since 1970.</summary>
    public static Decision Decide(in AttachRequest request, in AttachFacts facts, AttachRules rules, long nowMs)
    {
        // Data from the far future is as unreliable as old data: the clock was wrong when the data came, or is wrong
        // now.
        var stale = Math.Abs((double)nowMs - facts.KnownAtMs) > rules.KnowledgeTtl.TotalMilliseconds;
        var home = rules.HomeOf(request.Imsi, facts.RegisteredPlmns ?? []);
        var decision = Evaluate(request, facts, rules, home, nowMs, stale);

        // Row 6.4: data older than degraded.cache_ttl denies only by orders of class A to C (court, bar, theft). Every
        // other denial fails open until the registrar is reachable again.
        if (decision.Evaluated is Verdict.Deny && stale && decision.Reason > CheckReason.Lost)
            decision = Row("6.4", Verdict.Allow, CheckReason.FailOpen);

        // The subscriber's operator is local but not registered: at worst TRACK from row 11 on. Orders, malformed and
        // test identities apply to its subscribers as to roamers, because they concern the device and not its
        // registration.
        if (home is SubscriberHome.OtherLocalOperator && decision.Evaluated is Verdict.Deny
            && decision.Reason is > CheckReason.TestImei and not CheckReason.FinanceDefault)
            decision = decision with { Verdict = Verdict.Track, Evaluated = Verdict.Track };

        return rules.Mode is EnforcementMode.Enforce ? decision
            : decision with { Verdict = Verdict.Allow, UnknownEquipment = false };
    }

    private static Decision Evaluate(
        in AttachRequest request, in AttachFacts facts, AttachRules rules, SubscriberHome home, long nowMs,
        bool stale)
    {
        // Row 0: emergency calls are allowed regardless of anything.
        if (request.Emergency) return Row("0", Verdict.Allow, CheckReason.Emergency);

        // Row 1: the network sent no identity, which is not the subscriber's fault.
        if (request.Equipment.Kind is EquipmentKind.Absent) return Row("1", Verdict.Track, CheckReason.ImeiAbsent);

        var order = Highest(facts, rules, nowMs, stale, out var onTac);

        // Row 2: an order of class A in force.
        if (order.Class is OrderClass.A) return Row("2", Verdict.Deny, CheckReason.CourtOrder, order.Number);

        // Row 4: an order of class B in force, on the IMEI, a range that contains it, or its TAC.
        if (order.Class is OrderClass.B) return Row("4", Verdict.Deny, onTac ? CheckReason.BarredTac
            : CheckReason.Barred, order.Number);

        // Row 5a: an order of class C in force.
        if (order.Class is OrderClass.C) return Row("5a", Verdict.Deny, order.Reason, order.Number);

        // Row 6a: an order of class D in force, if the policy enables class D. Clone cases are not known yet (6b).
        if (order.Class is OrderClass.D) return Row("6a", Verdict.Deny, CheckReason.FinanceDefault, order.Number);

        // Row 8: not an IMEI. Wireline equipment gets the operator's answer for unknown equipment, unless an order of
        // class E covers it.
        if (request.Equipment.Kind is EquipmentKind.Wireline)
            return order.Class is OrderClass.E && home is not SubscriberHome.Abroad ? Technical(order)
                : UnknownEquipment(rules.UnknownAnswer);
        if (request.Equipment.Kind is EquipmentKind.Malformed)
            return Row("8", Verdict.Deny, CheckReason.ImeiMalformed, order.Class is OrderClass.E
                && home is not SubscriberHome.Abroad ? order.Number : 0);

        var tac = request.Equipment.Imei.Tac;

        // Row 9: a test TAC outside the test range of subscribers.
        if (rules.IsTestTac(tac) && !rules.IsTestImsi(request.Imsi)) return Row("9", Verdict.Deny,
            CheckReason.TestImei);

        // Row 10: an inbound roamer, never denied by the rows below.
        if (home is SubscriberHome.Abroad)
            return Row("10", facts.Tac is TacStatus.Unknown ? Verdict.Track : Verdict.Allow, CheckReason.Roamer);

        // An order of class E in force: rows 12b and 19d. They are evaluated after row 10, so class E never denies a
        // roamer.
        if (order.Class is OrderClass.E) return Technical(order);

        // Rows 11a, 11c: TAC unknown, device not registered. Without a TAC list no TAC is unknown: row 20.
        if (facts is { Device: DeviceStatus.NotRegistered, Tac: TacStatus.Unknown })
        {
            var waitUntil = (facts.FirstSeenMs is 0 ? nowMs : facts.FirstSeenMs) + rules.TacWaitMs(tac);
            if (nowMs < waitUntil) return Row("11a", Verdict.Track,
                CheckReason.TacAllocationWait) with
            { DueAtMs = waitUntil };

            var fresh = nowMs - facts.TacListAsOfMs <= (long)rules.TacFreshness.TotalMilliseconds;
            if (rules.TacListComplete && fresh) return Row("11c", Verdict.Deny, CheckReason.TacInvalid);
        }

        // Row 12c: clones usually use IMEIs of scrapped devices.
        if (facts.Device is DeviceStatus.Retired) return Row("12c", Verdict.Track, CheckReason.RetiredImeiSeen);

        // Row 14b: registered and on the market.
        if (facts.Device is DeviceStatus.Released) return Row("14b", Verdict.Allow, CheckReason.Compliant);

        // Row 19a: a valid TAC, not registered, never seen before.
        if (facts is { Tac: TacStatus.Known, FirstSeenMs: 0 }) return Row("19a", Verdict.Track, CheckReason.FirstSeen);

        // Row 20: a gap in the table must never refuse service.
        return Row("20", Verdict.Track, CheckReason.Undecided);
    }

    /// <summary>The order of highest rank in force on the IMEI, the IMEI with this subscriber, a range that contains
    /// it, or its TAC; default if none. Overlapping orders need the list, not a counter: when the higher order ends,
    /// the lower one remains in force.</summary>
    private static OrderTerm Highest(in AttachFacts facts, AttachRules rules, long nowMs, bool stale, out bool onTac)
    {
        onTac = false;
        var highest = default(OrderTerm);
        foreach (ref readonly var term in facts.ImeiOrders)
            if (InForce(term, rules, facts.KnownAtMs, nowMs, stale) && Outranks(term, highest)) highest = term;
        foreach (ref readonly var term in facts.PairOrders)
            if (InForce(term, rules, facts.KnownAtMs, nowMs, stale) && Outranks(term, highest)) highest = term;
        foreach (ref readonly var term in facts.RangeOrders)
            if (InForce(term, rules, facts.KnownAtMs, nowMs, stale) && Outranks(term, highest)) highest = term;
        foreach (ref readonly var term in facts.TacOrders)
            if (InForce(term, rules, facts.KnownAtMs, nowMs, stale) && Outranks(term, highest)) (highest, onTac) =
                (term, true);

        return highest;
    }

    private static bool Outranks(in OrderTerm term, in OrderTerm other) =>
        other.Number is 0 || term.Class < other.Class;

    // A node with stale data starts no order whose start was still ahead when the node last had the whole journal; it
    // still ends orders.
    private static bool InForce(in OrderTerm term, AttachRules rules, long knownAtMs, long nowMs, bool stale) =>
        (term.Class is not OrderClass.D || rules.FinanceDeviceBlock)
            && term.FromMs <= (stale ? Math.Min(knownAtMs, nowMs) : nowMs) && nowMs < term.UntilMs;

    private static Decision Technical(in OrderTerm order) =>
        order.Reason is CheckReason.Clone ? Row("12b", Verdict.Deny, CheckReason.Clone, order.Number)
            : Row("19d", Verdict.Deny, CheckReason.NotRegistered, order.Number);

    private static Decision UnknownEquipment(UnknownAnswer answer) => answer switch
    {
        UnknownAnswer.Grey => Row("8", Verdict.Track, CheckReason.UnknownEquipment),
        UnknownAnswer.Black => Row("8", Verdict.Deny, CheckReason.UnknownEquipment),
        UnknownAnswer.Unknown => Row("8", Verdict.Track, CheckReason.UnknownEquipment) with { UnknownEquipment = true },
        _ => Row("8", Verdict.Allow, CheckReason.UnknownEquipment),
    };

    private static Decision Row(string row, Verdict verdict, CheckReason reason, ulong order = 0) =>
        new() { Verdict = verdict, Evaluated = verdict, Reason = reason, Row = row, Order = order };
}
