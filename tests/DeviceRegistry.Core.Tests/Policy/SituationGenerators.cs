using FsCheck.Fluent;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>Random situations for properties: mostly near the limits of the decision table, sometimes
/// invalid.</summary>
public static class SituationGenerators
{
    private static readonly Gen<long> Instant = Gen.OneOf(
        Gen.Choose(-5, 5).Select(n => Situation.Now + n),
        Gen.Choose(-500, 500).Select(n => Situation.Now + n * Situation.Day),
        Gen.Elements(0, 1, -1, Situation.Now, long.MinValue, long.MaxValue));

    private static readonly Gen<string> Equipment = Gen.OneOf(
        Gen.Elements(Situation.DeviceImei, Situation.TestDeviceImei, Situation.Router, "", " ", "no imei",
        "10000000000000",
        "8665070400405399"),
        ArbMap.Default.GeneratorFor<string?>().Select(text => text ?? ""));

    private static readonly Gen<string> Imsi = Gen.OneOf(
        Gen.Elements(Situation.HomeImsi, Situation.OtherLocalImsi, Situation.ForeignImsi, "001010123456789", "",
        "4100"),
        ArbMap.Default.GeneratorFor<string?>().Select(text => text ?? ""));

    private static readonly Gen<OrderTerm> Order =
        from number in Gen.Choose(1, 1_000)
        from rank in Gen.Choose(1, 5)
        from reason in Gen.Elements(CheckReason.CourtOrder, CheckReason.Barred, CheckReason.BarredTac,
            CheckReason.Stolen, CheckReason.Lost)
        from fromMs in Instant
        from untilMs in Instant
        select new OrderTerm((ulong)number, (OrderClass)rank, reason, fromMs, untilMs);

    private static readonly Gen<AttachRules> Rules =
        from mode in Gen.Elements(EnforcementMode.Observe, EnforcementMode.Enforce, default)
        from answer in Gen.Choose(0, 5)
        from complete in Gen.Elements(true, false)
        from ttlHours in Gen.Choose(0, 2_000)
        select new AttachRules(AttachRules.DefaultTacWaitDays)
        {
            Mode = mode, UnknownAnswer = (UnknownAnswer)answer, TacListComplete = complete,
            KnowledgeTtl = TimeSpan.FromHours(ttlHours),
        };

    private static readonly Gen<Situation> Situations =
        from equipment in Equipment
        from imsi in Imsi
        from emergency in Gen.Elements(true, false, false, false)
        from device in Gen.Choose(0, 2)
        from tac in Gen.Choose(0, 3)
        from listAsOf in Instant
        from onImei in Order.ArrayOf()
        from onTac in Order.ArrayOf()
        from onRange in Order.ArrayOf()
        from firstSeen in Instant
        from knownAt in Instant
        from rules in Rules
        from now in Instant
        select new Situation
        {
            Equipment = equipment, Imsi = imsi, Emergency = emergency, Device = (DeviceStatus)device,
            Tac = (TacStatus)tac, TacListAsOfMs = listAsOf,
            ImeiOrders = onImei, TacOrders = onTac, RangeOrders = onRange, FirstSeenMs = firstSeen, KnownAtMs = knownAt,
            Rules = rules, NowMs = now,
        };

    /// <summary>The generator that FsCheck uses.</summary>
    public static Arbitrary<Situation> Arbitrary() => Situations.ToArbitrary();
}
