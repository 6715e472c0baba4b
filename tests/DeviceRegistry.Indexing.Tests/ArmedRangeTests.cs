using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>Orders on serial ranges. Both ends are included; ranges may overlap, and each is lifted
/// separately.</summary>
public sealed class ArmedRangeTests
{
    private static readonly Tac Type = Phone.Tac;
    private readonly DeviceIndex _index = new();

    [TestCase(99u, false)]
    [TestCase(100u, true)]
    [TestCase(150u, true)]
    [TestCase(200u, true)]
    [TestCase(201u, false)]
    public void An_order_on_a_range_applies_from_its_first_to_its_last_serial(uint serial, bool isIn)
    {
        _index.Arm(Theft, [], [], [Serials(Type, 100, 200)]);

        Assert.That(_index.RangeOrdersOf(At(serial)), Is.EqualTo(isIn ? new[] { Theft } : []));
    }

    [TestCase(0u)]
    [TestCase(999_999u)]
    public void A_range_can_start_and_end_at_the_ends_of_a_tac(uint serial)
    {
        _index.Arm(Theft, [], [], [Serials(Type, 0, 0), Serials(Type, 999_999, 999_999)]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.RangeOrdersOf(At(serial)), Is.EqualTo(new[] { Theft }));
            Assert.That(_index.RangeOrdersOf(At(1)).Length, Is.Zero);
        }
    }

    [Test]
    public void An_order_on_a_range_applies_to_no_other_tac()
    {
        _index.Arm(Theft, [], [], [Serials(Type, 0, 999_999)]);

        Assert.That(_index.RangeOrdersOf(OtherModel), Is.Empty);
    }

    [Test]
    public void Lifting_one_of_several_overlapping_ranges_keeps_the_others()
    {
        _index.Arm(Theft, [], [], [Serials(Type, 100, 200)]);
        _index.Arm(Court, [], [], [Serials(Type, 150, 250)]);
        var both = _index.RangeOrdersOf(At(175));

        _index.Lift(Theft.Number);

        Assert.That(both, Is.EquivalentTo(new[] { Theft, Court }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.RangeOrdersOf(At(120)).Length, Is.Zero);
            Assert.That(_index.RangeOrdersOf(At(175)), Is.EqualTo(new[] { Court }));
            Assert.That(_index.RangeOrdersOf(At(220)), Is.EqualTo(new[] { Court }));
        }
    }

    [Test]
    public void An_order_with_overlapping_ranges_applies_to_a_serial_once()
    {
        _index.Arm(Theft, [], [], [Serials(Type, 150, 250), Serials(Type, 100, 200), Serials(Type, 251, 260)]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.RangeOrdersOf(At(175)), Is.EqualTo(new[] { Theft }));
            Assert.That(_index.RangeOrdersOf(At(255)), Is.EqualTo(new[] { Theft }));
        }
    }

    [Test]
    public void A_list_held_by_a_reader_does_not_change()
    {
        _index.Arm(Theft, [], [], [Serials(Type, 100, 200)]);
        var facts = _index.FactsOf(Identity(At(150)), []);

        _index.Lift(Theft.Number);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(facts.RangeOrders.ToArray(), Is.EqualTo(new[] { Theft }));
            Assert.That(_index.RangeOrdersOf(At(150)).Length, Is.Zero);
        }
    }

    private static Imei At(uint serial) => new(Type.Value * 1_000_000ul + serial);
}
