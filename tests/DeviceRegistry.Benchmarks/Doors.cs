namespace DeviceRegistry.Benchmarks;

/// <summary>CPU cost of a check at the attach node's gRPC interface, for each kind of call, with and without TLS.
/// Baseline: an echo of the same sizes through the same interceptors. The registrar is paused meanwhile, because it
/// would be on another machine. Client and node share the machine; only the node's CPU time counts.</summary>
internal static class Doors
{
    public static Benchmark Benchmark { get; } = new("door",
        "CPU of an attach node for a gRPC check, by form of call, beside an echo through the same interceptors.",
        [new("rounds", "interleaved rounds", 5, 3, 1),
            new("ms", "milliseconds of each form in a round", 2_000, 200, 100)],
        ["postgres"], values => RunAsync(values[0], values[1]));

    private static async Task RunAsync(int rounds, int milliseconds)
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
        {
            var name = $"{way.Name}, {(tls ? "mutual TLS" : "without TLS")}";
            return (Way: way, Tls: tls, Micros: new Figure($"{name}: node CPU"), Rates: new Figure($"{name}: rate"));
        }).ToList();
        // warm up
        foreach (var one in all) await DoorLoad.MeasureAsync(node, one.Way, one.Tls, time);
        for (var round = 0; round < rounds; round++)
            foreach (var one in all)
            {
                var (rate, micros) = await DoorLoad.MeasureAsync(node, one.Way, one.Tls, time);
                one.Micros.Add(micros);
                one.Rates.Add(rate);
            }

        Console.WriteLine(
            $"medians of {rounds} interleaved rounds of {milliseconds} ms; CPU of the node in µs a check, without " +
            $"the client's; checks/s of client and node together");
        foreach (var tls in (bool[])[true, false])
        {
            var mine = all.Where(a => a.Tls == tls).ToList();
            var (echo, unary) = (mine[0].Micros, mine[1].Micros);
            Console.WriteLine($"{(tls ? "mutual TLS" : "without TLS")}:");
            foreach (var one in mine)
            {
                var ratio = ReferenceEquals(one.Micros, echo) ? "baseline"
                    : ReferenceEquals(one.Micros, unary) ? $"{Figure.Ratio(unary, echo).Median:0.00} × the echo"
                    : $"{Figure.Ratio(unary, one.Micros).Median:0.0} × the unary checks a CPU second";
                Console.WriteLine(
                    $"  {one.Way.Name,-28} {one.Way.Connections} connections × {one.Way.UnderWay,2} × " +
                    $"{one.Way.ChecksEach,6:N0} in flight  {one.Micros.Median,8:0.00} µs  " +
                    $"{one.Rates.Median,10:N0}/s  {ratio}");
            }
        }
    }
}
