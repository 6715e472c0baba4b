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

/// <summary>A block order, or a measure against one.</summary>
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

    /// <summary>Digest of the draft, which its drafter and its approver signed.</summary>
    public byte[] DraftDigest { get; set; } = [];

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

    /// <summary>SHA-256 of the documents it is based on.</summary>
    public byte[][] Evidence { get; set; } = [];

    /// <summary>The order a measure is against, or that a block order supersedes.</summary>
    public long? Against { get; set; }

    /// <summary>Copied from that order and held to it by a foreign key, so that a constraint can compare
    /// people.</summary>
    public long? AgainstDraftedBy { get; set; }

    /// <summary>Copied likewise.</summary>
    public long? AgainstApprovedBy { get; set; }

    /// <summary>The appeal a measure is taken for; one against the same order.</summary>
    public long? Appeal { get; set; }

    /// <summary>The measure, or the superseding order, that changed it last.</summary>
    public long? ChangedBy { get; set; }

    /// <summary>Since when it is or was in force.</summary>
    public DateTime? InForceAt { get; set; }

    /// <summary>When it ended.</summary>
    public DateTime? EndedAt { get; set; }

    /// <summary>When the last operator's nodes had it.</summary>
    public DateTime? EnforcedAt { get; set; }

    /// <summary>Who rejected or withdrew it.</summary>
    public long? EndedBy { get; set; }

    /// <summary>Why it was rejected or withdrawn.</summary>
    public string EndReason { get; set; } = "";

    /// <summary>Why no notice is given.</summary>
    public string NoticeWaiver { get; set; } = "";

    /// <summary>Reference of the proof of notice; empty: there is none.</summary>
    public string NoticeReference { get; set; } = "";

    /// <summary>When notice was given.</summary>
    public DateTime? NoticeAt { get; set; }

    /// <summary>How.</summary>
    public string NoticeChannel { get; set; } = "";

    /// <summary>SHA-256 of the receipt.</summary>
    public byte[] NoticeEvidence { get; set; } = [];

    /// <summary>Who recorded it.</summary>
    public long? NoticedBy { get; set; }

    /// <summary>Where in the journal nodes learn of it, the last time if it was stayed in between; null: not looked up
    /// yet. Derived from the journal, which gives it only as the order is committed.</summary>
    public long? ArmedPosition { get; set; }
}

/// <summary>When the nodes of an operator had all applied an order.</summary>
public sealed class OrderAppliedRow
{
    /// <summary>The order.</summary>
    public long OrderNumber { get; set; }

    /// <summary>The operator.</summary>
    public long PartyId { get; set; }

    /// <summary>When.</summary>
    public DateTime AppliedAt { get; set; }
}

/// <summary>When a node of an operator first refused a handset because of an order.</summary>
public sealed class OrderRefusedRow
{
    /// <summary>The order.</summary>
    public long OrderNumber { get; set; }

    /// <summary>The operator.</summary>
    public long PartyId { get; set; }

    /// <summary>When.</summary>
    public DateTime FirstDeniedAt { get; set; }
}

/// <summary>What kind of thing an order covers.</summary>
public enum OrderItemKind : short
{
    /// <summary>An IMEI.</summary>
    Imei = 1,

    /// <summary>A TAC, never expanded.</summary>
    Tac = 2,

    /// <summary>A unit, as it was named; its IMEIs are items of their own.</summary>
    Unit = 3,

    /// <summary>A serial range, never expanded.</summary>
    Range = 4,

    /// <summary>An identity that is no IMEI.</summary>
    Identity = 5,

    /// <summary>An IMEI, or an identity that is none, with one subscriber.</summary>
    Pair = 6,
}

/// <summary>One thing an order covers.</summary>
public sealed class OrderItemRow
{
    /// <summary>The order.</summary>
    public long OrderNumber { get; set; }

    /// <summary>What kind.</summary>
    public OrderItemKind Kind { get; set; }

    /// <summary>IMEI or TAC as a number; of a unit its batch, of a range its first IMEI, of an identity its negative
    /// id; of a pair that of its handset.</summary>
    public long Value { get; set; }

    /// <summary>Of a unit its number in the batch, of a range its last IMEI, of a pair its subscriber's pseudonym;
    /// otherwise 0.</summary>
    public long Detail { get; set; }

    /// <summary>Of a pair its subscriber's operator; otherwise null.</summary>
    public long? PartyId { get; set; }
}
