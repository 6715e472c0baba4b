using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>The digest of an index depends on its contents only, not on the order of the changes.</summary>
public sealed class IndexDigestTests
{
    private static readonly Imei[] Imeis =
        [.. Enumerable.Range(1, 50).Select(i => new Imei(35_290_611_000_000 + (ulong)i))];
    private static readonly Tac[] Tacs = [new(35_290_611), new(86_123_456)];

    private static readonly Action<DeviceIndex>[] Differences =
    [
        i => i.Release([new Imei(35_290_611_999_999)]), i => i.Retire([Imeis[3]]), i => i.AddTacs([new Tac(1)]), i =>
            i.TacListIsFresh(8), i => i.Lift(1), i => i.Arm(Span(9), [Imeis[0]], []),
        i => i.PutRecord(2, 1, [9]), i => i.PutRecord(2, 3, [1]),
    ];

    [Test]
    public void Equal_contents_have_equal_digests_whatever_the_order_of_changes()
    {
        var straight = Filled();
        var winding = new DeviceIndex();
        winding.PutRecord(2, 1, [7]);
        winding.TacListIsFresh(3);
        winding.Arm(Span(5), Imeis, [Tacs[1]]);
        winding.AddTacs(Tacs.Reverse());
        winding.Release(Imeis.Reverse());
        winding.Release(Imeis.Take(7));
        winding.Arm(Span(2), [Imeis[4]], Tacs);
        winding.Retire(Imeis.Take(3));
        winding.Arm(Span(1), Imeis.Take(2).ToList(), []);
        winding.Lift(5);
        winding.Lift(5);
        winding.Arm(Span(1), Imeis.Take(2).ToList(), []);
        winding.TacListIsFresh(7);
        winding.PutRecord(2, 1, [1]);

        Assert.That(winding.Digest, Is.EqualTo(straight.Digest));
        Assert.That(straight.Digest, Is.Not.EqualTo(new DeviceIndex().Digest));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(winding.DigestOfContents(), Is.EqualTo(winding.Digest));
            Assert.That(new DeviceIndex().DigestOfContents(), Is.EqualTo(new DeviceIndex().Digest));
        }
    }

    [TestCaseSource(nameof(Differences))]
    public void The_digest_is_computed_from_the_contents(Action<DeviceIndex> difference)
    {
        var index = Filled();

        difference(index);

        Assert.That(index.DigestOfContents(), Is.EqualTo(index.Digest));
    }

    [TestCaseSource(nameof(Differences))]
    public void Any_difference_in_the_contents_changes_the_digest(Action<DeviceIndex> difference)
    {
        var other = Filled();

        difference(other);

        Assert.That(other.Digest, Is.Not.EqualTo(Filled().Digest));
    }

    private static DeviceIndex Filled()
    {
        var index = new DeviceIndex();
        index.Release(Imeis);
        index.Retire(Imeis.Take(3));
        index.AddTacs(Tacs);
        index.TacListIsFresh(7);
        index.Arm(Span(1), Imeis.Take(2).ToList(), []);
        index.Arm(Span(2), [Imeis[4]], Tacs);
        index.PutRecord(2, 1, [1]);
        return index;
    }

    private static OrderTerm Span(ulong number) => new(number, OrderClass.C, CheckReason.Stolen, 0, long.MaxValue);
}
