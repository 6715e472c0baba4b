using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>Invariants of the policy that hold in every situation.</summary>
public sealed class AttachPolicyPropertyTests
{
    [Property(Arbitrary = [typeof(SituationGenerators)], MaxTest = 2_000)]
    public void No_situation_makes_the_policy_throw(Situation situation)
    {
        Assert.That(situation.Decide, Throws.Nothing);
    }

    [Property(Arbitrary = [typeof(SituationGenerators)], MaxTest = 1_000)]
    public void Every_emergency_is_allowed(Situation situation)
    {
        var decision = (situation with { Emergency = true }).Decide();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(decision.Verdict, Is.EqualTo(Verdict.Allow));
            Assert.That(decision.Evaluated, Is.EqualTo(Verdict.Allow));
            Assert.That(decision.Reason, Is.EqualTo(CheckReason.Emergency));
        }
    }

    [Property(Arbitrary = [typeof(SituationGenerators)], MaxTest = 1_000)]
    public void No_registered_imei_of_a_plain_subscriber_is_denied_without_an_order(Situation situation)
    {
        var plain = situation with
        {
            Equipment = DeviceImei,
            Imsi = HomeImsi,
            Device = DeviceStatus.Released,
            ImeiOrders = [],
            TacOrders = [],
            RangeOrders = []
        };

        Assert.That(plain.Decide().Evaluated, Is.Not.EqualTo(Verdict.Deny));
    }

    [Property(Arbitrary = [typeof(SituationGenerators)], MaxTest = 1_000)]
    public void No_roamer_with_an_ordinary_imei_is_denied_without_an_order(Situation situation)
    {
        var roamer = situation with
        {
            Equipment = DeviceImei,
            Imsi = ForeignImsi,
            ImeiOrders = [],
            TacOrders = [],
            RangeOrders = []
        };

        Assert.That(roamer.Decide().Evaluated, Is.Not.EqualTo(Verdict.Deny));
    }

    [Property(Arbitrary = [typeof(SituationGenerators)], MaxTest = 1_000)]
    public void An_operator_in_observe_mode_denies_no_check(Situation situation)
    {
        Assert.That((situation with { Rules = AttachRules.Default }).Decide().Verdict, Is.EqualTo(Verdict.Allow));
    }

    [Property(Arbitrary = [typeof(SituationGenerators)], MaxTest = 1_000)]
    public void No_stale_node_denies_without_an_order(Situation situation)
    {
        var stale = situation with { ImeiOrders = [], TacOrders = [], RangeOrders = [], KnownAtMs = 0, NowMs = Now };

        Assert.That(stale.Decide().Evaluated, Is.Not.EqualTo(Verdict.Deny));
    }

    [Property(Arbitrary = [typeof(SituationGenerators)], MaxTest = 2_000)]
    public void The_deciding_order_is_the_highest_in_force_by_the_reference_search(Situation situation)
    {
        var known = situation with { Emergency = false, Equipment = DeviceImei, KnownAtMs = Now, NowMs = Now };

        Assert.That(ClassOf(known.Decide().Row), Is.EqualTo(HighestInForce(known)));
    }

    private static OrderClass? ClassOf(string row) =>
        row switch { "2" => OrderClass.A, "4" => OrderClass.B, "5a" => OrderClass.C, _ => null };

    private static OrderClass? HighestInForce(Situation situation) =>
        situation.ImeiOrders.Concat(situation.TacOrders).Concat(situation.RangeOrders)
        .Where(o => o.FromMs <= Now && Now < o.UntilMs && o.Class <= OrderClass.C)
        .Select(o => (OrderClass?)o.Class)
        .Min();
}
