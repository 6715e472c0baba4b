using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>Orders on identities that are not IMEIs. They are compared in canonical form, whatever spelling the network
/// uses.</summary>
public sealed class ArmedIdentityTests
{
    private readonly DeviceIndex _index = new();

    [TestCase("#12AB")]
    [TestCase("#12ab")]
    public void An_order_applies_to_the_identity_in_every_spelling(string text)
    {
        _index.Arm(Theft, [], [], texts: ["#12AB"]);

        Assert.That(_index.OrdersOf(text), Is.EqualTo(new[] { Theft }));
    }

    [TestCase("")]
    [TestCase("#12A")]
    [TestCase("#12AB ")]
    [TestCase("12AB")]
    public void An_order_applies_to_no_other_identity(string text)
    {
        _index.Arm(Theft, [], [], texts: ["#12AB"]);

        Assert.That(_index.OrdersOf(text), Is.Empty);
    }

    [Test]
    public void An_identity_above_the_length_limit_is_matched_by_its_first_characters()
    {
        _index.Arm(Theft, [], [], texts: [new string('X', 64)]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.OrdersOf(new string('x', 5_000)), Is.EqualTo(new[] { Theft }));
            Assert.That(_index.OrdersOf(new string('x', 63)).Length, Is.Zero);
        }
    }

    [Test]
    public void Lifting_one_of_two_orders_keeps_the_other()
    {
        _index.Arm(Theft, [], [], texts: ["#12AB"]);
        _index.Arm(Court, [], [], texts: ["#12AB", "MAC-00-11-22-33-44-55"]);

        _index.Lift(Theft.Number);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.OrdersOf("#12AB"), Is.EqualTo(new[] { Court }));
            Assert.That(_index.OrdersOf("mac-00-11-22-33-44-55"), Is.EqualTo(new[] { Court }));
        }
    }
}
