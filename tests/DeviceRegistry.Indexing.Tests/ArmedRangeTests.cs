using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>Orders on serial ranges: both ends are in, they overlap as they like, and each is lifted alone.</summary>
public sealed class ArmedRangeTests
{
    private static readonly Tac Type = Phone.Tac;
    private readonly DeviceIndex _index = new();

    [TestCase(99u, false)]
    [TestCase(100u, true)]
    [TestCase(150u, true)]
    [TestCase(200u, true)]
    [TestCase(201u, false)]
    public void An_order_on_a_range_bears_on_its_serials_from_the_first_to_the_last(uint serial, bool isIn)
    {
        _index.Arm(Theft, [], [], [Serials(Type, 100, 200)]);

        Assert.That(_index.RangeOrdersOf(At(serial)), Is.EqualTo(isIn ? new[] { Theft } : []));
    }

    [TestCase(0u)]
    [TestCase(999_999u)]
    public void The_ends_of_a_tac_are_serials_like_others(uint serial)
    {
        _index.Arm(Theft, [], [], [Serials(Type, 0, 0), Serials(Type, 999_999, 999_999)]);

        Assert.That((_index.RangeOrdersOf(At(serial)), _index.RangeOrdersOf(At(1)).Length),
            Is.EqualTo((new[] { Theft }, 0)));
    }

    [Test]
    public void An_order_on_a_range_bears_on_no_other_tac()
    {
        _index.Arm(Theft, [], [], [Serials(Type, 0, 999_999)]);

        Assert.That(_index.RangeOrdersOf(OtherModel), Is.Empty);
    }

    [Test]
    public void Where_ranges_overlap_every_order_is_there_and_one_that_is_lifted_leaves_the_others()
    {
        _index.Arm(Theft, [], [], [Serials(Type, 100, 200)]);
        _index.Arm(Court, [], [], [Serials(Type, 150, 250)]);
        var both = _index.RangeOrdersOf(At(175));

        _index.Lift(Theft.Number);

        Assert.That(both, Is.EquivalentTo(new[] { Theft, Court }));
        Assert.That((_index.RangeOrdersOf(At(120)).Length, _index.RangeOrdersOf(At(175)),
            _index.RangeOrdersOf(At(220))), Is.EqualTo((0, new[] { Court }, new[] { Court })));
    }

    [Test]
    public void An_order_whose_ranges_overlap_bears_on_a_serial_once()
    {
        _index.Arm(Theft, [], [], [Serials(Type, 150, 250), Serials(Type, 100, 200), Serials(Type, 251, 260)]);

        Assert.That((_index.RangeOrdersOf(At(175)), _index.RangeOrdersOf(At(255))),
            Is.EqualTo((new[] { Theft }, new[] { Theft })));
    }

    [Test]
    public void A_list_that_a_reader_holds_stays_as_it_was()
    {
        _index.Arm(Theft, [], [], [Serials(Type, 100, 200)]);
        var facts = _index.FactsOf(Identity(At(150)), []);

        _index.Lift(Theft.Number);

        Assert.That((facts.RangeOrders.ToArray(), _index.RangeOrdersOf(At(150)).Length),
            Is.EqualTo((new[] { Theft }, 0)));
    }

    private static Imei At(uint serial) => new(Type.Value * 1_000_000ul + serial);
}
