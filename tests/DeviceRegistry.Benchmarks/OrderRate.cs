using System.Collections.Concurrent;
using System.Diagnostics;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Npgsql;

namespace DeviceRegistry.Benchmarks;

/// <summary>How many orders two people a client can draft, sign and approve, and how soon two nodes deny, while both answer checks. PostgreSQL is durable; servers, clients and
/// nodes share the machine. Beside it, in the same run: commits of one small row by as many connections, which no write can go beyond.</summary>
internal static class OrderRate
{
    private const int MeasuredEvery = 10;
    private static readonly TimeSpan Bare = TimeSpan.FromSeconds(5);

    public static async Task<int> RunAsync(int orders, int clients, int replicationMs)
    {
        await using var cluster = await TestCluster.StartAsync(throwAway: false);

        // What a synchronous standby so far away would cost: each flush waits for it, and takes along what came meanwhile.
        if (replicationMs > 0)
            foreach (var setting in (string[])[$"commit_delay = {replicationMs * 1000}", "commit_siblings = 0"]) await cluster.ExecuteAsync($"ALTER SYSTEM SET {setting}");
        await cluster.ExecuteAsync("SELECT pg_reload_conf()");

        var (state, database) = (Directory.CreateTempSubdirectory("drb").FullName, await cluster.CloneAsync());
        await using var server = await RegistryProcess.StartAsync(state, "--demo", "--database", cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, database));
        await using var second = await RegistryProcess.LaunchAsync(state, "--roles", "Attach,Web", "--node", "node-b1", "--registrar", $"https://localhost:{server.Address("registrar").Port}");
        AttachService.AttachServiceClient[] nodes = [new(server.Channel("attach", "operator-a")), new(second.Channel("attach", "operator-b"))];
        foreach (var node in nodes) await UntilAnsweredAsync(node);
        await MeasureAsync(server, nodes, 20 * clients, clients, "warm");

        var before = await BareCommitsAsync(cluster, database, clients);
        var (cpu, watch) = (CpuOf(server), Stopwatch.StartNew());
        var (denials, checks) = await MeasureAsync(server, nodes, orders, clients, "run");
        var (elapsed, used) = (watch.Elapsed.TotalSeconds, CpuOf(server) - cpu);
        var after = await BareCommitsAsync(cluster, database, clients);

        var bare = (before + after) / 2;
        Console.WriteLine($"{orders} orders by {clients} clients, {Environment.ProcessorCount} cores, {(replicationMs > 0 ? $"{replicationMs} ms of simulated synchronous replication" : "durable")}:");
        Console.WriteLine($"  {orders / elapsed,8:0} orders/s, {2 * orders / elapsed:0} journal commits/s, {used.TotalMilliseconds / orders:0.00} ms of the server's CPU an order");
        Console.WriteLine($"  {bare,8:0} commits/s of one small row by {clients} connections (before {before:0}, after {after:0}): ratio {2 * orders / elapsed / bare:0.00}");
        Console.WriteLine($"  {checks / elapsed,8:0} checks/s answered beside it; milliseconds:");
        for (var node = 0; node < nodes.Length; node++) Statistics.Say($"approval answered -> denied, node {node + 1}", [.. denials.Select(d => d[node])]);
        Statistics.Say("approval answered -> at both", [.. denials.Select(d => d.Max())]);
        Directory.Delete(state, recursive: true);
        return 0;
    }

    private static async Task<(IReadOnlyCollection<double[]> Denials, long Checks)> MeasureAsync(RegistryProcess server, AttachService.AttachServiceClient[] nodes, int orders, int clients, string run)
    {
        var (denials, next, checks) = (new ConcurrentBag<double[]>(), -1, 0L);
        using var over = new CancellationTokenSource();
        var load = nodes.Select(node => Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                await node.CheckAsync(new CheckRequest { Imei = "35290611000001" });
                Interlocked.Increment(ref checks);
            }
        })).ToList();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            var (drafter, approver) = (new OrdersService.OrdersServiceClient(server.Signer("regulator-a")), new OrdersService.OrdersServiceClient(server.Signer("regulator-b")));
            for (int order; (order = Interlocked.Increment(ref next)) < orders;)
            {
                var imei = TestImei.Next().Digits;
                var draft = await drafter.DraftOrderAsync(new DraftOrderRequest { Reference = $"{run}-{order}", OrderClass = OrderClass.C, Reason = "STOLEN", Basis = "benchmark", Imeis = { imei } });
                await approver.ApproveOrderAsync(new ApproveOrderRequest { Reference = $"{run}-{order}-approval", OrderNumber = draft.Order.OrderNumber });
                if (order % MeasuredEvery is 0) denials.Add(await Task.WhenAll(nodes.Select(node => DeniedAsync(node, imei))));
            }
        })));
        await over.CancelAsync();
        await Task.WhenAll(load);
        return (denials, checks);
    }

    private static Task<double> DeniedAsync(AttachService.AttachServiceClient node, string imei) => Statistics.MillisecondsAsync(async () =>
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
            await using var connection = new NpgsqlConnection(cluster.Server.AdminConnectionString(database));
            await connection.OpenAsync();
            await using var insert = new NpgsqlCommand("INSERT INTO bare_commits VALUES ('reference', decode(repeat('ab', 300), 'hex'))", connection);
            await insert.PrepareAsync();
            while (watch.Elapsed < Bare)
            {
                await insert.ExecuteNonQueryAsync();
                Interlocked.Increment(ref done);
            }
        })));
        return done / watch.Elapsed.TotalSeconds;
    }

    private static TimeSpan CpuOf(RegistryProcess server)
    {
        using var process = Process.GetProcessById(server.Id);
        return process.TotalProcessorTime;
    }
}
