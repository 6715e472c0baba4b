using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>Orders on identities that are no IMEI: known by their text in normal form, however the network spells
/// it.</summary>
public sealed class ArmedIdentityTests
{
    private readonly DeviceIndex _index = new();

    [TestCase("#12AB")]
    [TestCase("#12ab")]
    public void An_order_bears_on_the_identity_in_every_spelling(string text)
    {
        _index.Arm(Theft, [], [], texts: ["#12AB"]);

        Assert.That(_index.OrdersOf(text), Is.EqualTo(new[] { Theft }));
    }

    [TestCase("")]
    [TestCase("#12A")]
    [TestCase("#12AB ")]
    [TestCase("12AB")]
    public void It_bears_on_no_other(string text)
    {
        _index.Arm(Theft, [], [], texts: ["#12AB"]);

        Assert.That(_index.OrdersOf(text), Is.Empty);
    }

    [Test]
    public void An_identity_that_is_longer_than_is_kept_is_known_by_its_beginning()
    {
        _index.Arm(Theft, [], [], texts: [new string('X', 64)]);

        Assert.That((_index.OrdersOf(new string('x', 5_000)), _index.OrdersOf(new string('x', 63)).Length),
            Is.EqualTo((new[] { Theft }, 0)));
    }

    [Test]
    public void One_of_two_orders_on_it_is_lifted_alone()
    {
        _index.Arm(Theft, [], [], texts: ["#12AB"]);
        _index.Arm(Court, [], [], texts: ["#12AB", "MAC-00-11-22-33-44-55"]);

        _index.Lift(Theft.Number);

        Assert.That((_index.OrdersOf("#12AB"), _index.OrdersOf("mac-00-11-22-33-44-55")),
            Is.EqualTo((new[] { Court }, new[] { Court })));
    }
}
