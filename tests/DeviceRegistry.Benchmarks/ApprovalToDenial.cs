using System.Diagnostics;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Benchmarks;

/// <summary>How long after the approval's answer the handset is denied at the attach node. PostgreSQL is durable; server, node and
/// client share the machine. Beside it, in the same run: a plain check's round trip, below which no measurement can go.</summary>
internal static class ApprovalToDenial
{
    public static async Task<int> RunAsync(int orders)
    {
        await using var cluster = await TestCluster.StartAsync(throwAway: false);
        var state = Directory.CreateTempSubdirectory("drb").FullName;
        await using var server = await RegistryProcess.StartAsync(
            state, "--demo", "--database", cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, await cluster.CloneAsync()));
        var drafter = new OrdersService.OrdersServiceClient(server.Channel("registrar", "regulator-a"));
        var approver = new OrdersService.OrdersServiceClient(server.Channel("registrar", "regulator-b"));
        var attach = new AttachService.AttachServiceClient(server.Channel("attach", "operator-a"));

        List<double> floor = [], approval = [], denial = [];
        for (var i = 0; i < orders; i++)
        {
            var imei = TestImei.Next().Digits;
            var draft = await drafter.DraftOrderAsync(new DraftOrderRequest { Reference = $"bench-{i}", OrderClass = OrderClass.C, Reason = "STOLEN", Basis = "benchmark", Imeis = { imei } });
            floor.Add(await MillisecondsAsync(async () => await attach.CheckAsync(new CheckRequest { Imei = imei })));
            approval.Add(await MillisecondsAsync(async () => await approver.ApproveOrderAsync(new ApproveOrderRequest { Reference = $"bench-approve-{i}", OrderNumber = draft.Order.OrderNumber })));
            denial.Add(await MillisecondsAsync(async () =>
            {
                while ((await attach.CheckAsync(new CheckRequest { Imei = imei })).Verdict is not Verdict.Deny)
                {
                }
            }));
        }

        Console.WriteLine($"{orders} orders, {Environment.ProcessorCount} cores, milliseconds:");
        Say("a check's round trip (floor)", floor);
        Say("approval's own round trip", approval);
        Say("approval answered -> denied", denial);
        Console.WriteLine($"denied / floor, medians: {Quantile(denial, 0.5) / Quantile(floor, 0.5):0.00}");
        Directory.Delete(state, recursive: true);
        return 0;
    }

    private static async Task<double> MillisecondsAsync(Func<Task> act)
    {
        var start = Stopwatch.GetTimestamp();
        await act();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static void Say(string what, List<double> values) =>
        Console.WriteLine($"  {what,-30} p50 {Quantile(values, 0.5),8:0.00}   p99 {Quantile(values, 0.99),8:0.00}   max {values.Max(),8:0.00}");

    private static double Quantile(List<double> values, double q) => values.Order().ElementAt((int)Math.Min(values.Count - 1, q * values.Count));
}
