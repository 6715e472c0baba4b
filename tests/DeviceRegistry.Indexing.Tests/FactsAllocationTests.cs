using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>Reading the index is part of every check, so it allocates nothing.</summary>
public sealed class FactsAllocationTests
{
    private static readonly string[] Plmns = ["41001"];

    [Test]
    public void Facts_of_an_imei_with_orders_allocate_nothing()
    {
        var index = new DeviceIndex();
        index.Release([Phone]);
        index.AddTacs([Phone.Tac]);
        index.TacListIsFresh(1);
        index.Arm(Theft, [Phone], []);
        index.Arm(TacBar, [], [Phone.Tac]);

        Assert.That(AllocatedByReading(index, Identity(Phone)), Is.Zero);
    }

    [Test]
    public void Facts_of_an_imei_in_one_of_a_thousand_ranges_allocate_nothing()
    {
        var index = new DeviceIndex();
        for (var n = 1u; n <= 1_000; n++) index.Arm(Theft with { Number = n }, [], [],
            [Serials(Phone.Tac, n * 900, n * 900 + 500)]);
        var inside = new Imei(Phone.Tac.Value * 1_000_000ul + 900);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(AllocatedByReading(index, Identity(inside)), Is.Zero);
            Assert.That(index.RangeOrdersOf(inside).Length, Is.EqualTo(1));
        }
    }

    [Test]
    public void Facts_of_an_unknown_imei_allocate_nothing()
    {
        Assert.That(AllocatedByReading(new DeviceIndex(), Identity(Phone)), Is.Zero);
    }

    [Test]
    public void Facts_of_an_identity_that_is_not_an_imei_allocate_nothing()
    {
        Assert.That(AllocatedByReading(new DeviceIndex(), new EquipmentIdentity(EquipmentKind.Malformed, default)),
            Is.Zero);
    }

    [TestCase("#12ab")]
    [TestCase("#12ä\0")]
    [TestCase("nobody's")]
    public void Facts_of_an_identity_stored_as_text_allocate_nothing(string text)
    {
        var index = new DeviceIndex();
        index.Arm(Theft, [], [], texts: ["#12AB", "#12Ä?"]);

        Assert.That(AllocatedByReading(index, EquipmentIdentity.Parse(text), text), Is.Zero);
    }

    [Test]
    public void Facts_of_an_imei_with_pairings_and_pair_orders_allocate_nothing(
        [Values(1ul, 2ul, 9ul)] ulong subscriber)
    {
        var index = new DeviceIndex();
        index.Release([Phone]);
        index.Pair(Enumerable.Range(1, 5).Select(s => new EquipmentPair(Phone, (ulong)s)));
        index.Arm(Theft, [], [], pairs: [new EquipmentPair(Phone, 1)]);
        index.Arm(TacBar with { Number = 77 }, [], [],
            pairs: [new EquipmentPair(Phone, 2), new EquipmentPair(Phone, 1)]);

        Assert.That(AllocatedByReading(index, Identity(Phone), subscriber: subscriber), Is.Zero);
    }

    private static long AllocatedByReading(DeviceIndex index, EquipmentIdentity identity, string text = "",
        ulong subscriber = 0)
    {
        index.FactsOf(identity, Plmns, text, subscriber);        // warm up: JIT and static fields
        index.DependsOnSubscriber(identity, text);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++)
        {
            index.DependsOnSubscriber(identity, text);
            index.FactsOf(identity, Plmns, text, subscriber);
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
