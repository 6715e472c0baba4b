namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>The transitions of an order are consistent.</summary>
public sealed class OrderLifeCycleTests
{
    [Test]
    public void Every_state_is_reached_and_an_action_makes_only_its_own_transitions()
    {
        var reached = OrderLifeCycle.OfBlock.Concat(OrderLifeCycle.OfMeasure).Select(s => s.To).ToHashSet();

        Assert.That(Enum.GetValues<OrderState>().Where(s => s is not OrderState.PendingApproval),
            Is.EquivalentTo(reached));
        foreach (var (measure, to) in new[] { (OrderAction.Lift, OrderState.Lifted),
            (OrderAction.Stay, OrderState.Stayed), (OrderAction.Annul, OrderState.Annulled) })
            foreach (var from in OrderLifeCycle.ChangedBy(measure))
                Assert.That(OrderLifeCycle.OfBlock.Any(s => s.From == from && s.To == to), Is.True,
                    $"{measure} of {from}");
    }

    [TestCase(OrderState.Rejected)]
    [TestCase(OrderState.Withdrawn)]
    [TestCase(OrderState.Annulled)]
    [TestCase(OrderState.Done)]
    public void An_ended_order_stays_ended(OrderState state) =>
        Assert.That(OrderLifeCycle.OfBlock.Concat(OrderLifeCycle.OfMeasure).Where(s => s.From == state), Is.Empty);

    [Test]
    public void An_order_is_held_by_nodes_exactly_while_it_can_be_lifted() =>
        Assert.That(Enum.GetValues<OrderState>().Where(OrderLifeCycle.IsAtNodes),
            Is.EquivalentTo(OrderLifeCycle.ChangedBy(OrderAction.Lift)));

    [Test]
    public void No_order_is_armed_without_a_second_person()
    {
        var atNodes = OrderLifeCycle.OfBlock.Where(s => OrderLifeCycle.IsAtNodes(s.To)
            && !OrderLifeCycle.IsAtNodes(s.From)).Select(s => s.From).Distinct();

        Assert.That(atNodes, Is.EquivalentTo([OrderState.PendingApproval, OrderState.Approved, OrderState.Stayed]));
    }
}
