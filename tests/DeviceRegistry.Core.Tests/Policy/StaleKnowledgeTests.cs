using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>When the centre does not answer (DOMAIN 6.4): court, bar and theft still deny, every other denial
/// opens.</summary>
public sealed class StaleKnowledgeTests
{
    private const long Ttl = 3 * Day;
    private const long LongAgo = Now - 10 * Day;

    [Test]
    public void A_court_order_still_denies()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Court] };

        Assert.That(stale.Answer(), Is.EqualTo(("2", Verdict.Deny, CheckReason.CourtOrder)));
    }

    [Test]
    public void Knowledge_from_far_ahead_of_the_clock_is_as_stale_as_from_far_back()
    {
        var ahead = new Situation { KnownAtMs = Now + 10 * Day, Equipment = "no imei" };

        Assert.That(ahead.Answer(), Is.EqualTo(("6.4", Verdict.Allow, CheckReason.FailOpen)));
    }

    [Test]
    public void An_order_that_is_still_ahead_is_not_started_by_knowledge_from_ahead_of_the_clock()
    {
        var ahead = new Situation { KnownAtMs = Now + 10 * Day, ImeiOrders = [Theft with { FromMs = Now + Day }] };

        Assert.That(ahead.Answer().Item2, Is.Not.EqualTo(Verdict.Deny));
    }

    [Test]
    public void A_bar_on_the_imei_still_denies()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Bar] };

        Assert.That(stale.Answer(), Is.EqualTo(("4", Verdict.Deny, CheckReason.Barred)));
    }

    [Test]
    public void A_bar_on_the_tac_still_denies()
    {
        var stale = new Situation { KnownAtMs = LongAgo, TacOrders = [TacBar] };

        Assert.That(stale.Answer(), Is.EqualTo(("4", Verdict.Deny, CheckReason.BarredTac)));
    }

    [Test]
    public void A_stolen_handset_is_still_denied()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Theft] };

        Assert.That(stale.Answer(), Is.EqualTo(("5a", Verdict.Deny, CheckReason.Stolen)));
    }

    [Test]
    public void A_lost_handset_is_still_denied()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Loss] };

        Assert.That(stale.Answer(), Is.EqualTo(("5a", Verdict.Deny, CheckReason.Lost)));
    }

    [TestCase("no imei")]
    [TestCase(Router)]
    [TestCase(TestHandset)]
    public void A_denial_by_the_identity_opens(string equipment)
    {
        var stale = new Situation { KnownAtMs = LongAgo, Equipment = equipment,
            Rules = Enforcing(UnknownAnswer.Black) };

        Assert.That(stale.Answer(), Is.EqualTo(("6.4", Verdict.Allow, CheckReason.FailOpen)));
    }

    [Test]
    public void A_denial_by_the_tac_opens()
    {
        var stale = InvalidTac with { KnownAtMs = LongAgo };

        Assert.That(stale.Answer(), Is.EqualTo(("6.4", Verdict.Allow, CheckReason.FailOpen)));
    }

    [Test]
    public void A_denial_that_opens_was_not_evaluated_as_a_denial()
    {
        var stale = InvalidTac with { KnownAtMs = LongAgo };

        Assert.That(stale.Decide().Evaluated, Is.EqualTo(Verdict.Allow));
    }

    [Test]
    public void A_denial_opens_for_the_subscriber_of_an_unknown_local_operator_too()
    {
        var stale = InvalidTac with { KnownAtMs = LongAgo, Imsi = OtherLocalImsi };

        Assert.That(stale.Answer(), Is.EqualTo(("6.4", Verdict.Allow, CheckReason.FailOpen)));
    }

    [Test]
    public void An_answer_that_denies_nobody_stays_as_it_is()
    {
        var stale = NotRegistered with { KnownAtMs = LongAgo };

        Assert.That(stale.Answer(), Is.EqualTo(("19a", Verdict.Track, CheckReason.FirstSeen)));
    }

    [Test]
    public void An_emergency_stays_an_emergency()
    {
        var stale = new Situation { KnownAtMs = LongAgo, Emergency = true };

        Assert.That(stale.Decide().Row, Is.EqualTo("0"));
    }

    [Test]
    public void Knowledge_exactly_as_old_as_allowed_still_denies()
    {
        var aged = InvalidTac with { KnownAtMs = Now - Ttl };

        Assert.That(aged.Decide().Row, Is.EqualTo("11c"));
    }

    [Test]
    public void Knowledge_a_millisecond_older_than_allowed_is_stale()
    {
        var stale = InvalidTac with { KnownAtMs = Now - Ttl - 1 };

        Assert.That(stale.Decide().Row, Is.EqualTo("6.4"));
    }

    [Test]
    public void Knowledge_from_a_clock_that_is_ahead_is_not_stale()
    {
        var ahead = InvalidTac with { KnownAtMs = Now + Day };

        Assert.That(ahead.Decide().Row, Is.EqualTo("11c"));
    }

    [Test]
    public void A_node_that_never_knew_everything_opens()
    {
        var empty = InvalidTac with { KnownAtMs = 0 };

        Assert.That(empty.Decide().Row, Is.EqualTo("6.4"));
    }

    [Test]
    public void A_node_that_never_knew_everything_still_denies_by_an_order_in_force_at_once()
    {
        var empty = new Situation { KnownAtMs = 0, ImeiOrders = [Court] };

        Assert.That(empty.Decide().Row, Is.EqualTo("2"));
    }

    [Test]
    public void An_order_that_was_still_ahead_is_not_started()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Theft with { FromMs = LongAgo + 1 }] };

        Assert.That(stale.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_on_the_tac_that_was_still_ahead_is_not_started()
    {
        var stale = new Situation { KnownAtMs = LongAgo, TacOrders = [TacBar with { FromMs = LongAgo + 1 }] };

        Assert.That(stale.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_that_started_at_the_last_instant_known_stays_in_force()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Theft with { FromMs = LongAgo }] };

        Assert.That(stale.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void An_order_that_was_ahead_starts_while_the_knowledge_is_young_enough()
    {
        var aged = new Situation { KnownAtMs = Now - Ttl, ImeiOrders = [Theft with { FromMs = Now }] };

        Assert.That(aged.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void An_order_still_ends_at_its_instant()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Theft with { UntilMs = Now }] };

        Assert.That(stale.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_still_stands_a_millisecond_before_its_end()
    {
        var stale = new Situation { KnownAtMs = LongAgo, ImeiOrders = [Theft with { UntilMs = Now + 1 }] };

        Assert.That(stale.Decide().Row, Is.EqualTo("5a"));
    }
}
