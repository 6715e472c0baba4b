using DeviceRegistry.Core;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>A party (DOMAIN 2).</summary>
public sealed class PartyRow
{
    /// <summary>Opaque id.</summary>
    public long Id { get; set; }

    /// <summary>Unique name, the O of certificates.</summary>
    public required string Name { get; set; }

    /// <summary>Kind.</summary>
    public PartyKind Kind { get; set; }

    /// <summary>May act.</summary>
    public bool Active { get; set; }

    /// <summary>PLMN codes of an operator.</summary>
    public string[] Plmns { get; set; } = [];
}

/// <summary>A person or node.</summary>
public sealed class ActorRow
{
    /// <summary>Opaque id, the actor of journal entries.</summary>
    public long Id { get; set; }

    /// <summary>Unique name, the CN of its certificate.</summary>
    public required string Name { get; set; }

    /// <summary>Its party.</summary>
    public long PartyId { get; set; }

    /// <summary>Person or node.</summary>
    public ActorKind Kind { get; set; }

    /// <summary>May act.</summary>
    public bool Active { get; set; }

    /// <summary>SHA-256 of the public key in use, upper-case hex; empty: none yet.</summary>
    public string Key { get; set; } = "";

    /// <summary>Keys revoked so far.</summary>
    public string[] RevokedKeys { get; set; } = [];

    /// <summary>Who registered the key in use; 0: the registry itself. Whoever gives another person a key may hold it, so the two are
    /// never two people.</summary>
    public long KeySetBy { get; set; }
}

/// <summary>Kind of authorization.</summary>
public enum AuthorizationKind : short
{
    /// <summary>To manufacture or assemble.</summary>
    Manufacturing = 1,

    /// <summary>To import.</summary>
    Import = 2,
}

/// <summary>State of an authorization; expiry follows from its dates.</summary>
public enum AuthorizationState : short
{
    /// <summary>In force within its dates.</summary>
    Active = 1,

    /// <summary>Not for now.</summary>
    Suspended = 2,

    /// <summary>Never again.</summary>
    Revoked = 3,
}

/// <summary>A manufacturing or import authorization (DOMAIN 3).</summary>
public sealed class AuthorizationRow
{
    /// <summary>Number, such as MDM-0001.</summary>
    public required string Number { get; set; }

    /// <summary>Holder.</summary>
    public long PartyId { get; set; }

    /// <summary>Kind.</summary>
    public AuthorizationKind Kind { get; set; }

    /// <summary>First day.</summary>
    public DateOnly ValidFrom { get; set; }

    /// <summary>Last day.</summary>
    public DateOnly ValidUntil { get; set; }

    /// <summary>Legal basis.</summary>
    public required string LegalBasis { get; set; }

    /// <summary>State.</summary>
    public AuthorizationState State { get; set; }
}

/// <summary>A mandate to register under another's TAC (DOMAIN 3).</summary>
public sealed class TacMandateRow
{
    /// <summary>TAC as a number.</summary>
    public int Tac { get; set; }

    /// <summary>The manufacturer.</summary>
    public long PartyId { get; set; }

    /// <summary>Brand owner.</summary>
    public required string BrandOwner { get; set; }

    /// <summary>First day.</summary>
    public DateOnly ValidFrom { get; set; }

    /// <summary>Last day.</summary>
    public DateOnly ValidUntil { get; set; }

    /// <summary>SHA-256 of the document.</summary>
    public required byte[] DocumentHash { get; set; }
}

/// <summary>A TAC as the list has it.</summary>
public sealed class TacRow
{
    /// <summary>TAC as a number.</summary>
    public int Tac { get; set; }

    /// <summary>Manufacturer.</summary>
    public string Manufacturer { get; set; } = "";

    /// <summary>Brand.</summary>
    public string Brand { get; set; } = "";

    /// <summary>Model.</summary>
    public string Model { get; set; } = "";

    /// <summary>Device type.</summary>
    public string DeviceType { get; set; } = "";

    /// <summary>Radio bands.</summary>
    public string Bands { get; set; } = "";

    /// <summary>Allocation date, if known.</summary>
    public DateOnly? AllocatedOn { get; set; }

    /// <summary>SIM slots; 0: unknown.</summary>
    public short SimSlots { get; set; }
}

/// <summary>Origin of units (DOMAIN 3). Numbers as on the wire.</summary>
public enum Origin : short
{
    /// <summary>Made in the country.</summary>
    LocalAssembly = 1,

    /// <summary>Commercial import.</summary>
    ImportCommercial = 2,

    /// <summary>Import by a person.</summary>
    ImportIndividual = 3,

    /// <summary>There before the registry.</summary>
    Legacy = 4,

    /// <summary>Not known.</summary>
    Unknown = 5,
}

/// <summary>State of a batch (DOMAIN 5.3). Numbers as on the wire. Its units share it: releasing five million is one row.</summary>
public enum BatchState : short
{
    /// <summary>All lines valid and registered.</summary>
    Valid = 1,

    /// <summary>One person has proposed certification.</summary>
    CertificationProposed = 2,

    /// <summary>Certified.</summary>
    Certified = 3,

    /// <summary>On the market.</summary>
    Released = 4,
}

/// <summary>A production batch or import consignment.</summary>
public sealed class BatchRow
{
    /// <summary>Number given by the registry.</summary>
    public long Number { get; set; }

    /// <summary>Owner.</summary>
    public long PartyId { get; set; }

    /// <summary>The owner's reference.</summary>
    public required string Reference { get; set; }

    /// <summary>Authorization it is registered under.</summary>
    public required string AuthorizationNumber { get; set; }

    /// <summary>Production date.</summary>
    public DateOnly ProducedOn { get; set; }

    /// <summary>Origin.</summary>
    public Origin Origin { get; set; }

    /// <summary>Model.</summary>
    public required string Model { get; set; }

    /// <summary>Units.</summary>
    public int Units { get; set; }

    /// <summary>IMEIs.</summary>
    public int Imeis { get; set; }

    /// <summary>SHA-256 over the canonical lines.</summary>
    public required byte[] ContentHash { get; set; }

    /// <summary>State.</summary>
    public BatchState State { get; set; }

    /// <summary>When it was registered.</summary>
    public DateTime RegisteredAt { get; set; }

    /// <summary>Who proposed certification.</summary>
    public long? ProposedBy { get; set; }

    /// <summary>Who confirmed it. A constraint keeps the two apart.</summary>
    public long? CertifiedBy { get; set; }
}

/// <summary>A physical unit.</summary>
public sealed class DeviceRow
{
    /// <summary>Id.</summary>
    public long Id { get; set; }

    /// <summary>Its batch.</summary>
    public long BatchNumber { get; set; }

    /// <summary>Its maker or importer, copied from the batch: serial numbers are unique within it.</summary>
    public long PartyId { get; set; }

    /// <summary>Serial number.</summary>
    public required string SerialNumber { get; set; }
}

/// <summary>An IMEI of a unit.</summary>
public sealed class ImeiRow
{
    /// <summary>The 14 digits as a number.</summary>
    public long Imei { get; set; }

    /// <summary>Its unit.</summary>
    public long DeviceId { get; set; }

    /// <summary>SIM slot, from 1.</summary>
    public short Slot { get; set; }
}

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

/// <summary>State of a policy version.</summary>
public enum PolicyState : short
{
    /// <summary>Waits for another person.</summary>
    Proposed = 1,

    /// <summary>In force, or was.</summary>
    InForce = 2,
}

/// <summary>A policy version (DOMAIN 4).</summary>
public sealed class PolicyRow
{
    /// <summary>Version, from 1.</summary>
    public long Version { get; set; }

    /// <summary>State.</summary>
    public PolicyState State { get; set; }

    /// <summary>The complete parameter set as journalled.</summary>
    public required byte[] Body { get; set; }

    /// <summary>Proposer.</summary>
    public long ProposedBy { get; set; }

    /// <summary>Approver. A constraint keeps the two apart.</summary>
    public long? ApprovedBy { get; set; }

    /// <summary>When it came in force.</summary>
    public DateTime? InForceAt { get; set; }
}

/// <summary>What a reference was answered: the memory behind "the same call again gets the first answer".</summary>
public sealed class ReceiptRow
{
    /// <summary>Party of the caller.</summary>
    public long PartyId { get; set; }

    /// <summary>The caller's reference.</summary>
    public required string Reference { get; set; }

    /// <summary>SHA-256 over method and content.</summary>
    public required byte[] Digest { get; set; }

    /// <summary>The answer, but for the journal position, which follows from the payload.</summary>
    public required byte[] Answer { get; set; }

    /// <summary>Last journal entry of the write; null: it changed nothing.</summary>
    public Guid? PayloadId { get; set; }
}

/// <summary>Where a node last said it stands.</summary>
public sealed class NodePositionRow
{
    /// <summary>The node.</summary>
    public long ActorId { get; set; }

    /// <summary>Position applied.</summary>
    public long Position { get; set; }

    /// <summary>Hash there.</summary>
    public required byte[] Hash { get; set; }

    /// <summary>When it said so.</summary>
    public DateTime ReportedAt { get; set; }
}
