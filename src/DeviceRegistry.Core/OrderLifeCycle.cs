namespace DeviceRegistry.Core;

/// <summary>What an order does. Numbers as on the wire.</summary>
public enum OrderAction : short
{
    /// <summary>Blocks.</summary>
    Block = 1,

    /// <summary>Lifts another order.</summary>
    Lift = 2,

    /// <summary>Suspends another order.</summary>
    Stay = 3,

    /// <summary>Ends a stay.</summary>
    Vacate = 4,

    /// <summary>Says that another order was wrong from the beginning.</summary>
    Annul = 5,
}

/// <summary>State of an order (DOMAIN 5.2). Numbers as on the wire.</summary>
public enum OrderState : short
{
    /// <summary>Waits for another person.</summary>
    PendingApproval = 1,

    /// <summary>Approved, a guard is missing.</summary>
    Approved = 2,

    /// <summary>Nodes start and end it by clock.</summary>
    Armed = 3,

    /// <summary>Lifted, superseded, or ended at its own instant.</summary>
    Lifted = 4,

    /// <summary>A measure that has taken effect.</summary>
    Done = 5,

    /// <summary>Rejected by another person.</summary>
    Rejected = 6,

    /// <summary>Withdrawn before it blocked anybody.</summary>
    Withdrawn = 7,

    /// <summary>Blocks nobody until its stay is vacated.</summary>
    Stayed = 8,

    /// <summary>Wrong from the beginning.</summary>
    Annulled = 9,

    /// <summary>Its start has come.</summary>
    InForce = 10,

    /// <summary>In force, and every operator's nodes have it.</summary>
    Enforced = 11,
}

/// <summary>A step of an order's life: what happens, from which state to which.</summary>
public readonly record struct OrderTransition(OrderState From, string Step, OrderState To);

/// <summary>The life of orders (DOMAIN 5.2, DESIGN 5): every step there is. The database has the same rows and refuses
/// every other one.</summary>
public static class OrderLifeCycle
{
    /// <summary>Steps of a block order.</summary>
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

    /// <summary>Steps of a measure against an order.</summary>
    public static IReadOnlyList<OrderTransition> OfMeasure { get; } =
    [
        new(OrderState.PendingApproval, "reject", OrderState.Rejected),
        new(OrderState.PendingApproval, "withdraw", OrderState.Withdrawn),
        new(OrderState.PendingApproval, "approve", OrderState.Done),
    ];

    /// <summary>States in which nodes hold an order: they deny by it between its instants. In SQL they are <c>state IN
    /// (3, 10, 11)</c>.</summary>
    public static IReadOnlyList<OrderState> AtNodes { get; } =
        [OrderState.Armed, OrderState.InForce, OrderState.Enforced];

    /// <summary>Nodes hold it.</summary>
    public static bool IsAtNodes(OrderState state) => AtNodes.Contains(state);

    /// <summary>States of a block order that a measure can change.</summary>
    public static IReadOnlyList<OrderState> ChangedBy(OrderAction measure) => measure switch
    {
        OrderAction.Lift or OrderAction.Stay => AtNodes,
        OrderAction.Vacate => [OrderState.Stayed],
        OrderAction.Annul => [OrderState.Approved, .. AtNodes, OrderState.Stayed, OrderState.Lifted],
        _ => [],
    };

    /// <summary>What the approver of a measure against it must not have been: its drafter or approver. Orders made by
    /// rule are nobody's (DOMAIN 5.2).</summary>
    public static bool NeedsFourPeople(OrderClass rank) => rank is not OrderClass.E;

    /// <summary>It is armed only with proof that notice was given (DOMAIN 5.2).</summary>
    public static bool NeedsNotice(OrderClass rank) => rank is OrderClass.D or OrderClass.E;

    /// <summary>The steps as a state diagram in the Mermaid language.</summary>
    public static string Diagram(IEnumerable<OrderTransition> steps) =>
        "stateDiagram-v2\n    [*] --> PENDING_APPROVAL: draft\n"
        + string.Concat(steps.Select(s => $"    {Word(s.From)} --> {Word(s.To)}: {s.Step}\n"));

    /// <summary>The name of a state in upper snake case.</summary>
    internal static string Word(Enum state) =>
        string.Concat(state.ToString()
        .Select((c, i) => i > 0 && char.IsUpper(c) ? $"_{c}" : char.ToUpperInvariant(c).ToString()));
}
