using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Npgsql;

namespace DeviceRegistry.Benchmarks;

/// <summary>How many orders two people a client can draft, sign and approve, and how soon two nodes deny, while both
/// answer checks at a steady pace. PostgreSQL is durable; servers, clients and nodes share the machine. Beside it, in
/// the same run: commits of one small row by as many connections, which no write can go beyond.</summary>
internal static class OrderRate
{
    private const int MeasuredEvery = 10;
    private const int ChecksASecond = 100;
    private const int Warm = 1_000;
    private static readonly TimeSpan Bare = TimeSpan.FromSeconds(5);

    public static async Task<int> RunAsync(int orders, int clients, int replicationMs)
    {
        await using var cluster = await TestCluster.StartAsync(throwAway: false);
        await using var standby = replicationMs > 0
            ? await Standby.FollowAsync(cluster, TimeSpan.FromMilliseconds(replicationMs)) : null;
        var (state, database) = (Directory.CreateTempSubdirectory("drb").FullName, await cluster.CloneAsync());
        await using var server = await RegistryProcess.StartAsync(state, "--demo", "--database",
            cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, database));
        await using var second = await RegistryProcess.LaunchAsync(state, "--roles", "Attach,Web", "--node", "node-b1",
            "--registrar", $"https://localhost:{server.Address("registrar").Port}");
        AttachService.AttachServiceClient[] nodes =
            [new(server.Channel("attach", "operator-a")), new(second.Channel("attach", "operator-b"))];
        foreach (var node in nodes) await UntilAnsweredAsync(node);
        await MeasureAsync(server, nodes, Warm, clients, "warm");

        var before = await BareCommitsAsync(cluster, database, clients);
        var (cpu, watch) = (CpuOf(), Stopwatch.StartNew());
        var (denials, checks) = await MeasureAsync(server, nodes, orders, clients, "run");
        var (elapsed, used) = (watch.Elapsed.TotalSeconds, CpuOf().Zip(cpu, (now, then) => now - then).ToList());
        var after = await BareCommitsAsync(cluster, database, clients);

        var bare = (before + after) / 2;
        Console.WriteLine(
            $"{orders} orders by {clients} clients, {Environment.ProcessorCount} cores, " +
            $"{(replicationMs > 0 ? $"a synchronous standby {replicationMs} ms away" : "durable")}:");
        Console.WriteLine($"  {orders / elapsed,8:0} orders/s, {2 * orders / elapsed:0} journal commits/s");
        Console.WriteLine(
            $"  {used[0] / orders,8:0.00} ms of the registrar's CPU an order, {used[1] / orders:0.00} of " +
            $"PostgreSQL's, {used[2] / orders:0.00} of the second node's, {used[3] / orders:0.00} of the clients'");
        Console.WriteLine(
            $"  {bare,8:0} commits/s of one small row by {clients} connections (before {before:0}, after {after:0}): " +
            $"ratio {2 * orders / elapsed / bare:0.00}");
        Console.WriteLine($"  {checks / elapsed,8:0} checks/s answered beside it; milliseconds:");
        for (var node = 0; node < nodes.Length; node++) Statistics.Say($"approval answered -> denied, node {node + 1}",
            [.. denials.Select(d => d[node])]);
        Statistics.Say("approval answered -> at both", [.. denials.Select(d => d.Max())]);
        Directory.Delete(state, recursive: true);
        return 0;

        double[] CpuOf() => [MillisecondsOf(server.Id), MillisecondsOfPostgres(cluster), MillisecondsOf(second.Id),
            MillisecondsOf(Environment.ProcessId)];
    }

    private static async Task<(IReadOnlyCollection<double[]> Denials, long Checks)> MeasureAsync(RegistryProcess server,
        AttachService.AttachServiceClient[] nodes, int orders, int clients, string run)
    {
        var (denials, next, checks) = (new ConcurrentBag<double[]>(), -1, 0L);
        using var over = new CancellationTokenSource();
        var load = nodes.Select(node => Task.Run(async () =>
        {
            using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / ChecksASecond));
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
                    new DraftOrderRequest { Reference = $"{run}-{order}", OrderClass = OrderClass.C, Reason = "STOLEN",
                    Basis = "benchmark", Imeis = { imei } });
                await approver.ApproveOrderAsync(
                    new ApproveOrderRequest { Reference = $"{run}-{order}-approval",
                    OrderNumber = draft.Order.OrderNumber });
                if (order % MeasuredEvery is 0) denials.Add(
                    await Task.WhenAll(nodes.Select(node => DeniedAsync(node, imei))));
            }
        })));
        await over.CancelAsync();
        await Task.WhenAll(load);
        return (denials, checks);
    }

    private static Task<double> DeniedAsync(AttachService.AttachServiceClient node, string imei) =>
        Statistics.MillisecondsAsync(async () =>
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
                await Task.Delay(50);
            }
    }

    private static async Task<double> BareCommitsAsync(TestCluster cluster, string database, int connections)
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
            while (watch.Elapsed < Bare)
            {
                await insert.ExecuteNonQueryAsync();
                Interlocked.Increment(ref done);
            }
        })));
        return done / watch.Elapsed.TotalSeconds;
    }

    private static double MillisecondsOf(int id)
    {
        using var process = Process.GetProcessById(id);
        return process.TotalProcessorTime.TotalMilliseconds;
    }

    // The postmaster, whatever it started, and whatever of that has ended.
    private static double MillisecondsOfPostgres(TestCluster cluster)
    {
        var postmaster = File.ReadAllLines(Path.Combine(cluster.Places.Data, "postmaster.pid"))[0];
        return Directory.EnumerateDirectories("/proc").Where(p => int.TryParse(Path.GetFileName(p), out _))
            .Sum(process =>
        {
            try
            {
                // After the name, which ends with the last bracket: state, parent, ... own time in user and kernel,
                // that of children that ended.
                var stat = File.ReadAllText(Path.Combine(process, "stat"));
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                var own = Path.GetFileName(process) == postmaster;
                return own || fields[1] == postmaster ? fields[11..(own ? 15 : 13)]
                    .Sum(t => 10.0 * long.Parse(t, CultureInfo.InvariantCulture)) : 0;
            }
            catch (IOException)
            {
                return 0;
            }
        });
    }
}
