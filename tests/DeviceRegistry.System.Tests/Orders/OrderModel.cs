using DeviceRegistry.Core;

namespace DeviceRegistry.System.Tests.Orders;

/// <summary>An order in the model.</summary>
internal sealed class ModelOrder(OrderStep step, int drafter, ModelOrder? against, DateTime now)
{
    public OrderAction Action { get; } = step.Action;

    public OrderClass Class { get; } = step.Kind is StepKind.Draft ? step.Class : against!.Class;

    public int Covers { get; } = step.Covers;

    public DateTime? From { get; } = now + step.From * OrderModel.Half;

    public DateTime? Until { get; } = now + step.Until * OrderModel.Half;

    public ModelOrder? Against { get; } = against;

    public int Drafter { get; } = drafter;

    public int? Approver { get; set; }

    public OrderState State { get; set; } = OrderState.PendingApproval;

    public bool IsNoticed { get; set; }

    /// <summary>Nodes have the order: they deny its subjects between its instants, whatever the registrar has recorded
    /// about those.</summary>
    public bool IsAtNodes { get; set; }

    /// <summary>Nodes that reported to have the order.</summary>
    public HashSet<int> Reporters { get; } = [];

    public DateTime? InForceAt { get; set; }

    public DateTime? EndedAt { get; set; }

    public DateTime? EnforcedAt { get; set; }

    public bool HasBegun(DateTime at) => From is null || From <= at;

    public bool HasEnded(DateTime at) => Until <= at;

    public override string ToString() =>
        $"{State}, in force {InForceAt:HH:mm:ss}, ended {EndedAt:HH:mm:ss}, enforced {EnforcedAt:HH:mm:ss}";
}

/// <summary>A plain model of orders: a set of orders, each with a state and its instants. Each call returns the reason
/// code of its refusal, or "" if it succeeds.</summary>
internal sealed class OrderModel
{
    public const string Done = "";

    /// <summary>Half of the time of a step.</summary>
    public static readonly TimeSpan Half = TimeSpan.FromSeconds(30);

    private const string WrongState = "WRONG_STATE";

    /// <summary>Orders by the step that drafted them.</summary>
    public Dictionary<int, ModelOrder> Orders { get; } = [];

    public string Draft(OrderStep step, int person, DateTime now)
    {
        var target = step.Target is { } number ? Orders[number] : null;
        var order = new ModelOrder(step, person, target, now);
        if (order.HasEnded(now)) return "FIELD_INVALID";
        if (target is not null && !IsOpenTo(target, step.Kind is StepKind.Draft ? OrderAction.Lift
            : step.Action)) return WrongState;

        Orders.Add(step.Number, order);
        return Done;
    }

    public string Approve(ModelOrder order, int person, DateTime now)
    {
        if (order.State is not OrderState.PendingApproval) return WrongState;
        if (!MayApprove(order, person)) return "SECOND_PERSON_REQUIRED";
        if (order.HasEnded(now)) return WrongState;

        var refusal = order.Action is not OrderAction.Block ? Change(order.Against!, order.Action, now)
            : order is { Class: OrderClass.D or OrderClass.E, IsNoticed: false } ? Wait(order)
            : Arm(order, now);
        if (refusal is not Done) return refusal;

        order.Approver = person;
        if (order.Action is not OrderAction.Block) order.State = OrderState.Done;
        return Done;
    }

    /// <summary>Whether a person may approve: not the drafter; where another order is changed, except by an action of
    /// class E, not that order's drafter or approver either.</summary>
    public static bool MayApprove(ModelOrder order, int person) =>
        person != order.Drafter
        && (order.Against is null || (order.Action is not OrderAction.Block && order.Class is OrderClass.E)
        || (person != order.Against.Drafter && person != order.Against.Approver));

    public static string Reject(ModelOrder order, int person, DateTime now) =>
        order.State is not OrderState.PendingApproval ? WrongState
        : person == order.Drafter ? "SECOND_PERSON_REQUIRED"
        : End(order, OrderState.Rejected, now);

    public static string Withdraw(ModelOrder order, int person, DateTime now) => order.State switch
    {
        OrderState.PendingApproval when person != order.Drafter => "NOT_THE_DRAFTER",
        OrderState.PendingApproval or OrderState.Approved => End(order, OrderState.Withdrawn, now),
        OrderState.Armed when !order.HasBegun(now) => End(order, OrderState.Withdrawn, now),
        _ => WrongState,
    };

    public static string Notice(ModelOrder order, DateTime now)
    {
        if (order is not
            {
                Action: OrderAction.Block, Class: OrderClass.D or OrderClass.E, IsNoticed: false,
                State: OrderState.PendingApproval or OrderState.Approved
            }) return WrongState;
        if (order.State is OrderState.Approved && Arm(order, now) is { Length: > 0 } refusal) return refusal;

        order.IsNoticed = true;
        return Done;
    }

    /// <summary>A node reports that it has every entry.</summary>
    public void Report(int node)
    {
        foreach (var order in Orders.Values.Where(o => o.IsAtNodes)) order.Reporters.Add(node);
    }

    /// <summary>The registrar records starts and ends that happened by the clock.</summary>
    public void Record(DateTime now, int nodes)
    {
        foreach (var order in Orders.Values)
        {
            if (order.State is OrderState.Armed && order.HasBegun(now)) (order.State, order.InForceAt) =
                (OrderState.InForce, order.From);
            if (order.State is OrderState.InForce or OrderState.Enforced or OrderState.Stayed
                && order.HasEnded(now)) (order.State, order.EndedAt) = (OrderState.Lifted, order.Until);
            else if (order.State is OrderState.InForce && order.Reporters.Count == nodes) (order.State,
                order.EnforcedAt) = (OrderState.Enforced, now);
        }
    }

    /// <summary>Class of the block on a device at an instant: the highest class of the orders in force that cover the
    /// device or its TAC; null if there is none.</summary>
    public OrderClass? Blocks(int handset, DateTime at, Func<ModelOrder, bool> counts) => Orders.Values
        .Where(o => counts(o) && o.HasBegun(at) && !o.HasEnded(at)
            && (o.Covers & (1 << handset | 1 << TacOf(handset) | (handset is 0 ? OrderStep.Pair : 0))) != 0)
        .Min(o => (OrderClass?)o.Class);

    /// <summary>Index of the bit of the device's TAC.</summary>
    public static int TacOf(int handset) => OrderStep.Handsets + handset / 2;

    // An order that covers a device covers it with every subscriber.
    private static int WithPairs(int covers) =>
        (covers & 1) is 0 ? covers : covers | OrderStep.Pair | OrderStep.Pair << 1;

    private static bool IsOpenTo(ModelOrder order, OrderAction measure) =>
        order.Action is OrderAction.Block && (measure, order.State) switch
        {
            (OrderAction.Vacate, var state) => state is OrderState.Stayed,
            (_, OrderState.Armed or OrderState.InForce or OrderState.Enforced) => true,
            (OrderAction.Annul, var state) => state is OrderState.Approved or OrderState.Stayed or OrderState.Lifted,
            _ => false,
        };

    private static string Wait(ModelOrder order)
    {
        order.State = OrderState.Approved;
        return Done;
    }

    private static string Arm(ModelOrder order, DateTime now)
    {
        if (order.HasEnded(now)) return WrongState;

        // When first armed, a superseding order takes the place of the target order, which it must cover completely.
        if (order is { Against: { } old, State: not OrderState.Stayed })
        {
            if (!IsOpenTo(old, OrderAction.Lift) || (old.Covers & ~WithPairs(order.Covers)) != 0) return WrongState;
            if (Change(old, OrderAction.Lift, now) is { Length: > 0 } refusal) return refusal;
        }

        order.State = order.HasBegun(now) ? OrderState.InForce : OrderState.Armed;
        if (order.HasBegun(now)) order.InForceAt = now;
        order.EnforcedAt = null;
        order.IsAtNodes = true;
        order.Reporters.Clear();
        return Done;
    }

    // Starts and ends that have passed count, recorded or not.
    private static string Change(ModelOrder target, OrderAction action, DateTime now)
    {
        if (!IsOpenTo(target, action) || (action is not OrderAction.Annul && target.HasEnded(now))) return WrongState;
        if (target.State is OrderState.Armed && target.HasBegun(now)) target.InForceAt = target.From;
        if (action is OrderAction.Vacate) return Arm(target, now);

        if (action is OrderAction.Stay) target.State = OrderState.Stayed;
        else End(target, action is OrderAction.Lift ? OrderState.Lifted : OrderState.Annulled, target.HasEnded(now)
            ? target.Until!.Value : now);
        target.IsAtNodes = false;
        return Done;
    }

    private static string End(ModelOrder order, OrderState state, DateTime at)
    {
        (order.State, order.EndedAt) = (state, order.EndedAt ?? at);
        order.IsAtNodes = false;
        return Done;
    }
}
