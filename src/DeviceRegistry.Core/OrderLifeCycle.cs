namespace DeviceRegistry.Core;

/// <summary>Effect of an order. Numbers as on the wire.</summary>
public enum OrderAction : short
{
    /// <summary>Denies service to its subjects.</summary>
    Block = 1,

    /// <summary>Lifts another order.</summary>
    Lift = 2,

    /// <summary>Suspends another order.</summary>
    Stay = 3,

    /// <summary>Ends a stay.</summary>
    Vacate = 4,

    /// <summary>States that another order was wrong from the beginning.</summary>
    Annul = 5,
}

/// <summary>State of an order (proto/docs/state-machines.md). Numbers as on the wire.</summary>
public enum OrderState : short
{
    /// <summary>Waits for the approval of a second person.</summary>
    PendingApproval = 1,

    /// <summary>Approved, but the notice to the subscriber is missing.</summary>
    Approved = 2,

    /// <summary>Nodes start and end it by their clocks.</summary>
    Armed = 3,

    /// <summary>Lifted, superseded, or ended at its end time.</summary>
    Lifted = 4,

    /// <summary>An order action that has taken effect.</summary>
    Done = 5,

    /// <summary>Rejected by a second person.</summary>
    Rejected = 6,

    /// <summary>Withdrawn before it denied service.</summary>
    Withdrawn = 7,

    /// <summary>Suspended until its stay is vacated.</summary>
    Stayed = 8,

    /// <summary>Wrong from the beginning.</summary>
    Annulled = 9,

    /// <summary>Its start time has passed.</summary>
    InForce = 10,

    /// <summary>In force, and the nodes of every operator apply it.</summary>
    Enforced = 11,
}

/// <summary>A transition of an order: state before, step, state after.</summary>
public readonly record struct OrderTransition(OrderState From, string Step, OrderState To);

/// <summary>State machine of orders (proto/docs/state-machines.md). The database has the same rows and refuses every
/// other transition.</summary>
public static class OrderLifeCycle
{
    /// <summary>Transitions of a block order.</summary>
    public static IReadOnlyList<OrderTransition> OfBlock { get; } =
    [
        new(OrderState.PendingApproval, "reject", OrderState.Rejected),
        new(OrderState.PendingApproval, "withdraw", OrderState.Withdrawn),
        new(OrderState.PendingApproval, "approve, notice missing", OrderState.Approved),
        new(OrderState.PendingApproval, "approve, start ahead", OrderState.Armed),
        new(OrderState.PendingApproval, "approve", OrderState.InForce),
        new(OrderState.Approved, "withdraw", OrderState.Withdrawn),
        new(OrderState.Approved, "annul", OrderState.Annulled),
        new(OrderState.Approved, "record notice, start ahead", OrderState.Armed),
        new(OrderState.Approved, "record notice", OrderState.InForce),
        new(OrderState.Armed, "withdraw", OrderState.Withdrawn),
        new(OrderState.Armed, "start comes", OrderState.InForce),
        new(OrderState.Armed, "lift", OrderState.Lifted),
        new(OrderState.Armed, "stay", OrderState.Stayed),
        new(OrderState.Armed, "annul", OrderState.Annulled),
        new(OrderState.InForce, "every operator has it", OrderState.Enforced),
        new(OrderState.InForce, "lift, or end comes", OrderState.Lifted),
        new(OrderState.InForce, "stay", OrderState.Stayed),
        new(OrderState.InForce, "annul", OrderState.Annulled),
        new(OrderState.Enforced, "lift, or end comes", OrderState.Lifted),
        new(OrderState.Enforced, "stay", OrderState.Stayed),
        new(OrderState.Enforced, "annul", OrderState.Annulled),
        new(OrderState.Stayed, "vacate, start ahead", OrderState.Armed),
        new(OrderState.Stayed, "vacate", OrderState.InForce),
        new(OrderState.Stayed, "end comes", OrderState.Lifted),
        new(OrderState.Stayed, "annul", OrderState.Annulled),
        new(OrderState.Lifted, "annul", OrderState.Annulled),
    ];

    /// <summary>Transitions of an order action.</summary>
    public static IReadOnlyList<OrderTransition> OfMeasure { get; } =
    [
        new(OrderState.PendingApproval, "reject", OrderState.Rejected),
        new(OrderState.PendingApproval, "withdraw", OrderState.Withdrawn),
        new(OrderState.PendingApproval, "approve", OrderState.Done),
    ];

    /// <summary>States of an order that nodes hold; they deny by it between its start and end. In SQL: <c>state IN (3,
    /// 10, 11)</c>.</summary>
    public static IReadOnlyList<OrderState> AtNodes { get; } =
        [OrderState.Armed, OrderState.InForce, OrderState.Enforced];

    public static bool IsAtNodes(OrderState state) => AtNodes.Contains(state);

    /// <summary>States of a block order that an order action can change.</summary>
    public static IReadOnlyList<OrderState> ChangedBy(OrderAction action) => action switch
    {
        OrderAction.Lift or OrderAction.Stay => AtNodes,
        OrderAction.Vacate => [OrderState.Stayed],
        OrderAction.Annul => [OrderState.Approved, .. AtNodes, OrderState.Stayed, OrderState.Lifted],
        _ => [],
    };

    /// <summary>Whether the approver of an order action must be neither the drafter nor the approver of the target
    /// order. False for class E: those orders follow from a rule, not from a person.</summary>
    public static bool NeedsFourPeople(OrderClass rank) => rank is not OrderClass.E;

    /// <summary>Whether the order is armed only with proof that notice was given.</summary>
    public static bool NeedsNotice(OrderClass rank) => rank is OrderClass.D or OrderClass.E;

    /// <summary>The transitions as a Mermaid state diagram.</summary>
    public static string Diagram(IEnumerable<OrderTransition> steps) =>
        "stateDiagram-v2\n    [*] --> PENDING_APPROVAL: draft\n"
        + string.Concat(steps.Select(s => $"    {Word(s.From)} --> {Word(s.To)}: {s.Step}\n"));

    /// <summary>Name of a state in upper snake case.</summary>
    internal static string Word(Enum state) =>
        string.Concat(state.ToString()
        .Select((c, i) => i > 0 && char.IsUpper(c) ? $"_{c}" : char.ToUpperInvariant(c).ToString()));
}
