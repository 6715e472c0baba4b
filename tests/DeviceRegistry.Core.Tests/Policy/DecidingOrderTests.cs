using static DeviceRegistry.Core.Tests.Policy.Situation;

namespace DeviceRegistry.Core.Tests.Policy;

/// <summary>A decision names the order that decided it, so that denials can be counted by order.</summary>
public sealed class DecidingOrderTests
{
    private static IEnumerable<TestCaseData<OrderTerm>> Orders() =>
        new[] { Court, Bar, Theft, Loss, Default, Unregistered, Duplicate }.Select(o =>
            new TestCaseData<OrderTerm>(o) { TestName = $"{{m}}({o.Reason})" });

    [TestCaseSource(nameof(Orders))]
    public void A_denial_by_an_order_names_it(OrderTerm order)
    {
        var rules = new AttachRules(AttachRules.DefaultTacWaitDays)
        {
            Mode = EnforcementMode.Enforce,
            FinanceDeviceBlock = true
        };

        Assert.That(new Situation { ImeiOrders = [order], Rules = rules }.Decide().Order, Is.EqualTo(order.Number));
    }

    [Test]
    public void The_decision_names_the_deciding_one_of_two_orders() =>
        Assert.That(new Situation { ImeiOrders = [Theft], TacOrders = [TacBar] }.Decide().Order,
        Is.EqualTo(TacBar.Number));

    [Test]
    public void A_denial_without_an_order_names_no_order() =>
        Assert.That(new Situation { Equipment = "no imei" }.Decide().Order, Is.Zero);

    [Test]
    public void An_allowed_check_names_no_order() =>
        Assert.That(new Situation { ImeiOrders = [Theft], Emergency = true }.Decide().Order, Is.Zero);
}
