using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>Start and end of orders, and several orders on one device.</summary>
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
    public void An_order_is_not_in_force_at_the_instant_it_ends()
    {
        Assert.That(WithOrder(Theft with { UntilMs = Now }).Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_is_in_force_a_millisecond_before_it_ends()
    {
        Assert.That(WithOrder(Theft with { UntilMs = Now + 1 }).Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void An_order_on_a_tac_starts_at_its_instant()
    {
        var ahead = new Situation { TacOrders = [TacBar with { FromMs = Now + 1 }] };

        Assert.That(ahead.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_on_a_tac_ends_at_its_instant()
    {
        var over = new Situation { TacOrders = [TacBar with { UntilMs = Now }] };

        Assert.That(over.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void When_the_higher_of_two_orders_ends_the_lower_denies()
    {
        var both = new Situation { ImeiOrders = [Court with { UntilMs = Now }, Theft] };

        Assert.That(both.Answer(), Is.EqualTo(("5a", Verdict.Deny, CheckReason.Stolen)));
    }

    [Test]
    public void Until_the_higher_of_two_orders_starts_the_lower_denies()
    {
        var both = new Situation { ImeiOrders = [Court with { FromMs = Now + 1 }, Theft] };

        Assert.That(both.Decide().Row, Is.EqualTo("5a"));
    }

    [Test]
    public void When_one_of_two_orders_of_one_class_ends_the_other_denies()
    {
        var both = new Situation { ImeiOrders = [Theft with { UntilMs = Now }, Loss] };

        Assert.That(both.Answer(), Is.EqualTo(("5a", Verdict.Deny, CheckReason.Lost)));
    }

    [Test]
    public void Of_two_orders_of_one_class_the_first_armed_gives_the_reason()
    {
        var both = new Situation { ImeiOrders = [Loss, Theft] };

        Assert.That(both.Decide().Reason, Is.EqualTo(CheckReason.Lost));
    }

    [Test]
    public void A_bar_on_the_imei_gives_the_reason_before_a_bar_on_the_tac()
    {
        var both = new Situation { ImeiOrders = [Bar], TacOrders = [TacBar] };

        Assert.That(both.Decide().Reason, Is.EqualTo(CheckReason.Barred));
    }

    [Test]
    public void When_the_order_on_the_imei_ends_the_order_on_its_tac_denies()
    {
        var both = new Situation { ImeiOrders = [Court with { UntilMs = Now }], TacOrders = [TacBar] };

        Assert.That(both.Decide().Row, Is.EqualTo("4"));
    }

    [Test]
    public void When_every_order_has_ended_the_answer_is_as_before()
    {
        var ended = new Situation { ImeiOrders = [Court with { UntilMs = Now }, Theft with { UntilMs = Now - Day }] };

        Assert.That(ended.Decide().Row, Is.EqualTo("14b"));
    }

    [Test]
    public void An_order_on_a_range_denies_like_an_order_on_the_imei()
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
