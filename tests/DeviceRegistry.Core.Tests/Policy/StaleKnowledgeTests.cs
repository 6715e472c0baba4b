using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>Decisions on stale data (proto/docs/decision-table.md): court orders, bars and thefts still deny, every
/// other denial fails open.</summary>
public sealed class StaleKnowledgeTests
{
    private const long Ttl = 3 * Day;
    private const long LongAgo = Now - 10 * Day;

    [Test]
    public void A_court_order_denies_on_stale_data()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Court] };

        Assert.That(stale.Answer(), Is.EqualTo(("2", Verdict.Deny, CheckReason.CourtOrder)));
    }

    [Test]
    public void A_freshness_time_far_in_the_future_is_stale()
    {
        var ahead = new Situation { KnownAtMs = Now + 10 * Day, Equipment = "no imei" };

        Assert.That(ahead.Answer(), Is.EqualTo(("6.4", Verdict.Allow, CheckReason.FailOpen)));
    }

    [Test]
    public void A_future_freshness_time_does_not_start_a_later_order()
    {
        var ahead = new Situation { KnownAtMs = Now + 10 * Day, ImeiOrders = [Theft with { FromMs = Now + Day }] };

        Assert.That(ahead.Answer().Item2, Is.Not.EqualTo(Verdict.Deny));
    }

    [Test]
    public void A_bar_on_the_imei_denies_on_stale_data()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Bar] };

        Assert.That(stale.Answer(), Is.EqualTo(("4", Verdict.Deny, CheckReason.Barred)));
    }

    [Test]
    public void A_bar_on_the_tac_denies_on_stale_data()
    {
        var stale = new Situation { KnownAtMs = LongAgo, TacOrders = [TacBar] };

        Assert.That(stale.Answer(), Is.EqualTo(("4", Verdict.Deny, CheckReason.BarredTac)));
    }

    [Test]
    public void A_stolen_device_is_denied_on_stale_data()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Theft] };

        Assert.That(stale.Answer(), Is.EqualTo(("5a", Verdict.Deny, CheckReason.Stolen)));
    }

    [Test]
    public void A_lost_device_is_denied_on_stale_data()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Loss] };

        Assert.That(stale.Answer(), Is.EqualTo(("5a", Verdict.Deny, CheckReason.Lost)));
    }

    [TestCase("no imei")]
    [TestCase(Router)]
    [TestCase(TestDeviceImei)]
    public void A_denial_by_the_identity_fails_open(string equipment)
    {
        var stale = new Situation
        {
            KnownAtMs = LongAgo, Equipment = equipment,
            Rules = Enforcing(UnknownAnswer.Black)
        };

        Assert.That(stale.Answer(), Is.EqualTo(("6.4", Verdict.Allow, CheckReason.FailOpen)));
    }

    [Test]
    public void A_denial_by_the_tac_fails_open()
    {
        var stale = InvalidTac with { KnownAtMs = LongAgo };

        Assert.That(stale.Answer(), Is.EqualTo(("6.4", Verdict.Allow, CheckReason.FailOpen)));
    }

    [Test]
    public void A_denial_that_fails_open_was_not_evaluated_as_a_denial()
    {
        var stale = InvalidTac with { KnownAtMs = LongAgo };

        Assert.That(stale.Decide().Evaluated, Is.EqualTo(Verdict.Allow));
    }

    [Test]
    public void A_denial_of_an_unknown_local_operator_fails_open()
    {
        var stale = InvalidTac with { KnownAtMs = LongAgo, Imsi = OtherLocalImsi };

        Assert.That(stale.Answer(), Is.EqualTo(("6.4", Verdict.Allow, CheckReason.FailOpen)));
    }

    [Test]
    public void An_answer_that_is_not_a_denial_stays_unchanged()
    {
        var stale = NotRegistered with { KnownAtMs = LongAgo };

        Assert.That(stale.Answer(), Is.EqualTo(("19a", Verdict.Track, CheckReason.FirstSeen)));
    }

    [Test]
    public void An_emergency_is_answered_as_an_emergency_on_stale_data()
    {
        var stale = new Situation { KnownAtMs = LongAgo, Emergency = true };

        Assert.That(stale.Decide().Row, Is.EqualTo("0"));
    }

    [Test]
    public void Data_exactly_at_its_maximum_age_still_denies()
    {
        var aged = InvalidTac with { KnownAtMs = Now - Ttl };

        Assert.That(aged.Decide().Row, Is.EqualTo("11c"));
    }

    [Test]
    public void Data_a_millisecond_above_its_maximum_age_is_stale()
    {
        var stale = InvalidTac with { KnownAtMs = Now - Ttl - 1 };

        Assert.That(stale.Decide().Row, Is.EqualTo("6.4"));
    }

    [Test]
    public void A_freshness_time_slightly_in_the_future_is_not_stale()
    {
        var ahead = InvalidTac with { KnownAtMs = Now + Day };

        Assert.That(ahead.Decide().Row, Is.EqualTo("11c"));
    }

    [Test]
    public void A_node_that_never_had_the_whole_journal_fails_open()
    {
        var empty = InvalidTac with { KnownAtMs = 0 };

        Assert.That(empty.Decide().Row, Is.EqualTo("6.4"));
    }

    [Test]
    public void A_node_that_never_had_the_whole_journal_denies_by_an_order_in_force()
    {
        var empty = new Situation { KnownAtMs = 0, ImeiOrders = [Court] };

        Assert.That(empty.Decide().Row, Is.EqualTo("2"));
    }

    [Test]
    public void An_order_that_starts_after_the_data_ended_is_not_started()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Theft with { FromMs = LongAgo + 1 }] };

        Assert.That(stale.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_on_a_tac_that_starts_after_the_data_ended_is_not_started()
    {
        var stale = new Situation { KnownAtMs = LongAgo, TacOrders = [TacBar with { FromMs = LongAgo + 1 }] };

        Assert.That(stale.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_that_started_at_the_time_of_the_data_stays_in_force()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Theft with { FromMs = LongAgo }] };

        Assert.That(stale.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void A_later_order_starts_while_the_data_is_fresh()
    {
        var aged = new Situation { KnownAtMs = Now - Ttl, ImeiOrders = [Theft with { FromMs = Now }] };

        Assert.That(aged.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void An_order_ends_at_its_instant_on_stale_data()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Theft with { UntilMs = Now }] };

        Assert.That(stale.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_denies_a_millisecond_before_its_end_on_stale_data()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Theft with { UntilMs = Now + 1 }] };

        Assert.That(stale.Decide().Row, Is.EqualTo("5a"));
    }
}
