using System.Diagnostics;
using System.Globalization;
using DeviceRegistry.TestKit;
using Npgsql;

namespace DeviceRegistry.Benchmarks;

/// <summary>The gRPC interface compared with its usual alternatives: GET of Redis, SELECT by primary key of PostgreSQL.
/// Measures the server's CPU time per operation, with equal connections and equal numbers in progress. Neither
/// alternative decides anything: the client would have to apply the policy.</summary>
internal static class Rivals
{
    private const int Keys = 100_000;

    // The kernel counts the time of ended processes in steps of 10 ms, so 200 ms have an error of 5 %.
    private const double CpuSecondsMin = 0.2;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static Benchmark Benchmark { get; } = new("compare",
        "CPU of an attach node for a gRPC check, beside GET of Redis and SELECT by primary key of PostgreSQL.",
        [new("rounds", "interleaved rounds", 5, 3, 1), new("ms", "milliseconds of each in a round", 2_000, 200, 100)],
        ["postgres", "pgbench", "redis-server", "redis-benchmark"], values => RunAsync(values[0], values[1]));

    private static async Task RunAsync(int rounds, int milliseconds)
    {
        await using var node = await NodeUnderTest.StartAsync();
        await node.Centre.PauseAsync();
        var port = Scripts.FreePort();
        using var redis = Process.Start(
            new ProcessStartInfo("redis-server",
            ["--port", port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--loglevel",
            "warning"])
            { RedirectStandardOutput = true })!;
        try
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);
            await Timing.ProgramAsync("redis-benchmark", "-p", port, "-t", "set", "-n", $"{Keys * 5}", "-r",
                $"{Keys}", "-d", "32", "-P", "16", "-q");
            await FillAsync(node);
            await RunRoundsAsync(node, port, redis.Id, rounds, TimeSpan.FromMilliseconds(milliseconds));
        }
        finally
        {
            if (!redis.HasExited) redis.Kill();
            await redis.WaitForExitAsync();
        }
    }

    private static async Task RunRoundsAsync(NodeUnderTest node, string port, int redis, int rounds, TimeSpan time)
    {
        (string Name, Func<Task<(double Rate, double Micros)>> Measure)[] all =
        [
            .. (((string, Way, bool)[])
            [
                ("unary Check, h2c", Way.Unary(8, 1), false), ("unary Check, mutual TLS", Way.Unary(8, 1), true),
                ("unary Check, h2c", Way.Unary(50, 1), false),
                ("CheckStream of 16, h2c", Way.Stream(50, 1, 16), false),
                ("CheckStream of 16, mutual TLS", Way.Stream(50, 1, 16), true),
                ("CheckStream of 64, h2c", Way.Stream(50, 1, 64), false),
                ("CheckStream of 64, mutual TLS", Way.Stream(50, 1, 64), true),
                ("CheckStream of 256, h2c", Way.Stream(50, 1, 256), false),
                ("CheckMany of 1,000, h2c", Way.Batch(8, 1_000), false),
            ]).Select(w => (w.Item1 + $" ({w.Item2.Connections} × {w.Item2.ChecksEach})",
            (Func<Task<(double, double)>>)(() => DoorLoad.MeasureAsync(node, w.Item2, w.Item3, time)))),
            .. (((int, int)[])[(1, 50), (16, 50), (64, 50), (256, 50), (1_000, 8)])
                .Select(d => ($"Redis GET{(d.Item1 > 1 ? $" -P {d.Item1}" : "")} ({d.Item2} × {d.Item1})",
                    (Func<Task<(double, double)>>)(() => RedisAsync(port, redis, d.Item1, d.Item2, time)))),
            ("PostgreSQL by primary key, pgbench -M prepared (8 × 1)", () => PostgresAsync(node, time)),
        ];
        var micros = all.Select(a => new Figure($"{a.Name}: server CPU")).ToList();
        var rates = all.Select(a => new Figure($"{a.Name}: rate")).ToList();
        foreach (var one in all) await one.Measure();                                                         // warm up
        for (var round = 0; round < rounds; round++)
            for (var i = 0; i < all.Length; i++)
            {
                var (rate, cost) = await all[i].Measure();
                micros[i].Add(cost);
                rates[i].Add(rate);
            }

        Console.WriteLine(
            $"medians of {rounds} interleaved rounds; (connections × in flight on each); CPU of the server in µs an " +
            $"operation; operations/s of server and client together");
        for (var i = 0; i < all.Length; i++) Console.WriteLine(
            $"  {all[i].Name,-56} {micros[i].Median,8:0.00} µs  {rates[i].Median,10:N0}/s");
    }

    private static async Task<(double Rate, double Micros)> RedisAsync(string port, int redis, int depth,
        int connections, TimeSpan time)
    {
        // About as long as a round of the node if Redis answers 75,000 single and 500,000 pipelined requests a second.
        var gets = (int)((depth is 1 ? 75_000 : 500_000) * time.TotalSeconds);
        var (cpu, watch) = (ServerCpu.Of(redis), Stopwatch.StartNew());
        await Timing.ProgramAsync("redis-benchmark", "-p", port, "-t", "get", "-n", $"{gets}", "-r", $"{Keys}", "-c",
            $"{connections}", "-P", $"{depth}", "-q");
        return (gets / watch.Elapsed.TotalSeconds, (ServerCpu.Of(redis) - cpu) * 1e6 / gets);
    }

    private static async Task FillAsync(NodeUnderTest node)
    {
        await node.Cluster.ExecuteAsync("CREATE TABLE status_of (imei bigint PRIMARY KEY, status smallint NOT NULL)",
            node.Database);
        await node.Cluster.ExecuteAsync(
            $"INSERT INTO status_of SELECT 35290611000000 + n, 1 FROM generate_series(1, {Keys}) n", node.Database);
        await node.Cluster.ExecuteAsync("VACUUM ANALYZE status_of", node.Database);
    }

    private static async Task<(double Rate, double Micros)> PostgresAsync(NodeUnderTest node, TimeSpan time)
    {
        var script = Path.GetTempFileName();
        await File.WriteAllTextAsync(script,
            $"\\set imei random(35290611000001, {35290611000000 + Keys})\nSELECT status FROM status_of WHERE imei = " +
            $":imei;\n");
        var admin = new NpgsqlConnectionStringBuilder(node.Cluster.Server.AdminConnectionString(node.Database));
        var (done, rates, cpu, watch) = (0.0, 0.0, ServerCpu.OfPostgres(node.Cluster), Stopwatch.StartNew());
        double used;
        var runs = 0;
        do
        {
            if (watch.Elapsed > time + Limit) throw new FigureException("PostgreSQL by primary key: server CPU",
                $"less than {CpuSecondsMin} CPU seconds were counted in {watch.Elapsed}");

            var output = await Timing.ProgramAsync("pgbench", "-h", admin.Host!, "-p", $"{admin.Port}", "-U",
                admin.Username!, "-M", "prepared", "-n", "-f", script, "-c", "8", "-j", "1", "-T",
                $"{Math.Max(1, (int)time.TotalSeconds)}", node.Database);
            string After(string words) => output.Split('\n').First(l => l.Contains(words, StringComparison.Ordinal))
                .Split(words)[1].Trim().Split(' ', '/')[0];
            done += double.Parse(After("actually processed:"), CultureInfo.InvariantCulture);
            rates += double.Parse(After("tps = "), CultureInfo.InvariantCulture);
            runs++;
            used = ServerCpu.OfPostgres(node.Cluster) - cpu;
        }
        while (used < CpuSecondsMin);

        File.Delete(script);
        return (rates / runs, used * 1e6 / done);
    }
}
