using System.Diagnostics.CodeAnalysis;

namespace DeviceRegistry.Core;

/// <summary>Class of an order by rank (DOMAIN 5.2). Numbers as on the wire.</summary>
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

/// <summary>An armed order as it bears on one subject. Nodes start and end it by their clock.</summary>
/// <param name="Number">Number of the order.</param>
/// <param name="Class">Its class.</param>
/// <param name="Reason">What a check says when it denies.</param>
/// <param name="FromMs">Start, ms since 1970; 0: at once.</param>
/// <param name="UntilMs">End, ms since 1970; <see cref="long.MaxValue"/>: never.</param>
public readonly record struct OrderTerm(ulong Number, OrderClass Class, CheckReason Reason, long FromMs, long UntilMs);

/// <summary>What the index holds about an IMEI's life cycle (DOMAIN 5.1), as far as nodes know it.</summary>
public enum DeviceStatus : byte
{
    /// <summary>Nothing.</summary>
    NotRegistered,

    /// <summary>Registered and on the market.</summary>
    Released,

    /// <summary>Of a unit that was on the market and is retired, recalled or has another board.</summary>
    Retired,
}

/// <summary>What the index holds about a TAC.</summary>
public enum TacStatus : byte
{
    /// <summary>No TAC list has been loaded.</summary>
    NoList,

    /// <summary>Not in the list.</summary>
    Unknown,

    /// <summary>In the list.</summary>
    Known,
}

/// <summary>How an identity stands to the subscriber that uses it (DOMAIN 5.7).</summary>
public enum Pairing : byte
{
    /// <summary>The equipment is paired with nobody this node knows of.</summary>
    None,

    /// <summary>It is paired, but not with this subscriber, or the subscriber is not known.</summary>
    Other,

    /// <summary>It is paired with this subscriber.</summary>
    Paired,
}

/// <summary>What the network asked.</summary>
public readonly ref struct AttachRequest
{
    /// <summary>The equipment.</summary>
    public required EquipmentIdentity Equipment { get; init; }

    /// <summary>The subscriber's IMSI, or empty.</summary>
    public ReadOnlySpan<char> Imsi { get; init; }

    /// <summary>An emergency attach or call.</summary>
    public bool Emergency { get; init; }
}

/// <summary>What the index knows that bears on the question. Read once, before the question is judged.</summary>
public readonly ref struct AttachFacts
{
    private readonly ReadOnlySpan<OrderTerm> _imeiOrders;
    private readonly OrderTerm _onlyImeiOrder;

    /// <summary>Life cycle of the IMEI.</summary>
    public DeviceStatus Device { get; init; }

    /// <summary>Status of its TAC.</summary>
    public TacStatus Tac { get; init; }

    /// <summary>When the TAC list was last brought up to date, ms since 1970.</summary>
    public long TacListAsOfMs { get; init; }

    /// <summary>Orders on the IMEI, or on the identity that is none.</summary>
    public ReadOnlySpan<OrderTerm> ImeiOrders
    {
        [UnscopedRef]
        get => _onlyImeiOrder.Number is 0 ? _imeiOrders : new ReadOnlySpan<OrderTerm>(in _onlyImeiOrder);
        init => _imeiOrders = value;
    }

    /// <summary>The one order there is on the IMEI, instead of <see cref="ImeiOrders"/>: an index of a hundred million
    /// keeps it in fewer bytes than a list. Number 0: not so.</summary>
    public OrderTerm OnlyImeiOrder
    {
        init => _onlyImeiOrder = value;
    }

    /// <summary>Orders on the TAC.</summary>
    public ReadOnlySpan<OrderTerm> TacOrders { get; init; }

    /// <summary>Orders on serial ranges that the IMEI is in.</summary>
    public ReadOnlySpan<OrderTerm> RangeOrders { get; init; }

    /// <summary>Orders on the identity together with this subscriber; none where the subscriber is not known.</summary>
    public ReadOnlySpan<OrderTerm> PairOrders { get; init; }

    /// <summary>Whether the identity is paired, and with whom.</summary>
    public Pairing Pairing { get; init; }

    /// <summary>First sighting of the IMEI, ms since 1970; 0: not known, so this is the first.</summary>
    public long FirstSeenMs { get; init; }

    /// <summary>Until when the node knew everything, ms since 1970; 0: it never did.</summary>
    public long KnownAtMs { get; init; }

    /// <summary>PLMN codes of the operators in the registry.</summary>
    public IReadOnlyList<string>? RegisteredPlmns { get; init; }
}

/// <summary>May this handset attach? The decision table of DOMAIN 6.3, row for row; the first row that matches
/// wins.</summary>
/// <remarks>Pure: index, question, rules and time in, decision out. It allocates nothing. Rows that today's data cannot
/// reach (3, 5b, 5c, 6b, 7, 11b, 12a, 13, 14a, 14d to 18, 19b, 19c) are not written; each has its place by its number.
/// Row 14c is the centre's.</remarks>
public static class AttachPolicy
{
    /// <summary>Decides. <paramref name="nowMs"/> is the node's clock, ms since 1970.</summary>
    public static Decision Decide(in AttachRequest question, in AttachFacts facts, AttachRules rules, long nowMs)
    {
        // Knowledge from far ahead is as bad as from far back: the clock was wrong when it came, or is wrong now.
        var stale = Math.Abs((double)nowMs - facts.KnownAtMs) > rules.KnowledgeTtl.TotalMilliseconds;
        var home = rules.HomeOf(question.Imsi, facts.RegisteredPlmns ?? []);
        var decision = Evaluate(question, facts, rules, home, nowMs, stale);

        // DOMAIN 6.4: knowledge past its age denies by court, bar and theft alone; the rest is open until the centre is
        // back.
        if (decision.Evaluated is Verdict.Deny && stale && decision.Reason > CheckReason.Lost)
            decision = Row("6.4", Verdict.Allow, CheckReason.FailOpen);

        // A local operator the registry does not know: TRACK at worst from row 11 on. Orders, malformed and test
        // identities bind it like roamers, for they say something of the handset and not of its registration (note
        // under DOMAIN 6.3; README, decisions).
        if (home is SubscriberHome.OtherLocalOperator && decision.Evaluated is Verdict.Deny
            && decision.Reason is > CheckReason.TestImei and not CheckReason.FinanceDefault)
            decision = decision with { Verdict = Verdict.Track, Evaluated = Verdict.Track };

        return rules.Mode is EnforcementMode.Enforce ? decision
            : decision with { Verdict = Verdict.Allow, UnknownEquipment = false };
    }

    private static Decision Evaluate(
        in AttachRequest question, in AttachFacts facts, AttachRules rules, SubscriberHome home, long nowMs,
        bool stale)
    {
        // Row 0: emergency calls are allowed regardless of anything.
        if (question.Emergency) return Row("0", Verdict.Allow, CheckReason.Emergency);

        // Row 1: the network gave no identity: its fault, not the citizen's.
        if (question.Equipment.Kind is EquipmentKind.Absent) return Row("1", Verdict.Track, CheckReason.ImeiAbsent);

        var order = Highest(facts, rules, nowMs, stale, out var onTac);

        // Row 2: an order of class A in force.
        if (order.Class is OrderClass.A) return Row("2", Verdict.Deny, CheckReason.CourtOrder, order.Number);

        // Row 4: an order of class B in force, on the IMEI, a range it is in, or its TAC.
        if (order.Class is OrderClass.B) return Row("4", Verdict.Deny, onTac ? CheckReason.BarredTac
            : CheckReason.Barred, order.Number);

        // Row 5a: an order of class C in force.
        if (order.Class is OrderClass.C) return Row("5a", Verdict.Deny, order.Reason, order.Number);

        // Row 6a: an order of class D in force, where the policy has that rung. Cases of clones are not known yet (6b).
        if (order.Class is OrderClass.D) return Row("6a", Verdict.Deny, CheckReason.FinanceDefault, order.Number);

        // Row 8: not an IMEI. Wireline equipment gets the operator's answer for unknown equipment, unless an order of
        // class E names it.
        if (question.Equipment.Kind is EquipmentKind.Wireline)
            return order.Class is OrderClass.E && home is not SubscriberHome.Abroad ? Technical(order)
                : UnknownEquipment(rules.UnknownAnswer);
        if (question.Equipment.Kind is EquipmentKind.Malformed)
            return Row("8", Verdict.Deny, CheckReason.ImeiMalformed, order.Class is OrderClass.E
                && home is not SubscriberHome.Abroad ? order.Number : 0);

        var tac = question.Equipment.Imei.Tac;

        // Row 9: a test TAC outside the test range of subscribers.
        if (rules.IsTestTac(tac) && !rules.IsTestImsi(question.Imsi)) return Row("9", Verdict.Deny,
            CheckReason.TestImei);

        // Row 10: an inbound roamer, never denied by what follows.
        if (home is SubscriberHome.Abroad)
            return Row("10", facts.Tac is TacStatus.Unknown ? Verdict.Track : Verdict.Allow, CheckReason.Roamer);

        // An order of class E in force: rows 12b and 19d as the regulator's order (note under DOMAIN 6.3), after
        // roaming like them.
        if (order.Class is OrderClass.E) return Technical(order);

        // Rows 11a, 11c: TAC unknown, device not registered. Without a list no TAC is unknown: row 20.
        if (facts is { Device: DeviceStatus.NotRegistered, Tac: TacStatus.Unknown })
        {
            var waitUntil = (facts.FirstSeenMs is 0 ? nowMs : facts.FirstSeenMs) + rules.TacWaitMs(tac);
            if (nowMs < waitUntil) return Row("11a", Verdict.Track, CheckReason.TacWait) with { DueAtMs = waitUntil };

            var fresh = nowMs - facts.TacListAsOfMs <= (long)rules.TacFreshness.TotalMilliseconds;
            if (rules.TacListComplete && fresh) return Row("11c", Verdict.Deny, CheckReason.TacInvalid);
        }

        // Row 12c: clones are usually made from the numbers of scrapped handsets.
        if (facts.Device is DeviceStatus.Retired) return Row("12c", Verdict.Track, CheckReason.RetiredImeiSeen);

        // Row 14b: registered and on the market.
        if (facts.Device is DeviceStatus.Released) return Row("14b", Verdict.Allow, CheckReason.Compliant);

        // Row 19a: a valid TAC, not registered, never seen before.
        if (facts is { Tac: TacStatus.Known, FirstSeenMs: 0 }) return Row("19a", Verdict.Track, CheckReason.FirstSeen);

        // Row 20: a gap in the table must never block anyone.
        return Row("20", Verdict.Track, CheckReason.Undecided);
    }

    /// <summary>The order of highest rank in force on the IMEI, the IMEI with this subscriber, a range it is in, or its
    /// TAC; default if none. Overlap needs the list, not a counter: when the higher one ends, the lower one still
    /// stands.</summary>
    private static OrderTerm Highest(in AttachFacts facts, AttachRules rules, long nowMs, bool stale, out bool onTac)
    {
        onTac = false;
        var highest = default(OrderTerm);
        foreach (ref readonly var span in facts.ImeiOrders)
            if (InForce(span, rules, facts.KnownAtMs, nowMs, stale) && Outranks(span, highest)) highest = span;
        foreach (ref readonly var span in facts.PairOrders)
            if (InForce(span, rules, facts.KnownAtMs, nowMs, stale) && Outranks(span, highest)) highest = span;
        foreach (ref readonly var span in facts.RangeOrders)
            if (InForce(span, rules, facts.KnownAtMs, nowMs, stale) && Outranks(span, highest)) highest = span;
        foreach (ref readonly var span in facts.TacOrders)
            if (InForce(span, rules, facts.KnownAtMs, nowMs, stale) && Outranks(span, highest)) (highest, onTac) =
                (span, true);

        return highest;
    }

    private static bool Outranks(in OrderTerm span, in OrderTerm other) =>
        other.Number is 0 || span.Class < other.Class;

    // A node whose knowledge is too old starts no order that was still ahead when it last knew; ends still happen
    // (DESIGN 5).
    private static bool InForce(in OrderTerm span, AttachRules rules, long knownAtMs, long nowMs, bool stale) =>
        (span.Class is not OrderClass.D || rules.FinanceDeviceBlock)
            && span.FromMs <= (stale ? Math.Min(knownAtMs, nowMs) : nowMs) && nowMs < span.UntilMs;

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
