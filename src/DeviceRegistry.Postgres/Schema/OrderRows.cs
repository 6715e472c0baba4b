using DeviceRegistry.Core;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>A reason code, valid for a time. Reason codes are data: a new one is a row, not an enum member.</summary>
public sealed class OrderReasonRow
{
    /// <summary>Code, such as STOLEN.</summary>
    public required string Code { get; set; }

    /// <summary>Class of the orders that may use the code.</summary>
    public OrderClass OrderClass { get; set; }

    /// <summary>First valid day.</summary>
    public DateOnly ValidFrom { get; set; }

    /// <summary>Last valid day; null for no end.</summary>
    public DateOnly? ValidUntil { get; set; }

    /// <summary>Reason that a check returns.</summary>
    public CheckReason CheckReason { get; set; }

    /// <summary>GSMA reason code, unverified; empty if the code is national only.</summary>
    public string GsmaCode { get; set; } = "";
}

/// <summary>A block order, or an order action (lift, stay, vacate, annul) on another order.</summary>
public sealed class OrderRow
{
    /// <summary>Number given by the registry.</summary>
    public long Number { get; set; }

    public OrderAction Action { get; set; }

    public OrderClass OrderClass { get; set; }

    public OrderState State { get; set; }

    /// <summary>Reason code.</summary>
    public required string Reason { get; set; }

    /// <summary>Reason that a check returns, as the reason table had it when the order was drafted.</summary>
    public CheckReason CheckReason { get; set; }

    /// <summary>Legal basis.</summary>
    public required string Basis { get; set; }

    /// <summary>The drafter's reference.</summary>
    public required string Reference { get; set; }

    /// <summary>Digest of the draft, which the drafter and the approver sign.</summary>
    public byte[] DraftDigest { get; set; } = [];

    public long DraftedBy { get; set; }

    public DateTime DraftedAt { get; set; }

    /// <summary>Approver. A check constraint keeps drafter and approver apart.</summary>
    public long? ApprovedBy { get; set; }

    public DateTime? ApprovedAt { get; set; }

    /// <summary>Start; null to start at once.</summary>
    public DateTime? EffectiveAt { get; set; }

    /// <summary>End; null for no end.</summary>
    public DateTime? ExpiresAt { get; set; }

    /// <summary>SHA-256 of each document that the order is based on.</summary>
    public byte[][] Evidence { get; set; } = [];

    /// <summary>The order that an order action changes, or that a block order supersedes.</summary>
    public long? Against { get; set; }

    /// <summary>Drafter of that order. A foreign key holds the copy to the order, so that a check constraint can
    /// compare people.</summary>
    public long? AgainstDraftedBy { get; set; }

    /// <summary>Approver of that order, copied in the same way.</summary>
    public long? AgainstApprovedBy { get; set; }

    /// <summary>The appeal that an order action carries out; the appeal is against the same order.</summary>
    public long? Appeal { get; set; }

    /// <summary>The order action, or the superseding order, that changed this order last.</summary>
    public long? ChangedBy { get; set; }

    /// <summary>Time when the order came into force.</summary>
    public DateTime? InForceAt { get; set; }

    /// <summary>Time when the order ended.</summary>
    public DateTime? EndedAt { get; set; }

    /// <summary>Time when the nodes of the last operator had applied the order.</summary>
    public DateTime? EnforcedAt { get; set; }

    /// <summary>Person who rejected or withdrew the order.</summary>
    public long? EndedBy { get; set; }

    /// <summary>Reason of the rejection or withdrawal.</summary>
    public string EndReason { get; set; } = "";

    /// <summary>Reason why no notice is given; empty if there is none.</summary>
    public string NoticeWaiver { get; set; } = "";

    /// <summary>Reference of the proof of notice; empty if there is none.</summary>
    public string NoticeReference { get; set; } = "";

    /// <summary>Time when notice was given.</summary>
    public DateTime? NoticeAt { get; set; }

    /// <summary>Channel by which notice was given.</summary>
    public string NoticeChannel { get; set; } = "";

    /// <summary>SHA-256 of the proof of notice.</summary>
    public byte[] NoticeEvidence { get; set; } = [];

    /// <summary>Person who recorded the notice.</summary>
    public long? NoticedBy { get; set; }

    /// <summary>Position of the journal entry from which nodes learn of the order; after a stay, of the last such
    /// entry. Null: not looked up yet, because the journal assigns the position only when the order is
    /// committed.</summary>
    public long? ArmedPosition { get; set; }
}

/// <summary>Time when all nodes of an operator had applied an order.</summary>
public sealed class OrderAppliedRow
{
    public long OrderNumber { get; set; }

    /// <summary>The operator.</summary>
    public long PartyId { get; set; }

    public DateTime AppliedAt { get; set; }
}

/// <summary>Time when a node of an operator first denied a device because of an order.</summary>
public sealed class OrderRefusedRow
{
    public long OrderNumber { get; set; }

    /// <summary>The operator.</summary>
    public long PartyId { get; set; }

    public DateTime FirstDeniedAt { get; set; }
}

/// <summary>Kind of subject of an order.</summary>
public enum OrderItemKind : short
{
    /// <summary>An IMEI.</summary>
    Imei = 1,

    /// <summary>A TAC. Not expanded to IMEIs.</summary>
    Tac = 2,

    /// <summary>A unit, as the order named it; each of its IMEIs is also an item.</summary>
    Unit = 3,

    /// <summary>A serial range. Not expanded to IMEIs.</summary>
    Range = 4,

    /// <summary>An identity that is not an IMEI.</summary>
    Identity = 5,

    /// <summary>An IMEI or another identity, together with one subscriber.</summary>
    Pair = 6,
}

/// <summary>One subject of an order.</summary>
public sealed class OrderItemRow
{
    public long OrderNumber { get; set; }

    public OrderItemKind Kind { get; set; }

    /// <summary>IMEI or TAC: the number. Unit: its batch. Range: the first IMEI. Identity: its negative id. Pair: the
    /// IMEI or the negative id of its device.</summary>
    public long Value { get; set; }

    /// <summary>Unit: its number in the batch. Range: the last IMEI. Pair: the subscriber's pseudonym. Otherwise
    /// 0.</summary>
    public long Detail { get; set; }

    /// <summary>Pair: the subscriber's operator. Otherwise null.</summary>
    public long? PartyId { get; set; }
}
