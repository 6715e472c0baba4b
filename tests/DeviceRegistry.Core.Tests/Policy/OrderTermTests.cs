using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>When orders bear on an answer: their instants, and several of them on one handset.</summary>
public sealed class OrderTermTests
{
    [Test]
    public void An_order_is_in_force_at_the_instant_it_starts()
    {
        Assert.That(WithOrder(Theft with { FromMs = Now }).Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void An_order_is_not_in_force_a_millisecond_before_it_starts()
    {
        Assert.That(WithOrder(Theft with { FromMs = Now + 1 }).Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_is_over_at_the_instant_it_ends()
    {
        Assert.That(WithOrder(Theft with { UntilMs = Now }).Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_is_in_force_a_millisecond_before_it_ends()
    {
        Assert.That(WithOrder(Theft with { UntilMs = Now + 1 }).Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void An_order_on_a_tac_starts_by_the_clock_too()
    {
        var ahead = new Situation { TacOrders = [TacBar with { FromMs = Now + 1 }] };

        Assert.That(ahead.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_on_a_tac_ends_by_the_clock_too()
    {
        var over = new Situation { TacOrders = [TacBar with { UntilMs = Now }] };

        Assert.That(over.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void When_the_higher_of_two_orders_ends_the_lower_still_stands()
    {
        var both = new Situation { ImeiOrders = [Court with { UntilMs = Now }, Theft] };

        Assert.That(both.Answer(), Is.EqualTo(("5a", Verdict.Deny, CheckReason.Stolen)));
    }

    [Test]
    public void Until_the_higher_of_two_orders_starts_the_lower_answers()
    {
        var both = new Situation { ImeiOrders = [Court with { FromMs = Now + 1 }, Theft] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void When_one_of_two_orders_of_one_class_ends_the_other_still_stands()
    {
        var both = new Situation { ImeiOrders = [Theft with { UntilMs = Now }, Loss] };

        Assert.That(both.Answer(), Is.EqualTo(("5a", Verdict.Deny, CheckReason.Lost)));
    }

    [Test]
    public void Of_two_orders_of_one_class_the_one_armed_first_gives_the_reason()
    {
        var both = new Situation { ImeiOrders = [Loss, Theft] };

        Assert.That(both.Decide().Reason, Is.EqualTo(CheckReason.Lost));
    }

    [Test]
    public void Of_a_bar_on_the_imei_and_one_on_its_tac_the_one_on_the_imei_gives_the_reason()
    {
        var both = new Situation { ImeiOrders = [Bar], TacOrders = [TacBar] };

        Assert.That(both.Decide().Reason, Is.EqualTo(CheckReason.Barred));
    }

    [Test]
    public void When_the_order_on_the_imei_ends_the_order_on_its_tac_still_stands()
    {
        var both = new Situation { ImeiOrders = [Court with { UntilMs = Now }], TacOrders = [TacBar] };

        Assert.That(both.Decide().Row, Is.EqualTo("4"));
    }

    [Test]
    public void When_every_order_has_ended_the_handset_is_as_before()
    {
        var ended = new Situation { ImeiOrders = [Court with { UntilMs = Now }, Theft with { UntilMs = Now - Day }] };

        Assert.That(ended.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_on_a_range_answers_as_one_on_the_imei()
    {
        Assert.That(new Situation { RangeOrders = [Theft] }.Answer(),
            Is.EqualTo(("5a", Verdict.Deny, CheckReason.Stolen)));
        Assert.That(new Situation { RangeOrders = [Bar], TacOrders = [TacBar] }.Answer(),
            Is.EqualTo(("4", Verdict.Deny, CheckReason.Barred)));
        Assert.That(new Situation { ImeiOrders = [Theft], RangeOrders = [Court] }.Answer(),
            Is.EqualTo(("2", Verdict.Deny, CheckReason.CourtOrder)));
    }

    private static Situation WithOrder(OrderTerm order) => new() { ImeiOrders = [order] };
}
