namespace DeviceRegistry.Benchmarks;

/// <summary>What a check costs the attach node's CPU by each way through its gRPC door, with TLS and without, beside an
/// echo of the same sizes through the same interceptors. The centre stands still meanwhile: it would be on another
/// machine. Client and node share this one; what counts is the node's own CPU time.</summary>
internal static class Doors
{
    public static async Task<int> RunAsync(int rounds, int milliseconds)
    {
        await using var node = await NodeUnderTest.StartAsync();
        await node.Centre.PauseAsync();
        Way[] ways =
        [
            Way.Echo(4, 16), Way.Unary(4, 16), Way.Stream(4, 64, 1), Way.Stream(4, 16, 16), Way.Stream(4, 8, 64),
            Way.Stream(4, 4, 256), Way.Batch(4, 1_000), Way.Batch(2, 10_000),
        ];
        var time = TimeSpan.FromMilliseconds(milliseconds);
        var all = ways.SelectMany(w => (bool[])[true, false], (way, tls) =>
            (Way: way, Tls: tls, Micros: new List<double>(), Rates: new List<double>())).ToList();
        foreach (var one in all) await DoorLoad.MeasureAsync(node, one.Way, one.Tls, time);                    // warm
        for (var round = 0; round < rounds; round++)
            foreach (var one in all)
            {
                var (rate, micros) = await DoorLoad.MeasureAsync(node, one.Way, one.Tls, time);
                one.Micros.Add(micros);
                one.Rates.Add(rate);
            }

        Console.WriteLine(
            $"{Environment.ProcessorCount} cores, medians of {rounds} interleaved rounds of {milliseconds} ms; the " +
            $"node's CPU µs a check (what the client costs is not in it), and checks a second that client and node " +
            $"made together");
        foreach (var tls in (bool[])[true, false])
        {
            var mine = all.Where(a => a.Tls == tls).ToList();
            var (echo, unary) = (Statistics.Median(mine[0].Micros), Statistics.Median(mine[1].Micros));
            Console.WriteLine($"{(tls ? "mutual TLS" : "without TLS")}:");
            foreach (var one in mine)
                Console.WriteLine(
                    $"  {one.Way.Name,-28} {one.Way.Connections} connections × {one.Way.UnderWay,2} × " +
                    $"{one.Way.ChecksEach,6:N0} under way  {Statistics.Median(one.Micros),8:0.00} µs  " +
                    $"{Statistics.Median(one.Rates),10:N0}/s"
                    + $"  {(one.Way.ChecksEach is 1 && one.Way.Name.StartsWith("unary", StringComparison.Ordinal) ? $"{Statistics.Median(one.Micros) / echo:0.00} × the echo" : $"{unary / Statistics.Median(one.Micros):0.0} × the unary checks a CPU second")}");
        }

        return 0;
    }
}
