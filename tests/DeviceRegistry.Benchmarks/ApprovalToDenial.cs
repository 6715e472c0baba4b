using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Benchmarks;

/// <summary>Time from the answer to an approval until the attach node denies the device. PostgreSQL is durable; server,
/// node and client share the machine. Baseline in the same run: the round trip of a plain check, which no measurement
/// can go below.</summary>
internal static class ApprovalToDenial
{
    public static Benchmark Benchmark { get; } = new("approval-to-denial",
        "Time from an order's approval to the node's first denial, beside the round trip of a check.",
        [new("orders", "orders, one after the other", 1_000, 100, 3)], ["postgres"],
        values => WorkFolder.WithAsync(folder => RunAsync(values[0], folder)));

    private static async Task RunAsync(int orders, string state)
    {
        await using var cluster = await TestCluster.StartAsync(throwAway: false);
        await using var server = await RegistryProcess.StartAsync(
            state, "--demo", "--database",
            cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, await cluster.CloneAsync()));
        var drafter = new OrdersService.OrdersServiceClient(server.Signer("regulator-a"));
        var approver = new OrdersService.OrdersServiceClient(server.Signer("regulator-b"));
        var attach = new AttachService.AttachServiceClient(server.Channel("attach", "operator-a"));

        Figure floor = new("a check's round trip (baseline)"), approval = new("approval's own round trip"),
            denial = new("approval answered -> denied");
        for (var i = 0; i < orders; i++)
        {
            var one = await MeasureAsync(drafter, approver, attach, $"bench-{i}", TestImei.Next());
            floor.Add(one.Floor);
            approval.Add(one.Approval);
            denial.Add(one.Denial);
        }

        Console.WriteLine("milliseconds:");
        foreach (var figure in (Figure[])[floor, approval, denial]) Console.WriteLine($"  {figure.Distribution()}");
        Console.WriteLine($"denied / baseline, median of the ratios: {Figure.Ratio(denial, floor).Median:0.00}");
    }

    /// <summary>One order, in milliseconds: the round trip of a check, the approval, and the time from its answer to
    /// the denial at the node.</summary>
    public static async Task<(double Floor, double Approval, double Denial)> MeasureAsync(
        OrdersService.OrdersServiceClient drafter, OrdersService.OrdersServiceClient approver,
        AttachService.AttachServiceClient attach, string reference, Core.Imei handset)
    {
        var imei = handset.Digits;
        var draft = await drafter.DraftOrderAsync(
            new DraftOrderRequest
            {
                Reference = reference, OrderClass = OrderClass.C, Reason = "STOLEN",
                Basis = "benchmark", Imeis = { imei }
            });
        var floor = await Timing.MillisecondsAsync(async () =>
            await attach.CheckAsync(new CheckRequest { Imei = imei }));
        var approval = await Timing.MillisecondsAsync(async () =>
            await approver.ApproveOrderAsync(
            new ApproveOrderRequest { Reference = $"{reference}-approval", OrderNumber = draft.Order.OrderNumber }));
        var denial = await Timing.MillisecondsAsync(async () =>
        {
            while ((await attach.CheckAsync(new CheckRequest { Imei = imei })).Verdict is not Verdict.Deny)
            {
            }
        });
        return (floor, approval, denial);
    }
}
