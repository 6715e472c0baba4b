using DeviceRegistry.Core;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>A reason code, valid for a time (DOMAIN 10): data, never an enum.</summary>
public sealed class OrderReasonRow
{
    /// <summary>Code, such as STOLEN.</summary>
    public required string Code { get; set; }

    /// <summary>Class it is for.</summary>
    public OrderClass OrderClass { get; set; }

    /// <summary>First day.</summary>
    public DateOnly ValidFrom { get; set; }

    /// <summary>Last day; null: open.</summary>
    public DateOnly? ValidUntil { get; set; }

    /// <summary>What a check says.</summary>
    public CheckReason CheckReason { get; set; }

    /// <summary>GSMA reason code, unverified; empty: national only.</summary>
    public string GsmaCode { get; set; } = "";
}

/// <summary>What an order does. Numbers as on the wire.</summary>
public enum OrderAction : short
{
    /// <summary>Blocks.</summary>
    Block = 1,

    /// <summary>Lifts another order.</summary>
    Lift = 2,
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

    /// <summary>Lifted.</summary>
    Lifted = 4,

    /// <summary>A lift that has taken effect.</summary>
    Done = 5,
}

/// <summary>A block order, or the order that lifts one.</summary>
public sealed class OrderRow
{
    /// <summary>Number given by the registry.</summary>
    public long Number { get; set; }

    /// <summary>What it does.</summary>
    public OrderAction Action { get; set; }

    /// <summary>Class.</summary>
    public OrderClass OrderClass { get; set; }

    /// <summary>State.</summary>
    public OrderState State { get; set; }

    /// <summary>Reason code.</summary>
    public required string Reason { get; set; }

    /// <summary>What a check says, as the reason table said when it was drafted.</summary>
    public CheckReason CheckReason { get; set; }

    /// <summary>Legal basis.</summary>
    public required string Basis { get; set; }

    /// <summary>The drafter's reference.</summary>
    public required string Reference { get; set; }

    /// <summary>Drafter.</summary>
    public long DraftedBy { get; set; }

    /// <summary>When.</summary>
    public DateTime DraftedAt { get; set; }

    /// <summary>Approver. A constraint keeps the two apart.</summary>
    public long? ApprovedBy { get; set; }

    /// <summary>When.</summary>
    public DateTime? ApprovedAt { get; set; }

    /// <summary>Start; null: at once.</summary>
    public DateTime? EffectiveAt { get; set; }

    /// <summary>End; null: never.</summary>
    public DateTime? ExpiresAt { get; set; }

    /// <summary>The order it lifts.</summary>
    public long? Lifts { get; set; }

    /// <summary>Copied from the order it lifts and held to it by a foreign key, so that a constraint can compare people.</summary>
    public long? LiftsDraftedBy { get; set; }

    /// <summary>Copied likewise.</summary>
    public long? LiftsApprovedBy { get; set; }

    /// <summary>The lift that ended it.</summary>
    public long? LiftedBy { get; set; }
}

/// <summary>What kind of thing an order covers.</summary>
public enum OrderItemKind : short
{
    /// <summary>An IMEI.</summary>
    Imei = 1,

    /// <summary>A TAC, never expanded.</summary>
    Tac = 2,
}

/// <summary>One thing an order covers.</summary>
public sealed class OrderItemRow
{
    /// <summary>The order.</summary>
    public long OrderNumber { get; set; }

    /// <summary>What kind.</summary>
    public OrderItemKind Kind { get; set; }

    /// <summary>IMEI or TAC as a number.</summary>
    public long Value { get; set; }
}
