namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>The steps of an appeal hang together.</summary>
public sealed class AppealLifeCycleTests
{
    [Test]
    public void Every_state_but_the_first_is_reached() =>
        Assert.That(Enum.GetValues<AppealState>().Where(s => s is not AppealState.Filed),
            Is.EquivalentTo(AppealLifeCycle.Steps.Select(s => s.To).Distinct()));

    [Test]
    public void What_is_decided_or_taken_back_stays_so_and_everything_else_is_open() =>
        Assert.That(Enum.GetValues<AppealState>().Where(AppealLifeCycle.IsOpen),
            Is.EquivalentTo(AppealLifeCycle.Steps.Select(s => s.From).Distinct()));

    [Test]
    public void Every_decision_is_of_an_appeal_under_review_and_of_no_other([Values] AppealDecision decision) =>
        Assert.That(AppealLifeCycle.Steps.Where(s => s.To == AppealLifeCycle.After(decision)).Select(s => s.From),
            Is.EqualTo([AppealState.UnderReview]));

    [Test]
    public void What_ends_an_order_for_a_reversal_leaves_it_where_no_node_holds_it([Values] OrderAction measure)
    {
        OrderState? to = measure switch { OrderAction.Lift => OrderState.Lifted, OrderAction.Annul =>
            OrderState.Annulled, _ => null };

        Assert.That(AppealLifeCycle.Ends(measure), Is.EqualTo(to is { } state && !OrderLifeCycle.IsAtNodes(state)));
    }

    [TestCase(AppealState.Filed, AppealState.Upheld)]
    [TestCase(AppealState.Filed, AppealState.Reversed)]
    [TestCase(AppealState.Remitted, AppealState.Upheld)]
    [TestCase(AppealState.Upheld, AppealState.UnderReview)]
    [TestCase(AppealState.Withdrawn, AppealState.UnderReview)]
    [TestCase(AppealState.UnderReview, AppealState.UnderReview)]
    public void There_is_no_such_step(AppealState from, AppealState to) =>
        Assert.That(AppealLifeCycle.Leads(from, to), Is.False);
}
