using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>Changes to the evaluated verdict: the operator's mode, and local operators that are not
/// registered.</summary>
public sealed class EnforcementTests
{
    private static readonly AttachRules Observing =
        new(AttachRules.DefaultTacWaitDays) { TacListComplete = true, UnknownAnswer = UnknownAnswer.Black };

    private static IEnumerable<TestCaseData<Situation, Verdict>> EvaluatedVerdicts() =>
    [
        new(new Situation { ImeiOrders = [Court] }, Verdict.Deny) { TestName = "{m}(court order)" },
        new(new Situation { ImeiOrders = [Bar] }, Verdict.Deny) { TestName = "{m}(bar)" },
        new(new Situation { ImeiOrders = [Theft] }, Verdict.Deny) { TestName = "{m}(theft)" },
        new(new Situation { Equipment = "no imei" }, Verdict.Deny) { TestName = "{m}(malformed)" },
        new(new Situation { Equipment = Router }, Verdict.Deny) { TestName = "{m}(wireline)" },
        new(new Situation { Equipment = TestDeviceImei }, Verdict.Deny) { TestName = "{m}(test TAC)" },
        new(InvalidTac, Verdict.Deny) { TestName = "{m}(invalid TAC)" },
        new(NotRegistered, Verdict.Track) { TestName = "{m}(first seen)" },
        new(new Situation { Equipment = "" }, Verdict.Track) { TestName = "{m}(absent)" },
        new(new Situation(), Verdict.Allow) { TestName = "{m}(compliant)" },
    ];

    [TestCaseSource(nameof(EvaluatedVerdicts))]
    public void In_observe_mode_a_check_is_allowed_and_the_evaluated_verdict_returned(Situation situation,
        Verdict evaluated)
    {
        var decision = (situation with { Rules = Observing }).Decide();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(decision.Verdict, Is.EqualTo(Verdict.Allow));
            Assert.That(decision.Evaluated, Is.EqualTo(evaluated));
        }
    }

    [TestCaseSource(nameof(EvaluatedVerdicts))]
    public void In_enforce_mode_the_answer_is_the_evaluated_verdict(Situation situation, Verdict evaluated)
    {
        var decision = (situation with { Rules = Enforcing(UnknownAnswer.Black, tacListComplete: true) }).Decide();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(decision.Verdict, Is.EqualTo(evaluated));
            Assert.That(decision.Evaluated, Is.EqualTo(evaluated));
        }
    }

    [Test]
    public void In_observe_mode_the_row_and_the_reason_are_returned()
    {
        var observed = new Situation { ImeiOrders = [Theft], Rules = Observing };

        Assert.That(observed.Answer(), Is.EqualTo(("5a", Verdict.Allow, CheckReason.Stolen)));
    }

    [Test]
    public void A_policy_without_a_mode_observes()
    {
        Assert.That(AttachRules.Default.Mode, Is.EqualTo(EnforcementMode.Observe));
    }

    [Test]
    public void An_unspecified_mode_observes()
    {
        var unset = new Situation
        {
            ImeiOrders = [Court],
            Rules = new AttachRules(AttachRules.DefaultTacWaitDays) { Mode = default }
        };

        Assert.That(unset.Decide().Verdict, Is.EqualTo(Verdict.Allow));
    }

    [Test]
    public void An_unknown_tac_tracks_a_subscriber_of_an_unknown_local_operator()
    {
        var local = InvalidTac with { Imsi = OtherLocalImsi };

        Assert.That(local.Answer(), Is.EqualTo(("11c", Verdict.Track, CheckReason.TacInvalid)));
    }

    [Test]
    public void The_evaluated_verdict_for_an_unknown_local_operator_is_the_softened_one()
    {
        var local = InvalidTac with { Imsi = OtherLocalImsi };

        Assert.That(local.Decide().Evaluated, Is.EqualTo(Verdict.Track));
    }

    [Test]
    public void In_observe_mode_a_softened_verdict_is_allowed()
    {
        var local = InvalidTac with { Imsi = OtherLocalImsi, Rules = Observing };

        Assert.That(local.Decide().Verdict, Is.EqualTo(Verdict.Allow));
    }

    [Test]
    public void A_compliant_device_of_an_unknown_local_operator_is_allowed()
    {
        var local = new Situation { Imsi = OtherLocalImsi };

        Assert.That(local.Answer(), Is.EqualTo(("14b", Verdict.Allow, CheckReason.Compliant)));
    }

    private static IEnumerable<TestCaseData<Situation>> WhatBindsUnknownLocalOperators() =>
    [
        new(new Situation { ImeiOrders = [Court] }) { TestName = "{m}(court order)" },
        new(new Situation { ImeiOrders = [Bar] }) { TestName = "{m}(bar)" },
        new(new Situation { TacOrders = [TacBar] }) { TestName = "{m}(bar on the TAC)" },
        new(new Situation { ImeiOrders = [Theft] }) { TestName = "{m}(theft)" },
        new(new Situation { ImeiOrders = [Loss] }) { TestName = "{m}(loss)" },
        new(new Situation { Equipment = "no imei" }) { TestName = "{m}(malformed)" },
        new(new Situation { Equipment = TestDeviceImei }) { TestName = "{m}(test TAC)" },
    ];

    [TestCaseSource(nameof(WhatBindsUnknownLocalOperators))]
    public void Orders_malformed_and_test_identities_deny_unknown_local_operators(
        Situation situation)
    {
        Assert.That((situation with { Imsi = OtherLocalImsi }).Decide().Verdict, Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public void A_verdict_for_a_subscriber_of_a_registered_operator_is_not_softened()
    {
        Assert.That(InvalidTac.Decide().Verdict, Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public void A_verdict_without_an_imsi_is_not_softened()
    {
        var anonymous = InvalidTac with { Imsi = "" };

        Assert.That(anonymous.Decide().Verdict, Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public void Without_registered_operators_every_local_operator_is_unknown()
    {
        var early = InvalidTac with { Plmns = null };

        Assert.That(early.Decide().Verdict, Is.EqualTo(Verdict.Track));
    }
}
