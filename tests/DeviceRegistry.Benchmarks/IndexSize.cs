using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using DeviceRegistry.Core;
using DeviceRegistry.Indexing;

namespace DeviceRegistry.Benchmarks;

/// <summary>Cost of an attach node's index: bytes per IMEI by density, nanoseconds per look-up among all IMEIs, time to
/// build, save and load, bytes per order and per pairing. Baselines in the same run: a sorted array and a
/// dictionary.</summary>
/// <remarks>The generator is fixed (<see cref="Mix"/>). Bytes are those of the live heap (<see cref="LiveHeap"/>).
/// Times are CPU time of this process, because the machine may be shared, and medians of interleaved rounds.</remarks>
internal static class IndexSize
{
    private const int ChunkMost = 65_536;

    // A dry run has fewer rounds.
    private static int Rounds => Figure.RoundsMin > 1 ? 5 : 1;

    public static Benchmark Benchmark { get; } = new("index",
        "Bytes and nanoseconds of the index of an attach node, beside a sorted array, a dictionary and a memory read.",
        [
            new("imeis", "million IMEIs", 100, 1, 1),
            new("orders", "million orders; 0: as many as IMEIs", 0, 0, 1),
        ],
        [], values => Task.Run(() => Run(values[0], values[1] is 0 ? values[0] : values[1])));

    // Numbers are in millions. There are four pairings per ten orders.
    private static void Run(int millions, int ordersMillions)
    {
        var total = millions * 1_000_000;
        Digests();
        foreach (var density in (double[])[0.02, 0.2, 0.6]) Density(density, Math.Min(total, 20_000_000));
        Devices(total);
        var orders = ordersMillions * 1_000_000;
        Orders(orders);
        Pairings("handsets, every tenth a second one of its handset", orders / 10 * 4, n =>
            new EquipmentPair(ImeiOf(n % 10 is 0 ? n - 1 : n), Pseudonym(n)));
        Pairings("texts of 14 characters", orders / 10, n =>
            new EquipmentPair(string.Create(CultureInfo.InvariantCulture, $"#{n:X13}"), Pseudonym(n)));
    }

    /// <summary>The realistic mix. Of every hundred IMEIs, 60 are of locally made TACs with six of ten serials in use,
    /// 38 are of imported TACs with two of a hundred in use, and 2 are single IMEIs of separate TACs. Sorted, as they
    /// are released; the same in every run.</summary>
    private static IEnumerable<Imei[]> Mix(int total)
    {
        var random = new Random(20_181_201);
        foreach (var chunk in Scattered(random, 35_000_000, 0.6, total / 100 * 60)) yield return chunk;
        foreach (var chunk in Scattered(random, 86_000_000, 0.02, total / 100 * 38)) yield return chunk;
        var singles = Enumerable.Range(0, total / 100 * 2)
            .Select(_ => new Imei((ulong)random.NextInt64((long)Imei.Limit))).Distinct().OrderBy(i => i.Value);
        foreach (var chunk in singles.Chunk(ChunkMost)) yield return chunk;
    }

    // IMEIs of consecutive TACs, where each serial is in use with this probability.
    private static IEnumerable<Imei[]> Scattered(Random random, ulong tac, double density, int count)
    {
        var chunk = new List<Imei>(ChunkMost);
        var imei = tac * 1_000_000;
        for (var left = count; left > 0; imei++)
        {
            // Gaps of a geometric distribution.
            imei += (ulong)(Math.Log(1 - random.NextDouble()) / Math.Log(1 - density));
            chunk.Add(new Imei(imei));
            left--;
            if (chunk.Count < ChunkMost && left > 0) continue;

            yield return [.. chunk];
            chunk.Clear();
        }
    }

    private static void Digests()
    {
        ulong[] numbers = [.. Enumerable.Range(0, 400_000).Select(i => 35_290_611_000_000ul + (ulong)i)];
        Figure eights = new("digest of an IMEI, eight side by side"), ones = new("digest of an IMEI, SHA256.HashData");
        for (var round = 0; round < Rounds; round++)
        {
            var digest = default(StateDigest);
            eights.Add(Timing.CpuSeconds(() => digest.AddAll((byte)'1', numbers)) * 1e9 / numbers.Length);
            ones.Add(Timing.CpuSeconds(() => HashEach(numbers)) * 1e9 / numbers.Length);
        }

        Console.WriteLine(
            $"digest of an IMEI: {eights.Median:0} ns, eight side by side; by SHA256.HashData " +
            $"(baseline) {ones.Median:0} ns");
    }

    private static void HashEach(ulong[] numbers)
    {
        Span<byte> thing = stackalloc byte[9], hash = stackalloc byte[32];
        foreach (var number in numbers)
        {
            BitConverter.TryWriteBytes(thing[1..], number);
            SHA256.HashData(thing, hash);
        }
    }

    private static void Density(double density, int count)
    {
        var devices = 0L;
        var bytes = LiveHeap.Measure($"density {density:P0}: bytes", () =>
        {
            var index = new DeviceIndex();
            foreach (var chunk in Scattered(new Random(7), 35_000_000, density, count)) index.Release(chunk);
            return index;
        }, index => devices = index.Devices);
        Console.WriteLine(
            $"density {density:P0}: {bytes / devices:0.00} bytes an IMEI ({devices:N0} IMEIs); a sorted " +
            $"array has 8.00");
    }

    private static void Devices(int total)
    {
        var (seconds, devices) = (0.0, 0L);
        var bytes = LiveHeap.Measure("mix: bytes", () =>
        {
            var index = new DeviceIndex();
            foreach (var chunk in Mix(total)) seconds += Timing.CpuSeconds(() => index.Release(chunk));
            return index;
        }, index =>
        {
            devices = index.Devices;
            LookUps(index, total);
            SaveAndLoad(index);
        });
        Console.WriteLine(
            $"mix: {bytes / devices:0.00} bytes an IMEI, {bytes / 1e6:N0} MB for {devices:N0}; built at " +
            $"{devices / Figure.Require("mix: CPU of building", seconds) / 1e6:0.0} million IMEIs per CPU second " +
            $"(digest included)");
    }

    private static void LookUps(DeviceIndex index, int total)
    {
        // Every thirteenth IMEI of the mix in random order, and as many that are not registered: a large step away from
        // these.
        var random = new Random(3);
        ulong[] all = [.. Mix(total).SelectMany(c => c).Select(i => i.Value)];
        ulong[] asked = [.. all.Where((_, i) => i % 13 is 0)
            .SelectMany(v => (ulong[])[v, (v + 7_777_777) % Imei.Limit])];
        random.Shuffle(asked);
        asked = asked[..Math.Min(asked.Length, 2_000_000)];
        Array.Sort(all);
        var few = all.Where((_, i) => i % Math.Max(1, total / 10_000_000) is 0)
            .ToDictionary(v => v, _ => DeviceStatus.Released);
        Figure own = new("look-up of all facts"), whole = new("whether the subscriber matters"),
            sorted = new("binary search in a sorted array"), dictionary = new("a dictionary"),
            chase = new("one dependent read of memory");
        var chain = Chain(random);
        for (var round = 0; round < Rounds; round++)
        {
            var found = 0;
            own.Add(NanosecondsOf(asked, v =>
                found += (int)index.FactsOf(new EquipmentIdentity(EquipmentKind.Imei, new Imei(v)), []).Device));
            whole.Add(NanosecondsOf(asked, v =>
                found += index.DependsOnSubscriber(new EquipmentIdentity(EquipmentKind.Imei, new Imei(v))) ? 1 : 0));
            sorted.Add(NanosecondsOf(asked, v => found += Array.BinarySearch(all, v) >= 0 ? 1 : 0));
            dictionary.Add(NanosecondsOf(asked, v => found += few.ContainsKey(v) ? 1 : 0));
            var at = 0;
            chase.Add(NanosecondsOf(asked, _ => at = chain[at]));
            found += at;
            if (found is 0) throw new FigureException("look-ups", "nothing was found");
        }

        Console.WriteLine(
            $"a random look-up of all facts among {index.Devices:N0}: {own.Median:0} ns, and " +
            $"{whole.Median:0} ns for whether the subscriber matters; "
            + $"binary search in a sorted array of as many {sorted.Median:0} ns; a dictionary of " +
                $"{few.Count:N0} {dictionary.Median:0} ns; one read of memory that waits for the one " +
                $"before it {chase.Median:0} ns (medians of {Rounds})");
    }

    // One cycle through 256 MB, one cache line per step (Sattolo's shuffle): the latency of this machine's memory.
    private static int[] Chain(Random random)
    {
        const int Lines = 4 * 1024 * 1024, Step = 16;
        int[] order = [.. Enumerable.Range(0, Lines)];
        for (var i = Lines - 1; i > 0; i--)
        {
            var j = random.Next(i);
            (order[i], order[j]) = (order[j], order[i]);
        }

        var chain = new int[Lines * Step];
        for (var i = 0; i < Lines; i++) chain[i * Step] = order[i] * Step;
        return chain;
    }

    private static void SaveAndLoad(DeviceIndex index)
    {
        var path = Path.Combine(Path.GetTempPath(),
            string.Create(CultureInfo.InvariantCulture, $"index-{Environment.ProcessId}"));
        try
        {
            var save = Stopwatch.StartNew();
            var saved = Timing.CpuSeconds(() =>
            {
                using var file = File.Create(path, 1);
                index.WriteTo(file);
            });
            save.Stop();
            Figure loaded = new("loading: CPU"), clock = new("loading: elapsed");
            for (var round = 0; round < Rounds; round++)
            {
                var load = Stopwatch.StartNew();
                loaded.Add(Timing.CpuSeconds(() =>
                {
                    using var file = File.OpenRead(path);
                    if (DeviceIndex.ReadFrom(file).Digest != index.Digest) throw new InvalidOperationException(
                        "what was loaded is not what was saved");
                }));
                clock.Add(load.Elapsed.TotalSeconds);
            }

            Figure.Require("saving: CPU", saved);
            Console.WriteLine(
                $"  saved in {saved:0.00} CPU s ({save.Elapsed.TotalSeconds:0.00} s), " +
                $"{new FileInfo(path).Length / 1e6:N0} MB; loaded in {loaded.Median:0.00} CPU s " +
                $"({clock.Median:0.00} s; medians of {Rounds})");
        }
        finally
        {
            File.Delete(path);
        }
    }

    // Every order has its own number and one IMEI. Eight of ten share their terms; the others expire at one of
    // thousands of instants.
    private static void Orders(int count)
    {
        var random = new Random(5);
        var (seconds, orders) = (0.0, 0L);
        var bytes = LiveHeap.Measure("simple orders: bytes", () =>
        {
            var index = new DeviceIndex();
            seconds = Timing.CpuSeconds(() =>
            {
                for (var n = 1; n <= count; n++)
                {
                    var until = n % 5 is 0 ? 1_900_000_000_000 + (86_400_000L * random.Next(5_000)) : long.MaxValue;
                    index.Arm(new OrderTerm((ulong)n, OrderClass.C, CheckReason.Stolen, 0, until), [ImeiOf(n)], []);
                }
            });
            return index;
        }, index =>
        {
            orders = index.Orders;
            LookUpOrders(index, count, random);
            SaveAndLoad(index);
        });
        Console.WriteLine(
            $"{orders:N0} simple orders: {bytes / orders:0.0} bytes each; armed at " +
            $"{orders / Figure.Require("simple orders: CPU", seconds) / 1e6:0.00} million per CPU second");
    }

    private static void LookUpOrders(DeviceIndex index, int count, Random random)
    {
        var found = 0;
        ulong[] asked = [.. Enumerable.Range(0, 1_000_000).Select(_ => ImeiOf(random.Next(1, 2 * count)).Value)];
        var looked = new Figure("look-up among orders");
        for (var round = 0; round < Rounds; round++) looked.Add(
            NanosecondsOf(asked, v => found += index.FactsOf(new EquipmentIdentity(EquipmentKind.Imei, new Imei(v)),
            []).ImeiOrders.Length));
        if (found is 0) throw new FigureException(looked.Name, "no order was found");
        Console.WriteLine(
            $"  a look-up among orders, every second has none: {looked.Median:0} ns (median of {Rounds})");
    }

    private static void Pairings(string what, int count, Func<int, EquipmentPair> pairOf)
    {
        var (seconds, pairings) = (0.0, 0L);
        var bytes = LiveHeap.Measure($"pairings of {what}: bytes", () =>
        {
            var index = new DeviceIndex();
            seconds = Timing.CpuSeconds(() => index.Pair(Enumerable.Range(1, count).Select(pairOf)));
            return index;
        }, index =>
        {
            pairings = index.Pairings;
            SaveAndLoad(index);
        });
        Console.WriteLine(
            $"{pairings:N0} pairings of {what}: {bytes / pairings:0.0} bytes each; made at " +
            $"{pairings / Figure.Require($"pairings of {what}: CPU", seconds) / 1e6:0.00} million per CPU second");
    }

    private static ulong Pseudonym(int n) => ((ulong)n * 0x9E37_79B9_7F4A_7C15) | 1;

    // Spread over the whole range of IMEIs.
    private static Imei ImeiOf(int n) => new((ulong)n * 0x9E37_79B9_7F4A_7C15 % Imei.Limit);

    private static double NanosecondsOf(ulong[] asked, Action<ulong> ask) =>
        Timing.CpuSeconds(() => Array.ForEach(asked, ask)) * 1e9 / asked.Length;
}
