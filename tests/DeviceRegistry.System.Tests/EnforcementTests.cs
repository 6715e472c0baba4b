using DeviceRegistry.Attach;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using ActorKind = DeviceRegistry.Contracts.V1.ActorKind;
using AttachService = DeviceRegistry.Contracts.V1.AttachService;
using EnforcementMode = DeviceRegistry.Contracts.V1.EnforcementMode;
using OrderState = DeviceRegistry.Contracts.V1.OrderState;
using Verdict = DeviceRegistry.Contracts.V1.Verdict;

namespace DeviceRegistry.System.Tests;

/// <summary>Enforcement as the registrar observes it: first denials, overdue operators, nodes with clock skew. Each
/// test has its own registry.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class EnforcementTests
{
    [Test]
    public async Task The_first_denial_of_an_operator_is_reported_once()
    {
        var database = await Registry.Cluster.CloneAsync();
        var state = Registry.NewFolder();
        await using var registrar = await RegistryProcess.StartAsync(state, "--roles", "Registrar,Web", "--demo",
            "--database", Registry.ConnectionString(database));
        var imei = TestImei.Next();
        ulong order;
        OperatorEnforcement first;
        await using (var node = await StartNodeAsync(registrar))
        {
            order = await BlockAsync(registrar, imei);
            await Registry.UntilAsync(async ct =>
                (await CheckAsync(node, "operator-b", imei, ct)).Verdict is Verdict.Deny);
            var asked = await OperatorAsync(registrar, order);
            var before = TimeProvider.System.GetUtcNow();
            await CheckAsync(node, "core-b1", imei);
            first = await UntilAsync(registrar, order, o => o.FirstDeniedAt is not null);

            Assert.That(asked.FirstDeniedAt, Is.Null, "a person's question refuses nobody");
            Assert.That(first.FirstDeniedAt.ToDateTimeOffset(),
                Is.InRange(before.AddMilliseconds(-1), TimeProvider.System.GetUtcNow()));
        }

        // The restarted node has lost its record of the denial and reports one again; the registrar keeps the earlier
        // one.
        await using var again = await StartNodeAsync(registrar);
        var marker = TestImei.Next();
        var other = await BlockAsync(registrar, marker);
        await Registry.UntilAsync(async ct => (await CheckAsync(again, "core-b1", marker, ct)).Verdict is Verdict.Deny
            && (await CheckAsync(again, "core-b1", imei, ct)).Verdict is Verdict.Deny);
        await UntilAsync(registrar, other, o => o.FirstDeniedAt is not null);

        Assert.That((await OperatorAsync(registrar, order)).FirstDeniedAt, Is.EqualTo(first.FirstDeniedAt));
    }

    [Test]
    public async Task An_operator_in_observe_mode_denies_no_device()
    {
        await using var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        var (observed, enforced) = (TestImei.Next(), TestImei.Next());
        var order = await BlockAsync(server, observed);
        await Registry.UntilAsync(async ct =>
            (await CheckAsync(server, "operator-a", observed, ct)).Verdict is Verdict.Deny);
        await PutInForceAsync(server, p => p.Operators.Single(o => o.Party == "opco-a").Mode = EnforcementMode.Observe);
        await Registry.UntilAsync(async ct =>
            (await CheckAsync(server, "operator-a", observed, ct)) is
            {
                Verdict: Verdict.Allow,
                EvaluatedVerdict: Verdict.Deny
            });
        await CheckAsync(server, "core-a1", observed);

        // A denial by a later order is reported after any denial by the first order.
        var other = await BlockAsync(server, enforced);
        await PutInForceAsync(server, p => p.Operators.Single(o => o.Party == "opco-a").Mode = EnforcementMode.Enforce);
        await Registry.UntilAsync(async ct =>
            (await CheckAsync(server, "core-a1", enforced, ct)).Verdict is Verdict.Deny);
        await UntilAsync(server, other, o => o.FirstDeniedAt is not null, "opco-a");

        Assert.That((await OperatorAsync(server, order, "opco-a")).FirstDeniedAt, Is.Null);
    }

    [Test]
    public async Task An_overdue_operator_raises_one_alarm_for_all_orders()
    {
        await using var registrar = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        await using var node = await StartNodeAsync(registrar);
        await PutInForceAsync(registrar, p => p.EnforcementDeadlineS = 1);
        await UntilAsync(registrar, await BlockAsync(registrar, TestImei.Next()), o => o.AppliedAt is not null);

        await node.PauseAsync();
        var orders = new List<ulong>();
        for (var i = 0; i < 3; i++) orders.Add(await BlockAsync(registrar, TestImei.Next()));
        await Registry.UntilAsync(async ct => (await AlarmsAsync(registrar, AlarmKind.OrdersOverdue)).Count > 0);
        var raised = (await AlarmsAsync(registrar, AlarmKind.OrdersOverdue)).Single();
        var late = await BlockAsync(registrar, TestImei.Next());
        await Registry.UntilAsync(async ct =>
            TimeProvider.System.GetUtcNow() - (
            await OrderAsync(registrar, late)).InForceAt.ToDateTimeOffset() > TimeSpan.FromSeconds(4));
        var held = await OperatorAsync(registrar, orders[0]);
        var still = await AlarmsAsync(registrar, AlarmKind.OrdersOverdue);
        await node.ResumeAsync();
        await Registry.UntilAsync(async ct =>
            (await AlarmsAsync(registrar, AlarmKind.OrdersOverdue)).Single().EndedAt is not null);
        var journal = await KindsAsync(registrar);

        await node.PauseAsync();
        await BlockAsync(registrar, TestImei.Next());
        await Registry.UntilAsync(async ct => (await AlarmsAsync(registrar, AlarmKind.OrdersOverdue)).Count is 2);
        await node.ResumeAsync();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(raised.Operator, Is.EqualTo("opco-b"));
            Assert.That(raised.OrderNumber, Is.EqualTo(orders[0]));
            Assert.That(raised.Since, Is.EqualTo((await OrderAsync(registrar, orders[0])).InForceAt));
            Assert.That(raised.EndedAt, Is.Null);
        }

        Assert.That(raised.Orders, Is.InRange(1, 3));
        Assert.That(still, Is.EqualTo(new[] { raised }), "one for the outage, four seconds and one more order later");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(held.OverdueSince, Is.EqualTo(raised.RaisedAt));
            Assert.That(held.OverdueNodes, Is.EqualTo(new[] { "node-b1" }));
            Assert.That(journal.Count(k => k is JournalKind.AlarmsRaised), Is.EqualTo(1));
            Assert.That(journal.Count(k => k is JournalKind.AlarmsCleared), Is.EqualTo(1));
        }

        Assert.That((await OrderAsync(registrar, orders[0])).State, Is.EqualTo(OrderState.Enforced));
    }

    [Test]
    public async Task An_operator_late_within_the_tolerance_raises_no_alarm()
    {
        await using var registrar = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        await using var node = await StartNodeAsync(registrar);
        await UntilAsync(registrar, await BlockAsync(registrar, TestImei.Next()), o => o.AppliedAt is not null);

        await node.PauseAsync();
        var order = await BlockAsync(registrar, TestImei.Next());
        await Registry.UntilAsync(async ct =>
            TimeProvider.System.GetUtcNow() - (
            await OrderAsync(registrar, order)).InForceAt.ToDateTimeOffset() > TimeSpan.FromSeconds(3));

        Assert.That(await AlarmsAsync(registrar, AlarmKind.OrdersOverdue), Is.Empty,
            "two days are tolerated where the policy says nothing else");
        await node.ResumeAsync();
    }

    [Test]
    public async Task A_node_with_clock_skew_raises_one_alarm_until_the_clock_is_right()
    {
        await using var registrar = await RegistryProcess.StartAsync(
            Registry.NewFolder(), "--roles", "Registrar,Web", "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        var log = new Lines();
        await ReportSkewAsync(registrar, "core-b1", TimeSpan.FromHours(1), log);
        await Registry.UntilAsync(async ct => (await AlarmsAsync(registrar, AlarmKind.NodeClockSkew)).Count > 0);
        var raised = (await AlarmsAsync(registrar, AlarmKind.NodeClockSkew)).Single();
        var listed = await NodeAsync(registrar, "core-b1");
        await ReportSkewAsync(registrar, "core-b1", TimeSpan.FromHours(1), log);
        using var http = new HttpClient();
        await Registry.UntilAsync(async ct =>
            (await http.GetStringAsync($"http://{registrar.Address("web")}/metrics", ct))
            .Contains("device_registry_nodes_clock_skewed{} 1", StringComparison.Ordinal));

        await ReportSkewAsync(registrar, "core-b1", TimeSpan.Zero, log);
        await Registry.UntilAsync(async ct =>
            (await AlarmsAsync(registrar, AlarmKind.NodeClockSkew)).Single().EndedAt is not null);
        var right = await NodeAsync(registrar, "core-b1");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(raised.Node, Is.EqualTo("core-b1"));
            Assert.That(raised.Operator, Is.EqualTo("opco-b"));
        }

        Assert.That(raised.ClockSkewMs, Is.EqualTo(3_600_000).Within(5_000));
        Assert.That(listed.ClockMeasured, Is.True);
        Assert.That(listed.ClockSkewMs, Is.EqualTo(raised.ClockSkewMs).Within(5_000));
        Assert.That(Math.Abs(right.ClockSkewMs) - right.ClockUncertaintyMs, Is.LessThan(1_000));
        Assert.That(log.All, Is.EqualTo(new[] { "3016", "3016" }),
            "each process that starts with a wrong clock says it once, one with a right clock nothing");
    }

    // Does what a node with a wrong clock does: receives a heartbeat, and reports its position. The clock is ahead,
    // because only the reporter uses it here and a clock that is behind would exceed the deadlines. The registrar and
    // the measuring code are the real ones.
    private static async Task ReportSkewAsync(RegistryProcess registrar, string node, TimeSpan ahead, Lines log)
    {
        var time = new Shifted(ahead);
        var state = new NodeState("", new MemberDirectory());
        using var refusals = new DenialLog(state, Registry.NewFolder(), time, NullLogger<DenialLog>.Instance);
        using var failOpens = new FailOpenLog(new CheckCounters(), Registry.NewFolder(), time,
            NullLogger<FailOpenLog>.Instance);
        var reporter = new PositionReporter(state, refusals, failOpens, time, log);
        var feed = new FeedService.FeedServiceClient(registrar.Channel("registrar", node));
        using var stop = new CancellationTokenSource();
        var reporting = reporter.ReportAsync(feed, () => Contracts.ChainEnd.Genesis, stop.Token);
        using var call = feed.Subscribe(new SubscribeRequest { Follow = true });
        await foreach (var message in call.ResponseStream.ReadAllAsync())
        {
            if (message.Heartbeat is null) continue;

            reporter.HeartbeatReceived(message.Heartbeat);
            reporter.PositionChanged();
            break;
        }

        await Registry.UntilAsync(_ => Task.FromResult(state.Feed.Reports > 0));
        await stop.CancelAsync();
        await reporting;
    }

    private static Task<RegistryProcess> StartNodeAsync(RegistryProcess registrar) =>
        RegistryProcess.StartAsync(registrar.State, "--roles", "Attach,Web", "--node", "node-b1", "--registrar",
            $"https://localhost:{registrar.Address("registrar").Port}");

    private static async Task<ulong> BlockAsync(RegistryProcess registrar, Imei imei)
    {
        OrdersService.OrdersServiceClient As(string who) => new(registrar.Signer(who));
        var order = (await As("regulator-a").DraftOrderAsync(Registry.Draft(imei))).Order.OrderNumber;
        await As("regulator-b").ApproveOrderAsync(
            new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = order });
        return order;
    }

    private static async Task<CheckResponse> CheckAsync(RegistryProcess node, string who, Imei imei,
        CancellationToken ct = default) =>
        await new AttachService.AttachServiceClient(node.Channel("attach", who))
            .CheckAsync(new CheckRequest { Imei = imei.Digits }, cancellationToken: ct);

    private static async Task<OrderSummary> OrderAsync(RegistryProcess registrar, ulong order) =>
        (await new RegistryService.RegistryServiceClient(registrar.Channel("registrar", "auditor-a"))
            .GetOrderAsync(new GetOrderRequest { OrderNumber = order })).Order;

    private static async Task<OperatorEnforcement> OperatorAsync(RegistryProcess registrar, ulong order,
        string name = "opco-b")
    {
        using var watch = new OrdersService.OrdersServiceClient(registrar.Channel("registrar", "auditor-a"))
            .WatchOrder(new WatchOrderRequest { OrderNumber = order });
        await watch.ResponseStream.MoveNext(CancellationToken.None);
        return watch.ResponseStream.Current.Operators.SingleOrDefault(o => o.Operator == name)
            ?? new OperatorEnforcement();
    }

    private static async Task<OperatorEnforcement> UntilAsync(
        RegistryProcess registrar, ulong order, Func<OperatorEnforcement, bool> isSo, string name = "opco-b")
    {
        var last = new OperatorEnforcement();
        await Registry.UntilAsync(async _ => isSo(last = await OperatorAsync(registrar, order, name)));
        return last;
    }

    private static async Task<IReadOnlyList<Alarm>> AlarmsAsync(RegistryProcess registrar, AlarmKind kind) =>
        (await new RegistryService.RegistryServiceClient(registrar.Channel("registrar", "auditor-a"))
            .ListAlarmsAsync(new ListAlarmsRequest { Kind = kind })).Alarms;

    private static async Task<NodeStatusReport> NodeAsync(RegistryProcess registrar, string name) =>
        (await new PartiesService.PartiesServiceClient(registrar.Channel("registrar", "auditor-a"))
            .ListActorsAsync(new ListActorsRequest { Kind = ActorKind.Node })).Actors.Single(a => a.Name == name).Node;

    private static async Task<IReadOnlyList<JournalKind>> KindsAsync(RegistryProcess registrar)
    {
        using var call = new FeedService.FeedServiceClient(registrar.Channel("registrar", "auditor-a"))
            .Subscribe(new SubscribeRequest());
        var kinds = new List<JournalKind>();
        await foreach (var message in call.ResponseStream.ReadAllAsync()) kinds.AddRange(
            message.Entries.Entries.Select(e => (JournalKind)e.Kind));
        return kinds;
    }

    private static async Task PutInForceAsync(RegistryProcess registrar, Action<Policy> change)
    {
        var first = new PolicyService.PolicyServiceClient(registrar.Channel("registrar", "regulator-a"));
        var policy = (await first.GetPolicyAsync(new GetPolicyRequest())).Policy;
        change(policy);
        var proposed = await first.ProposePolicyAsync(
            new ProposePolicyRequest { Reference = Registry.NewReference(), Policy = policy });
        await new PolicyService.PolicyServiceClient(registrar.Channel("registrar", "regulator-b"))
            .ApprovePolicyAsync(new ApprovePolicyRequest
            {
                Reference = Registry.NewReference(),
                Version = proposed.Version
            });
    }

    // A clock with a constant skew.
    private sealed class Shifted(TimeSpan ahead) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + ahead;
    }

    private sealed class Lines : ILogger<PositionReporter>
    {
        private readonly List<string> _all = [];

        public IReadOnlyList<string> All => _all;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            _all.Add(eventId.Id.ToString(global::System.Globalization.CultureInfo.InvariantCulture));
    }
}
