using System.Collections.Concurrent;
using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>Readers beside a writer that replaces, splits and reuses blocks, buckets and texts. Every look-up finds the
/// permanent entries, and none finds an entry that never existed.</summary>
public sealed class IndexReadersTests
{
    private const int PermanentEntries = 1_000;
    private const int FaultsMax = 10;

    private readonly DeviceIndex _index = new();
    private readonly ConcurrentQueue<string> _faults = [];
    private volatile bool _written;

    [Test, CancelAfter(Patience.TestMs)]
    public async Task Concurrent_readers_see_every_permanent_entry_and_no_absent_one(
        CancellationToken ct)
    {
        for (var i = 0; i < PermanentEntries; i++)
        {
            _index.Release([PermanentImei(i)]);
            _index.Arm(Theft with { Number = (ulong)i + 1 }, i % 4 is 0 ? [] : [PermanentImei(i)], [], texts: i % 4 is 0
                ? [Text(i)] : []);
            _index.Pair([new EquipmentPair(PermanentImei(i), 5), new EquipmentPair(Text(i), 5)]);
        }

        Task[] all = [.. Enumerable.Range(1, 2).Select(r => Task.Run(() => ReadUntilWritten(r), ct)),
            Task.Run(Write, ct)];
        await Task.WhenAll(all).WaitAsync(ct);

        Assert.That(_faults, Is.Empty);
    }

    [Test, CancelAfter(Patience.TestMs)]
    public async Task Concurrent_readers_see_single_imeis_while_neighbours_and_tables_change(
        CancellationToken ct)
    {
        static Imei Lone(int i, int serial) => new((((ulong)i * 7_919 % 90_000_000) * 1_000_000) + (ulong)serial);
        _index.Release(Enumerable.Range(1, PermanentEntries).Select(i => Lone(i, 7)).OrderBy(i => i.Value));

        void Add()
        {
            for (var i = PermanentEntries + 1; i < 60_000; i++)
            {
                _index.Release([Lone(i, 7)]);
                if (i % 40 is 0) _index.Release([Lone((i / 40) % PermanentEntries + 1, 9 + (i % 3))]);
                if (i % 50 is 0) _index.Retire([Lone(i, 7)]);
            }

            _written = true;
        }

        void Read(int seed)
        {
            var random = new Random(seed);
            do
            {
                var i = random.Next(1, PermanentEntries + 1);
                if (_index.FactsOf(Identity(Lone(i, 7)),
                    []).Device is not DeviceStatus.Released and var seen) _faults.Enqueue($"{i}: {seen}");
                if (_index.FactsOf(Identity(Lone(i, 8)),
                    []).Device is not DeviceStatus.NotRegistered and var never) _faults.Enqueue(
                    $"{i}, its neighbour: {never}");
            }
            while (!_written && _faults.Count < FaultsMax);
        }

        await Task.WhenAll(Task.Run(() => Read(1), ct), Task.Run(() => Read(2), ct), Task.Run(Add, ct)).WaitAsync(ct);

        Assert.That(_faults, Is.Empty);
        Assert.That(_index.DigestOfContents(), Is.EqualTo(_index.Digest));
    }

    // Neighbours in the same blocks and buckets are added, get a second order, and are removed; permanent entries get
    // and lose second orders.
    private void Write()
    {
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 2_000; i++)
            {
                var number = 100_000ul + (ulong)i;
                _index.Release([TemporaryImei(i)]);
                _index.Arm(Court with { Number = number }, [TemporaryImei(i), PermanentImei(i % PermanentEntries)], []);
                _index.Arm(Court with { Number = number + 50_000 }, [], [], texts: [Text(PermanentEntries + i)]);
                _index.Pair([new EquipmentPair(TemporaryImei(i), 6), new EquipmentPair(Text(PermanentEntries + i), 6)]);
            }

            for (var i = 0; i < 2_000; i++)
            {
                var number = 100_000ul + (ulong)i;
                _index.Lift(number);
                _index.Lift(number + 50_000);
                _index.Retire([TemporaryImei(i)]);
                _index.Unpair([new EquipmentPair(TemporaryImei(i), 6),
                    new EquipmentPair(Text(PermanentEntries + i), 6)]);
            }
        }

        _written = true;
    }

    private void ReadUntilWritten(int seed)
    {
        var random = new Random(seed);
        do
        {
            var i = random.Next(PermanentEntries);
            var facts = _index.FactsOf(Identity(PermanentImei(i)), [], subscriber: 5);
            if (facts.Device is not DeviceStatus.Released
                || facts.Pairing is not Pairing.Paired) _faults.Enqueue($"{i}: {facts.Device}, {facts.Pairing}");
            var text = _index.FactsOf(EquipmentIdentity.Parse(Text(i)), [], Text(i), subscriber: 5);
            if (text.Pairing is not Pairing.Paired) _faults.Enqueue($"text {i}: {text.Pairing}");
            if (!Has(i % 4 is 0 ? text.ImeiOrders : facts.ImeiOrders, (ulong)i + 1)) _faults.Enqueue(
                $"{i}: its order was not seen");

            var never = _index.FactsOf(Identity(new Imei(PermanentImei(i).Value + 1)), [], subscriber: 5);
            if (never.Device is not DeviceStatus.NotRegistered || never.Pairing is not Pairing.None
                || never.ImeiOrders.Length > 0) _faults.Enqueue($"{i}: its neighbour was seen");
            var other = _index.FactsOf(EquipmentIdentity.Parse("nobody's"), [], "nobody's", subscriber: 6);
            if (other.Pairing is not Pairing.None
                || other.ImeiOrders.Length > 0) _faults.Enqueue("nobody's text was seen");
        }
        while (!_written && _faults.Count < FaultsMax);
    }

    private static bool Has(ReadOnlySpan<OrderTerm> orders, ulong number)
    {
        foreach (var order in orders)
            if (order.Number == number) return true;
        return false;
    }

    // Every fourth serial is permanent, its successor never exists, and the third comes and goes.
    private static Imei PermanentImei(int i) => new(35_290_611_000_000 + (4 * (ulong)i));

    private static Imei TemporaryImei(int i) => new(35_290_611_000_002 + (4 * (ulong)i));

    private static string Text(int i) => $"#{i}";
}
