using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>The rows of proto/docs/decision-table.md, one test for each outcome.</summary>
public sealed class AttachPolicyRowTests
{
    [Test]
    public void Row_0_an_emergency_is_allowed()
    {
        var emergency = new Situation { Emergency = true };

        Assert.That(emergency.Answer(), Is.EqualTo(("0", Verdict.Allow, CheckReason.Emergency)));
    }

    [Test]
    public void Row_1_an_identity_absent_from_the_request_is_tracked()
    {
        var absent = new Situation { Equipment = "" };

        Assert.That(absent.Answer(), Is.EqualTo(("1", Verdict.Track, CheckReason.ImeiAbsent)));
    }

    [Test]
    public void Row_2_an_order_of_class_A_denies()
    {
        var ordered = new Situation { ImeiOrders = [Court] };

        Assert.That(ordered.Answer(), Is.EqualTo(("2", Verdict.Deny, CheckReason.CourtOrder)));
    }

    [Test]
    public void Row_4_an_order_of_class_B_against_the_imei_denies()
    {
        var barred = new Situation { ImeiOrders = [Bar] };

        Assert.That(barred.Answer(), Is.EqualTo(("4", Verdict.Deny, CheckReason.Barred)));
    }

    [Test]
    public void Row_4_an_order_of_class_B_against_the_tac_denies()
    {
        var barred = new Situation { TacOrders = [TacBar] };

        Assert.That(barred.Answer(), Is.EqualTo(("4", Verdict.Deny, CheckReason.BarredTac)));
    }

    [Test]
    public void Row_5a_a_stolen_device_is_denied()
    {
        var stolen = new Situation { ImeiOrders = [Theft] };

        Assert.That(stolen.Answer(), Is.EqualTo(("5a", Verdict.Deny, CheckReason.Stolen)));
    }

    [Test]
    public void Row_5a_a_lost_device_is_denied()
    {
        var lost = new Situation { ImeiOrders = [Loss] };

        Assert.That(lost.Answer(), Is.EqualTo(("5a", Verdict.Deny, CheckReason.Lost)));
    }

    [Test]
    public void Row_8_a_malformed_identity_is_denied()
    {
        var malformed = new Situation { Equipment = "8665070#004053" };

        Assert.That(malformed.Answer(), Is.EqualTo(("8", Verdict.Deny, CheckReason.ImeiMalformed)));
    }

    [TestCase(UnknownAnswer.White, Verdict.Allow)]
    [TestCase(UnknownAnswer.Grey, Verdict.Track)]
    [TestCase(UnknownAnswer.Black, Verdict.Deny)]
    [TestCase(UnknownAnswer.Unknown, Verdict.Track)]
    public void Row_8_wireline_equipment_gets_the_operators_answer_for_unknown_equipment(UnknownAnswer answer,
        Verdict verdict)
    {
        var wireline = new Situation { Equipment = Router, Rules = Enforcing(answer) };

        Assert.That(wireline.Answer(), Is.EqualTo(("8", verdict, CheckReason.UnknownEquipment)));
    }

    [TestCase(UnknownAnswer.White, false)]
    [TestCase(UnknownAnswer.Grey, false)]
    [TestCase(UnknownAnswer.Black, false)]
    [TestCase(UnknownAnswer.Unknown, true)]
    public void Row_8_unknown_equipment_is_reported_only_if_the_operator_chose_it(UnknownAnswer answer, bool unknown)
    {
        var wireline = new Situation { Equipment = Router, Rules = Enforcing(answer) };

        Assert.That(wireline.Decide().UnknownEquipment, Is.EqualTo(unknown));
    }

    [Test]
    public void Row_9_a_test_tac_with_an_ordinary_subscriber_is_denied()
    {
        var test = new Situation { Equipment = TestDeviceImei };

        Assert.That(test.Answer(), Is.EqualTo(("9", Verdict.Deny, CheckReason.TestImei)));
    }

    [TestCase("001010123456789")]
    [TestCase("999991234567890")]
    public void Row_9_a_test_tac_with_a_test_subscriber_is_not_denied(string imsi)
    {
        var test = new Situation { Equipment = TestDeviceImei, Imsi = imsi };

        Assert.That(test.Decide().Verdict, Is.EqualTo(Verdict.Allow));
    }

    [TestCase(TacStatus.Known)]
    [TestCase(TacStatus.NoList)]
    public void Row_10_a_roamer_is_allowed(TacStatus tac)
    {
        var roamer = NotRegistered with { Imsi = ForeignImsi, Tac = tac };

        Assert.That(roamer.Answer(), Is.EqualTo(("10", Verdict.Allow, CheckReason.Roamer)));
    }

    [Test]
    public void Row_10_a_roamer_with_an_unknown_tac_is_tracked()
    {
        var roamer = InvalidTac with { Imsi = ForeignImsi };

        Assert.That(roamer.Answer(), Is.EqualTo(("10", Verdict.Track, CheckReason.Roamer)));
    }

    [Test]
    public void Row_11a_an_unknown_tac_within_its_wait_is_tracked()
    {
        var waiting = InvalidTac with { FirstSeenMs = Now - 18 * Day };

        Assert.That(waiting.Answer(), Is.EqualTo(("11a", Verdict.Track, CheckReason.TacAllocationWait)));
    }

    [Test]
    public void Row_11a_returns_when_the_wait_ends()
    {
        var waiting = InvalidTac with { FirstSeenMs = Now - 18 * Day };

        Assert.That(waiting.Decide().DueAtMs, Is.EqualTo(Now + Day));
    }

    [Test]
    public void Row_11a_the_wait_of_an_imei_without_sightings_starts_now()
    {
        var waiting = InvalidTac with { FirstSeenMs = 0 };

        Assert.That(waiting.Decide().DueAtMs, Is.EqualTo(Now + 19 * Day));
    }

    [Test]
    public void Row_11a_the_wait_includes_its_last_millisecond()
    {
        var waiting = InvalidTac with { FirstSeenMs = Now - 19 * Day + 1 };

        Assert.That(waiting.Decide().Row, Is.EqualTo("11a"));
    }

    [Test]
    public void Row_11c_applies_from_the_instant_the_wait_ends()
    {
        var over = InvalidTac with { FirstSeenMs = Now - 19 * Day };

        Assert.That(over.Decide().Row, Is.EqualTo("11c"));
    }

    [Test]
    public void Row_11c_an_unknown_tac_after_its_wait_is_denied()
    {
        Assert.That(InvalidTac.Answer(), Is.EqualTo(("11c", Verdict.Deny, CheckReason.TacInvalid)));
    }

    [Test]
    public void Row_11c_an_unknown_tac_of_a_body_without_a_wait_is_denied_at_once()
    {
        var unallocated = InvalidTac with { Equipment = "10000000000000", FirstSeenMs = 0 };

        Assert.That(unallocated.Answer(), Is.EqualTo(("11c", Verdict.Deny, CheckReason.TacInvalid)));
    }

    [Test]
    public void Row_11c_a_tac_list_exactly_at_its_maximum_age_is_fresh()
    {
        var aged = InvalidTac with { TacListAsOfMs = Now - 45 * Day };

        Assert.That(aged.Decide().Row, Is.EqualTo("11c"));
    }

    [Test]
    public void Row_6a_a_default_denies_if_the_policy_enables_class_D()
    {
        var owing = new Situation { ImeiOrders = [Default] };

        Assert.That((owing with { Rules = WithFinance }).Answer(),
            Is.EqualTo(("6a", Verdict.Deny, CheckReason.FinanceDefault)));
        Assert.That(owing.Answer(), Is.EqualTo(("14b", Verdict.Allow, CheckReason.Compliant)));
    }

    [Test]
    public void Row_6a_denies_roamers_and_subscribers_of_unregistered_operators()
    {
        var owing = new Situation { ImeiOrders = [Default], Rules = WithFinance };

        Assert.That((owing with { Imsi = ForeignImsi }).Answer().Item2, Is.EqualTo(Verdict.Deny));
        Assert.That((owing with { Imsi = OtherLocalImsi }).Answer().Item2, Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public void Row_12b_and_19d_deny_by_order_and_never_deny_a_roamer()
    {
        var duplicate = new Situation { ImeiOrders = [Duplicate] };
        var unregistered = new Situation { ImeiOrders = [Unregistered] };

        Assert.That(duplicate.Answer(), Is.EqualTo(("12b", Verdict.Deny, CheckReason.Clone)));
        Assert.That(unregistered.Answer(), Is.EqualTo(("19d", Verdict.Deny, CheckReason.NotRegistered)));
        Assert.That((unregistered with { Imsi = ForeignImsi }).Answer().Item1, Is.EqualTo("10"));
        Assert.That((unregistered with { Imsi = OtherLocalImsi }).Answer().Item2, Is.EqualTo(Verdict.Track));
    }

    [Test]
    public void Orders_of_class_D_and_E_do_not_deny_on_stale_data()
    {
        var longAgo = Now - 10 * Day;

        Assert.That(new Situation { KnownAtMs = longAgo, ImeiOrders = [Default], Rules = WithFinance }.Answer(),
            Is.EqualTo(("6.4", Verdict.Allow, CheckReason.FailOpen)));
        Assert.That(new Situation { KnownAtMs = longAgo, ImeiOrders = [Unregistered] }.Answer(),
            Is.EqualTo(("6.4", Verdict.Allow, CheckReason.FailOpen)));
    }

    [TestCase(TacStatus.Known)]
    [TestCase(TacStatus.Unknown)]
    [TestCase(TacStatus.NoList)]
    public void Row_12c_an_imei_of_a_retired_or_recalled_unit_is_tracked(TacStatus tac)
    {
        var retired = new Situation { Device = DeviceStatus.Retired, Tac = tac };

        Assert.That(retired.Answer(), Is.EqualTo(("12c", Verdict.Track, CheckReason.RetiredImeiSeen)));
    }

    [TestCase(TacStatus.NoList)]
    [TestCase(TacStatus.Unknown)]
    [TestCase(TacStatus.Known)]
    public void Row_14b_a_released_imei_is_allowed(TacStatus tac)
    {
        var released = new Situation { Tac = tac };

        Assert.That(released.Answer(), Is.EqualTo(("14b", Verdict.Allow, CheckReason.Compliant)));
    }

    [Test]
    public void Row_19a_an_unseen_imei_with_a_known_tac_is_tracked()
    {
        Assert.That(NotRegistered.Answer(), Is.EqualTo(("19a", Verdict.Track, CheckReason.FirstSeen)));
    }

    [Test]
    public void Row_20_without_a_tac_list_an_unregistered_imei_is_tracked()
    {
        var unlisted = InvalidTac with { Tac = TacStatus.NoList, TacListAsOfMs = 0 };

        Assert.That(unlisted.Answer(), Is.EqualTo(("20", Verdict.Track, CheckReason.Undecided)));
    }

    [Test]
    public void Row_20_an_incomplete_tac_list_makes_no_tac_invalid()
    {
        var incomplete = InvalidTac with { Rules = Enforcing(tacListComplete: false) };

        Assert.That(incomplete.Answer(), Is.EqualTo(("20", Verdict.Track, CheckReason.Undecided)));
    }

    [Test]
    public void Row_20_a_stale_tac_list_makes_no_tac_invalid()
    {
        var aged = InvalidTac with { TacListAsOfMs = Now - 45 * Day - 1 };

        Assert.That(aged.Answer(), Is.EqualTo(("20", Verdict.Track, CheckReason.Undecided)));
    }

    [Test]
    public void Row_20_a_seen_imei_with_a_known_tac_is_not_denied()
    {
        var seen = NotRegistered with { FirstSeenMs = Now - 400 * Day };

        Assert.That(seen.Answer(), Is.EqualTo(("20", Verdict.Track, CheckReason.Undecided)));
    }

    [Test]
    public void Only_a_verdict_that_changes_with_time_has_a_due_date()
    {
        Assert.That(InvalidTac.Decide().DueAtMs, Is.Zero);
    }
}
