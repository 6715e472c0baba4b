using System.Collections.Concurrent;
using System.Diagnostics;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Npgsql;

namespace DeviceRegistry.Benchmarks;

/// <summary>Orders per second that two people per client can draft, sign and approve, and the time until two nodes
/// deny, while both nodes answer checks at a steady rate. PostgreSQL is durable; servers, clients and nodes share the
/// machine. Baseline in the same run: commits of one small row by as many connections, which no write can
/// exceed.</summary>
internal static class OrderRate
{
    private const int MeasuredEvery = 10;
    private const int ChecksASecond = 100;
    private const int Warm = 1_000;
    private static readonly TimeSpan Bare = TimeSpan.FromSeconds(5);

    public static Benchmark Benchmark { get; } = new("orders",
        "Orders a second that clients draft and approve, and time to denial at two nodes, beside bare commits.",
        [
            new("orders", "orders", 10_000, 1_000, 20), new("clients", "clients, each with two people", 8, 1, 2),
            new("standby-ms", "milliseconds to a synchronous standby; 0: none", 0, 0, 0),
        ],
        ["postgres"],
        values => WorkFolder.WithAsync(folder => RunAsync(values[0], values[1], values[2], folder)));

    private static async Task RunAsync(int orders, int clients, int replicationMs, string state)
    {
        await using var cluster = await TestCluster.StartAsync(throwAway: false);
        await using var standby = replicationMs > 0
            ? await Standby.FollowAsync(cluster, TimeSpan.FromMilliseconds(replicationMs)) : null;
        var database = await cluster.CloneAsync();
        await using var server = await RegistryProcess.StartAsync(state, "--demo", "--database",
            cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, database));
        await using var second = await RegistryProcess.LaunchAsync(state, "--roles", "Attach,Web", "--node", "node-b1",
            "--registrar", $"https://localhost:{server.Address("registrar").Port}");
        AttachService.AttachServiceClient[] nodes =
            [new(server.Channel("attach", "operator-a")), new(second.Channel("attach", "operator-b"))];
        foreach (var node in nodes) await UntilAnsweredAsync(node);
        await MeasureAsync(server, nodes, Math.Min(Warm, orders), clients, "warm");

        var bareTime = orders < Warm ? Bare / 10 : Bare;
        var before = await BareCommitsAsync(cluster, database, clients, bareTime);
        var (cpu, watch) = (CpuOf(), Stopwatch.StartNew());
        var (denials, checks) = await MeasureAsync(server, nodes, orders, clients, "run");
        var (elapsed, used) = (watch.Elapsed.TotalSeconds, CpuOf().Zip(cpu, (now, then) => now - then).ToList());
        var after = await BareCommitsAsync(cluster, database, clients, bareTime);

        var bare = Figure.Require("bare commits/s", (before + after) / 2);
        foreach (var (name, seconds) in ((string[])["registrar", "PostgreSQL", "second node", "clients"]).Zip(used))
            Figure.Require($"CPU of the {name}", seconds);
        Console.WriteLine(
            $"{orders} orders by {clients} clients, " +
            $"{(replicationMs > 0 ? $"a synchronous standby {replicationMs} ms away" : "durable")}:");
        Console.WriteLine($"  {orders / elapsed,8:0} orders/s, {2 * orders / elapsed:0} journal commits/s");
        Console.WriteLine(
            $"  {used[0] / orders,8:0.00} ms of the registrar's CPU an order, {used[1] / orders:0.00} of " +
            $"PostgreSQL's, {used[2] / orders:0.00} of the second node's, {used[3] / orders:0.00} of the clients'");
        Console.WriteLine(
            $"  {bare,8:0} commits/s of one small row by {clients} connections (before {before:0}, after {after:0}): " +
            $"ratio {2 * orders / elapsed / bare:0.00}");
        Console.WriteLine($"  {checks / elapsed,8:0} checks/s answered beside it; milliseconds:");
        for (var node = 0; node < nodes.Length; node++) Say($"approval answered -> denied, node {node + 1}",
            denials.Select(d => d[node]));
        Say("approval answered -> denied at both", denials.Select(d => d.Max()));

        double[] CpuOf() => [1e3 * ServerCpu.Of(server.Id), 1e3 * ServerCpu.OfPostgres(cluster),
            1e3 * ServerCpu.Of(second.Id), 1e3 * ServerCpu.OfThis()];
    }

    private static void Say(string name, IEnumerable<double> milliseconds)
    {
        var figure = new Figure(name);
        foreach (var sample in milliseconds) figure.Add(sample);
        Console.WriteLine($"  {figure.Distribution()}");
    }

    private static async Task<(IReadOnlyCollection<double[]> Denials, long Checks)> MeasureAsync(RegistryProcess server,
        AttachService.AttachServiceClient[] nodes, int orders, int clients, string run)
    {
        var (denials, next, checks) = (new ConcurrentBag<double[]>(), -1, 0L);
        using var over = new CancellationTokenSource();
        var load = nodes.Select(node => Task.Run(async () =>
        {
            using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / ChecksASecond), TimeProvider.System);
            while (!over.IsCancellationRequested)
            {
                await pace.WaitForNextTickAsync();
                await node.CheckAsync(new CheckRequest { Imei = "35290611000001" });
                Interlocked.Increment(ref checks);
            }
        })).ToList();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            var (drafter, approver) = (new OrdersService.OrdersServiceClient(server.Signer("regulator-a")),
                new OrdersService.OrdersServiceClient(server.Signer("regulator-b")));
            for (int order; (order = Interlocked.Increment(ref next)) < orders;)
            {
                var imei = TestImei.Next().Digits;
                var draft = await drafter.DraftOrderAsync(
                    new DraftOrderRequest
                    {
                        Reference = $"{run}-{order}", OrderClass = OrderClass.C, Reason = "STOLEN",
                        Basis = "benchmark", Imeis = { imei }
                    });
                await approver.ApproveOrderAsync(
                    new ApproveOrderRequest
                    {
                        Reference = $"{run}-{order}-approval",
                        OrderNumber = draft.Order.OrderNumber
                    });
                if (order % MeasuredEvery is 0) denials.Add(
                    await Task.WhenAll(nodes.Select(node => DeniedAsync(node, imei))));
            }
        })));
        await over.CancelAsync();
        await Task.WhenAll(load);
        return (denials, checks);
    }

    private static Task<double> DeniedAsync(AttachService.AttachServiceClient node, string imei) =>
        Timing.MillisecondsAsync(async () =>
    {
        while ((await node.CheckAsync(new CheckRequest { Imei = imei })).Verdict is not Verdict.Deny)
        {
        }
    });

    private static async Task UntilAnsweredAsync(AttachService.AttachServiceClient node)
    {
        while (true)
            try
            {
                await node.CheckAsync(new CheckRequest { Imei = "35290611000001" });
                return;
            }
            catch (Grpc.Core.RpcException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
            }
    }

    private static async Task<double> BareCommitsAsync(TestCluster cluster, string database, int connections,
        TimeSpan time)
    {
        await cluster.ExecuteAsync("CREATE TABLE IF NOT EXISTS bare_commits (reference text, said bytea)", database);
        var (done, watch) = (0L, Stopwatch.StartNew());
        await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Task.Run(async () =>
        {
            await using var connection = new NpgsqlConnection(cluster.Server.AdminConnectionString(database)
                + ";Pooling=false");
            await connection.OpenAsync();
            await using var insert = new NpgsqlCommand(
                "INSERT INTO bare_commits VALUES ('reference', decode(repeat('ab', 300), 'hex'))", connection);
            await insert.PrepareAsync();
            while (watch.Elapsed < time)
            {
                await insert.ExecuteNonQueryAsync();
                Interlocked.Increment(ref done);
            }
        })));
        return done / watch.Elapsed.TotalSeconds;
    }
}
