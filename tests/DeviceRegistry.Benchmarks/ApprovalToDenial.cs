using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Benchmarks;

/// <summary>How long after the approval's answer the handset is denied at the attach node. PostgreSQL is durable;
/// server, node and client share the machine. Beside it, in the same run: a plain check's round trip, below which no
/// measurement can go.</summary>
internal static class ApprovalToDenial
{
    public static async Task<int> RunAsync(int orders)
    {
        await using var cluster = await TestCluster.StartAsync(throwAway: false);
        var state = Directory.CreateTempSubdirectory("drb").FullName;
        await using var server = await RegistryProcess.StartAsync(
            state, "--demo", "--database",
            cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, await cluster.CloneAsync()));
        var drafter = new OrdersService.OrdersServiceClient(server.Signer("regulator-a"));
        var approver = new OrdersService.OrdersServiceClient(server.Signer("regulator-b"));
        var attach = new AttachService.AttachServiceClient(server.Channel("attach", "operator-a"));

        List<double> floor = [], approval = [], denial = [];
        for (var i = 0; i < orders; i++)
        {
            var one = await MeasureAsync(drafter, approver, attach, $"bench-{i}", TestImei.Next());
            floor.Add(one.Floor);
            approval.Add(one.Approval);
            denial.Add(one.Denial);
        }

        Console.WriteLine($"{orders} orders, {Environment.ProcessorCount} cores, milliseconds:");
        Statistics.Say("a check's round trip (floor)", floor);
        Statistics.Say("approval's own round trip", approval);
        Statistics.Say("approval answered -> denied", denial);
        Console.WriteLine($"denied / floor, medians: {Statistics.Median(denial) / Statistics.Median(floor):0.00}");
        Directory.Delete(state, recursive: true);
        return 0;
    }

    /// <summary>One order: a check's round trip, the approval's, and from its answer to the denial at the node; in
    /// milliseconds.</summary>
    public static async Task<(double Floor, double Approval, double Denial)> MeasureAsync(
        OrdersService.OrdersServiceClient drafter, OrdersService.OrdersServiceClient approver,
        AttachService.AttachServiceClient attach, string reference, Core.Imei handset)
    {
        var imei = handset.Digits;
        var draft = await drafter.DraftOrderAsync(
            new DraftOrderRequest { Reference = reference, OrderClass = OrderClass.C, Reason = "STOLEN",
            Basis = "benchmark", Imeis = { imei } });
        var floor = await Statistics.MillisecondsAsync(async () =>
            await attach.CheckAsync(new CheckRequest { Imei = imei }));
        var approval = await Statistics.MillisecondsAsync(async () =>
            await approver.ApproveOrderAsync(
            new ApproveOrderRequest { Reference = $"{reference}-approval", OrderNumber = draft.Order.OrderNumber }));
        var denial = await Statistics.MillisecondsAsync(async () =>
        {
            while ((await attach.CheckAsync(new CheckRequest { Imei = imei })).Verdict is not Verdict.Deny)
            {
            }
        });
        return (floor, approval, denial);
    }
}
