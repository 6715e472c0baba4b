namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>The transitions of an appeal are consistent.</summary>
public sealed class AppealLifeCycleTests
{
    [Test]
    public void Every_state_but_the_first_has_a_step_that_leads_to_it() =>
        Assert.That(Enum.GetValues<AppealState>().Where(s => s is not AppealState.Filed),
            Is.EquivalentTo(AppealLifeCycle.Steps.Select(s => s.To).Distinct()));

    [Test]
    public void Decided_and_withdrawn_appeals_are_final_and_all_others_are_open() =>
        Assert.That(Enum.GetValues<AppealState>().Where(AppealLifeCycle.IsOpen),
            Is.EquivalentTo(AppealLifeCycle.Steps.Select(s => s.From).Distinct()));

    [Test]
    public void Only_an_appeal_under_review_can_be_decided([Values] AppealDecision decision) =>
        Assert.That(AppealLifeCycle.Steps.Where(s => s.To == AppealLifeCycle.After(decision)).Select(s => s.From),
            Is.EqualTo([AppealState.UnderReview]));

    [Test]
    public void An_order_ended_by_a_reversal_is_in_a_state_that_nodes_do_not_hold([Values] OrderAction measure)
    {
        OrderState? to = measure switch
        {
            OrderAction.Lift => OrderState.Lifted,
            OrderAction.Annul =>
            OrderState.Annulled,
            _ => null
        };

        Assert.That(AppealLifeCycle.Ends(measure), Is.EqualTo(to is { } state && !OrderLifeCycle.IsAtNodes(state)));
    }

    [TestCase(AppealState.Filed, AppealState.Upheld)]
    [TestCase(AppealState.Filed, AppealState.Reversed)]
    [TestCase(AppealState.Remitted, AppealState.Upheld)]
    [TestCase(AppealState.Upheld, AppealState.UnderReview)]
    [TestCase(AppealState.Withdrawn, AppealState.UnderReview)]
    [TestCase(AppealState.UnderReview, AppealState.UnderReview)]
    public void An_undefined_step_is_not_permitted(AppealState from, AppealState to) =>
        Assert.That(AppealLifeCycle.Leads(from, to), Is.False);
}
