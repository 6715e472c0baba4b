using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>What stands between the table and the answer: the operator's mode, and a local operator the registry does
/// not know.</summary>
public sealed class EnforcementTests
{
    private static readonly AttachRules Observing =
        new(AttachRules.DefaultTacWaitDays) { TacListComplete = true, UnknownAnswer = UnknownAnswer.Black };

    private static IEnumerable<TestCaseData<Situation, Verdict>> WhatTheTableSays() =>
    [
        new(new Situation { ImeiOrders = [Court] }, Verdict.Deny) { TestName = "{m}(court order)" },
        new(new Situation { ImeiOrders = [Bar] }, Verdict.Deny) { TestName = "{m}(bar)" },
        new(new Situation { ImeiOrders = [Theft] }, Verdict.Deny) { TestName = "{m}(theft)" },
        new(new Situation { Equipment = "no imei" }, Verdict.Deny) { TestName = "{m}(malformed)" },
        new(new Situation { Equipment = Router }, Verdict.Deny) { TestName = "{m}(wireline)" },
        new(new Situation { Equipment = TestHandset }, Verdict.Deny) { TestName = "{m}(test TAC)" },
        new(InvalidTac, Verdict.Deny) { TestName = "{m}(invalid TAC)" },
        new(NotRegistered, Verdict.Track) { TestName = "{m}(first seen)" },
        new(new Situation { Equipment = "" }, Verdict.Track) { TestName = "{m}(absent)" },
        new(new Situation(), Verdict.Allow) { TestName = "{m}(compliant)" },
    ];

    [TestCaseSource(nameof(WhatTheTableSays))]
    public void An_operator_that_observes_allows_and_is_told_what_the_table_said(Situation situation, Verdict evaluated)
    {
        var decision = (situation with { Rules = Observing }).Decide();

        Assert.That((decision.Verdict, decision.Evaluated), Is.EqualTo((Verdict.Allow, evaluated)));
    }

    [TestCaseSource(nameof(WhatTheTableSays))]
    public void An_operator_that_enforces_answers_what_the_table_said(Situation situation, Verdict evaluated)
    {
        var decision = (situation with { Rules = Enforcing(UnknownAnswer.Black, tacListComplete: true) }).Decide();

        Assert.That((decision.Verdict, decision.Evaluated), Is.EqualTo((evaluated, evaluated)));
    }

    [Test]
    public void An_operator_that_observes_is_told_the_row_and_the_reason()
    {
        var observed = new Situation { ImeiOrders = [Theft], Rules = Observing };

        Assert.That(observed.Answer(), Is.EqualTo(("5a", Verdict.Allow, CheckReason.Stolen)));
    }

    [Test]
    public void A_policy_that_says_nothing_observes()
    {
        Assert.That(AttachRules.Default.Mode, Is.EqualTo(EnforcementMode.Observe));
    }

    [Test]
    public void A_mode_nobody_set_observes()
    {
        var unset = new Situation { ImeiOrders = [Court],
            Rules = new AttachRules(AttachRules.DefaultTacWaitDays) { Mode = default } };

        Assert.That(unset.Decide().Verdict, Is.EqualTo(Verdict.Allow));
    }

    [Test]
    public void An_unknown_tac_tracks_the_subscriber_of_an_unknown_local_operator_instead_of_denying()
    {
        var local = InvalidTac with { Imsi = OtherLocalImsi };

        Assert.That(local.Answer(), Is.EqualTo(("11c", Verdict.Track, CheckReason.TacInvalid)));
    }

    [Test]
    public void What_was_softened_for_an_unknown_local_operator_was_evaluated_so()
    {
        var local = InvalidTac with { Imsi = OtherLocalImsi };

        Assert.That(local.Decide().Evaluated, Is.EqualTo(Verdict.Track));
    }

    [Test]
    public void An_operator_that_observes_allows_what_was_softened_for_an_unknown_local_operator()
    {
        var local = InvalidTac with { Imsi = OtherLocalImsi, Rules = Observing };

        Assert.That(local.Decide().Verdict, Is.EqualTo(Verdict.Allow));
    }

    [Test]
    public void A_compliant_handset_of_an_unknown_local_operator_is_allowed()
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
        new(new Situation { Equipment = TestHandset }) { TestName = "{m}(test TAC)" },
    ];

    [TestCaseSource(nameof(WhatBindsUnknownLocalOperators))]
    public void Orders_malformed_and_test_identities_deny_the_subscriber_of_an_unknown_local_operator_too(
        Situation situation)
    {
        Assert.That((situation with { Imsi = OtherLocalImsi }).Decide().Verdict, Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public void A_subscriber_of_a_registered_operator_is_not_softened()
    {
        Assert.That(InvalidTac.Decide().Verdict, Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public void Without_an_imsi_nothing_is_softened()
    {
        var anonymous = InvalidTac with { Imsi = "" };

        Assert.That(anonymous.Decide().Verdict, Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public void While_no_operator_is_registered_every_local_subscriber_is_of_an_unknown_one()
    {
        var early = InvalidTac with { Plmns = null };

        Assert.That(early.Decide().Verdict, Is.EqualTo(Verdict.Track));
    }
}
