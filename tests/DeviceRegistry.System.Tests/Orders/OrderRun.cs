using System.Globalization;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using OrderAction = DeviceRegistry.Core.OrderAction;
using OrderClass = DeviceRegistry.Core.OrderClass;
using OrderState = DeviceRegistry.Core.OrderState;

namespace DeviceRegistry.System.Tests.Orders;

/// <summary>A running sequence of steps with its own devices and TACs. Each call goes to the model and to the
/// registrar, and the answers are compared.</summary>
internal sealed class OrderRun(OrderWorld world, IReadOnlyList<OrderStep> steps)
{
    private static readonly string[] Reasons = ["COURT_ORDER", "BARRED", "STOLEN", "FINANCE_DEFAULT", "NOT_REGISTERED"];
    private static readonly string[] Rows = ["2", "4", "5a", "6a", "19d"];
    private static int _tacs = 40_000_000;

    private readonly OrderModel _model = new();
    private readonly Dictionary<int, long> _numbers = [];
    private readonly Tac[] _own = [NewTac(), NewTac()];

    public IReadOnlyList<OrderStep> Steps => steps;

    /// <summary>The first difference from the model; null if there is none.</summary>
    public string? Difference { get; private set; }

    /// <summary>Number of calls, and of calls that were refused as the model predicted.</summary>
    public (int Made, int Refused) Calls { get; private set; }

    /// <summary>Runs the step of this turn, if there is one.</summary>
    public async Task StepAsync(int turn)
    {
        if (turn >= steps.Count || Difference is not null) return;

        var step = steps[turn];
        try
        {
            await StepAsync(step);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            Difference = $"step {step.Number} failed: {fault}";
        }
    }

    public void Report(int node) => _model.Report(node);

    public void Record() => _model.Record(world.Time.Now, OrderWorld.Nodes.Length);

    /// <summary>Compares the orders in the database, the blocks that result, and the answers of the node around the
    /// current time.</summary>
    public void Compare(int turn,
        IReadOnlyDictionary<long, StoredOrder> stored, IReadOnlyDictionary<long, OrderClass> blocked)
    {
        foreach (var (step, order) in _model.Orders)
        {
            var found = stored[_numbers[step]];
            if ((found.State, found.InForceAt, found.EndedAt, found.EnforcedAt) != (order.State, order.InForceAt,
                order.EndedAt, order.EnforcedAt))
                Differ($"after turn {turn}: order {step} is {found} in the database, {order} in the model");
        }

        for (var handset = 0; handset < OrderStep.Handsets; handset++)
        {
            var imei = ImeiOf(handset);
            var (onImei, onTac) = (Blocked((long)imei.Value), Blocked(imei.Tac.Value));
            var expected = _model.Blocks(handset, world.Time.Now, o => OrderLifeCycle.IsAtNodes(o.State));
            if (Highest(onImei, onTac) != expected) Differ(
                $"after turn {turn}: handset {handset} is blocked by class {Highest(onImei, onTac)} in the database, " +
                $"{expected} in the model");

            foreach (var halves in (int[])[-3, -2, -1, 0, 1, 2, 7])
            {
                var at = world.Time.Now + halves * OrderModel.Half;
                var (answered, row) = (world.Ask(imei, at), RowOf(_model.Blocks(handset, at, o => o.IsAtNodes)));
                if (answered != row) Differ(
                    $"after turn {turn}: the node answers for handset {handset}, asked {halves / 2.0:+0.0;-0.0;0} " +
                    $"steps from then, by row \"{answered}\", the model by \"{row}\"");
            }
        }

        OrderClass? Blocked(long value) => blocked.TryGetValue(value, out var rank) ? rank : null;
    }

    private static OrderClass? Highest(OrderClass? one, OrderClass? other) =>
        one is null ? other : other is null ? one : one < other ? one : other;

    private static string RowOf(OrderClass? rank) => rank is { } r ? Rows[(int)r - 1] : "";

    private void Differ(string what) => Difference ??= what;

    private async Task StepAsync(OrderStep step)
    {
        // A step against an order that does not exist does nothing.
        if (step.Kind is StepKind.Wait || (step.Target is { } missing && !_model.Orders.ContainsKey(missing))
            || (step.Target is null && step.Kind is not StepKind.Draft)) return;

        var now = world.Time.Now;
        var target = step.Target is { } number ? _model.Orders[number] : null;
        switch (step.Kind)
        {
            case StepKind.Draft or StepKind.Measure:
                var drafter = step.Person % 4;
                var expected = _model.Draft(step, drafter, now);
                await CallAsync(step, expected, step.Kind is StepKind.Draft ? DraftOf(step, drafter)
                    : MeasureOf(step, drafter), answer => _numbers[step.Number] = (long)answer.OrderNumber);
                if (step.ThenApproved && expected is OrderModel.Done && Difference is null) await ApproveAsync(step,
                    step.Number, Approver(step, _model.Orders[step.Number]));
                break;
            case StepKind.Approve:
                await ApproveAsync(step, step.Target!.Value, Approver(step, target!));
                break;
            case StepKind.Reject:
                var rejecter = step.ByAnybody ? step.Person % 4 : (target!.Drafter + 1 + step.Person % 3) % 4;
                await CallAsync(step, OrderModel.Reject(target!, rejecter, now), RejectionOf(step, rejecter));
                break;
            case StepKind.Withdraw:
                var withdrawer = step.ByAnybody ? step.Person % 4 : target!.Drafter;
                await CallAsync(step, OrderModel.Withdraw(target!, withdrawer, now), WithdrawalOf(step, withdrawer));
                break;
            default:
                await CallAsync(step, OrderModel.Notice(target!, now), NoticeOf(step, now));
                break;
        }
    }

    private int Approver(OrderStep step, ModelOrder order)
    {
        var able = Enumerable.Range(0, 4).Where(p => OrderModel.MayApprove(order, p)).ToList();
        return step.ByAnybody || able.Count is 0 ? step.Person % 4 : able[step.Person % able.Count];
    }

    private Task ApproveAsync(OrderStep step, int order, int person)
    {
        var request = new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = Number(order) };
        var against = _model.Orders[order].Against is { } target
            ? Number(_model.Orders.Single(o => ReferenceEquals(o.Value, target)).Key) : 0;
        return CallAsync(step, _model.Approve(_model.Orders[order], person, world.Time.Now), async () =>
            (await world.Book.ApproveAsync(world.People[person], request, Signed(against), default)).Order);
    }

    // OrderWorkflow receives signatures that the service verified before. This test makes none.
    private static OrderSignature Signed(ulong against = 0) =>
        new(new byte[OrderSigning.DigestSize], against, new Signature());

    private async Task CallAsync(OrderStep step, string expected,
        Func<Task<OrderSummary>> call, Action<OrderSummary>? then = null)
    {
        var (answer, refusal) = await TryAsync(call);
        if (answer is not null) then?.Invoke(answer);
        Calls = (Calls.Made + 1, Calls.Refused + (expected is OrderModel.Done ? 0 : 1));
        if (refusal != expected)
        {
            Differ($"step {step.Number}: the registrar says \"{refusal}\", the model \"{expected}\"");
            return;
        }

        if (step.SentTwice && !(await TryAsync(call))
            .Equals((answer, refusal))) Differ($"step {step.Number}, sent again, got another answer");
    }

    private static async Task<(OrderSummary? Answer, string Refusal)> TryAsync(Func<Task<OrderSummary>> call)
    {
        try
        {
            return (await call(), OrderModel.Done);
        }
        catch (RegistryException refusal)
        {
            return (null, StatusMapping.CodeOf(refusal.Error));
        }
    }

    private Func<Task<OrderSummary>> DraftOf(OrderStep step, int person)
    {
        var covered = Enumerable.Range(0, OrderStep.Subjects).Where(s => (step.Covers & 1 << s) != 0).ToList();
        List<Imei> imeis = [.. covered.Where(s => s < OrderStep.Handsets).Select(ImeiOf)];
        List<Tac> tacs = [.. covered.Where(s => s is >= OrderStep.Handsets and < OrderStep.Handsets + 2)
            .Select(s => _own[s - OrderStep.Handsets])];
        List<Subscriber> subscribers =
            [.. covered.Where(s => s >= OrderStep.Handsets + 2)
            .Select(s => world.Subscribers[s - OrderStep.Handsets - 2])];
        var now = world.Time.Now;
        var draft = new BlockDraft(
            step.Class, Reasons[(int)step.Class - 1],
            new OrderSubjects(imeis, tacs, [], [], [],
            [.. subscribers.Select(s => new NamedPair("", ImeiOf(0), "", (long)s.OperatorPartyId, s.Pseudonym))]), now
            + step.From * OrderModel.Half, now + step.Until * OrderModel.Half, [], step.Target is { } old
            ? _numbers[old] : 0);
        var request = new DraftOrderRequest
        {
            Reference = Registry.NewReference(), OrderClass = (Contracts.V1.OrderClass)step.Class,
            Reason = draft.Reason, Basis = "FIR 1/2026",
            Pairs = { subscribers.Select(s => new OrderPair { Equipment = ImeiOf(0).Printed, Subscriber = s }) },
            Imeis = { imeis.Select(i => i.Printed) },
            Tacs = { tacs.Select(t => t.Value.ToString("00000000", CultureInfo.InvariantCulture)) },
            Supersedes = (ulong)draft.Supersedes,
            EffectiveAt = draft.EffectiveAt is { } from ? Timestamp.FromDateTime(from) : null,
            ExpiresAt = draft.ExpiresAt is { } until ? Timestamp.FromDateTime(until) : null,
        };
        return async () => (await world.Book.DraftAsync(world.People[person], request, draft, Signed(), default)).Order;
    }

    private Func<Task<OrderSummary>> MeasureOf(OrderStep step, int person)
    {
        var request = new DraftOrderActionRequest
        {
            Action = (Contracts.V1.OrderAction)step.Action, Reference = Registry.NewReference(),
            OrderNumber = Number(step.Target!.Value), Basis = "tribunal",
        };
        return async () =>
            (await world.Book.DraftOrderActionAsync(world.People[person], request, step.Action, [], Signed(),
            default)).Order;
    }

    private Func<Task<OrderSummary>> RejectionOf(OrderStep step, int person)
    {
        var request = new RejectOrderRequest
        {
            Reference = Registry.NewReference(),
            OrderNumber = Number(step.Target!.Value), Reason = "no report"
        };
        return async () => (await world.Book.RejectAsync(world.People[person], request, default)).Order;
    }

    private Func<Task<OrderSummary>> WithdrawalOf(OrderStep step, int person)
    {
        var request = new WithdrawOrderRequest
        {
            Reference = Registry.NewReference(),
            OrderNumber = Number(step.Target!.Value), Reason = "by mistake"
        };
        return async () => (await world.Book.WithdrawAsync(world.People[person], request, default)).Order;
    }

    private Func<Task<OrderSummary>> NoticeOf(OrderStep step, DateTime now)
    {
        var request = new RecordNoticeRequest
        {
            Reference = Registry.NewReference(), OrderNumber = Number(step.Target!.Value),
            Notice = new Notice
            {
                Reference = "SMS-1", Channel = "SMS", At = Timestamp.FromDateTime(now),
                Evidence = ByteString.CopyFrom(new byte[32])
            },
        };
        return async () => (await world.Book.NoticeAsync(world.People[step.Person % 4], request, now, default)).Order;
    }

    private ulong Number(int order) => (ulong)_numbers[order];

    private Imei ImeiOf(int handset) =>
        new(_own[OrderModel.TacOf(handset) - OrderStep.Handsets].Value * 1_000_000ul + (ulong)handset + 1);

    private static Tac NewTac() => new((uint)Interlocked.Increment(ref _tacs));
}
