using DeviceRegistry.Core;

namespace DeviceRegistry.Postgres.Schema;

/// <summary>A party.</summary>
public sealed class PartyRow
{
    /// <summary>Opaque id.</summary>
    public long Id { get; set; }

    /// <summary>Unique name; the O of the party's certificates.</summary>
    public required string Name { get; set; }

    public PartyKind Kind { get; set; }

    /// <summary>The party may act.</summary>
    public bool Active { get; set; }

    /// <summary>PLMN codes of an operator; empty for other parties.</summary>
    public string[] Plmns { get; set; } = [];
}

/// <summary>A person or node.</summary>
public sealed class ActorRow
{
    /// <summary>Opaque id; the actor of journal entries.</summary>
    public long Id { get; set; }

    /// <summary>Unique name; the CN of the certificate.</summary>
    public required string Name { get; set; }

    public long PartyId { get; set; }

    public ActorKind Kind { get; set; }

    /// <summary>The actor may act.</summary>
    public bool Active { get; set; }

    /// <summary>SHA-256 of the public key in use, upper-case hex; empty if no key is registered.</summary>
    public string Key { get; set; } = "";

    public string[] RevokedKeys { get; set; } = [];

    /// <summary>Every actor, except the actor itself and the registry, that ever registered a key for this actor. A
    /// person who registers a key for another person may hold that key, so the two never count as two people. Ids are
    /// only added.</summary>
    public long[] KeySetBy { get; set; } = [];
}

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

    /// <summary>Temporarily without effect.</summary>
    Suspended = 2,

    /// <summary>Ended; cannot become active again.</summary>
    Revoked = 3,
}

/// <summary>A manufacturing or import authorization of a party.</summary>
public sealed class AuthorizationRow
{
    /// <summary>Number, such as MDM-0001.</summary>
    public required string Number { get; set; }

    public long PartyId { get; set; }

    public AuthorizationKind Kind { get; set; }

    /// <summary>First valid day.</summary>
    public DateOnly ValidFrom { get; set; }

    /// <summary>Last valid day.</summary>
    public DateOnly ValidUntil { get; set; }

    public required string LegalBasis { get; set; }

    public AuthorizationState State { get; set; }

    /// <summary>Total number of units that may be registered under the authorization; 0 for no limit.</summary>
    public long QuotaUnits { get; set; }
}

/// <summary>Record that a party may register IMEIs under a TAC that was allocated to another party.</summary>
public sealed class TacMandateRow
{
    /// <summary>TAC as a number.</summary>
    public int Tac { get; set; }

    /// <summary>The manufacturer that may use the TAC.</summary>
    public long PartyId { get; set; }

    public required string BrandOwner { get; set; }

    /// <summary>The company that the TAC was allocated to.</summary>
    public required string TacHolder { get; set; }

    /// <summary>First valid day.</summary>
    public DateOnly ValidFrom { get; set; }

    /// <summary>Last valid day.</summary>
    public DateOnly ValidUntil { get; set; }

    /// <summary>SHA-256 of the mandate document.</summary>
    public required byte[] DocumentHash { get; set; }
}

/// <summary>Subject of a change. Numbers equal the field numbers of the message Change.</summary>
public enum ChangeKind : short
{
    Party = 1,

    /// <summary>A person or node.</summary>
    Actor = 2,

    /// <summary>An authorization.</summary>
    Authorization = 3,

    /// <summary>TAC mandates.</summary>
    TacMandate = 4,

    /// <summary>Release of units from quarantine.</summary>
    Quarantine = 5,
}

/// <summary>State of a change. Numbers equal those of the contract.</summary>
public enum ChangeState : short
{
    /// <summary>Proposed by one person; another person must decide.</summary>
    Proposed = 1,

    /// <summary>In force.</summary>
    InForce = 2,

    /// <summary>Rejected, or withdrawn by the proposer.</summary>
    Rejected = 3,
}

/// <summary>A change that one person proposes and another person decides.</summary>
public sealed class ChangeRow
{
    /// <summary>Number given by the registry.</summary>
    public long Number { get; set; }

    public ChangeKind Kind { get; set; }

    /// <summary>Serialised message Change, from the call that proposed the change.</summary>
    public required byte[] Body { get; set; }

    public ChangeState State { get; set; }

    public long ProposedBy { get; set; }

    public DateTime ProposedAt { get; set; }

    /// <summary>Person who approved or rejected the change. A check constraint keeps proposer and approver
    /// apart.</summary>
    public long? DecidedBy { get; set; }

    public DateTime? DecidedAt { get; set; }
}

/// <summary>State of a policy version.</summary>
public enum PolicyState : short
{
    /// <summary>Proposed by one person; another person must decide.</summary>
    Proposed = 1,

    /// <summary>In force now or earlier.</summary>
    InForce = 2,
}

/// <summary>A version of the policy (proto/docs/parameters.md).</summary>
public sealed class PolicyRow
{
    /// <summary>Version, from 1.</summary>
    public long Version { get; set; }

    public PolicyState State { get; set; }

    /// <summary>The complete parameter set, as journalled.</summary>
    public required byte[] Body { get; set; }

    public long ProposedBy { get; set; }

    /// <summary>Approver. A check constraint keeps proposer and approver apart.</summary>
    public long? ApprovedBy { get; set; }

    /// <summary>Time when the version came into force.</summary>
    public DateTime? InForceAt { get; set; }
}

/// <summary>The journal position that a node reported last.</summary>
public sealed class NodePositionRow
{
    public long ActorId { get; set; }

    /// <summary>Last applied position.</summary>
    public long Position { get; set; }

    /// <summary>Hash of the entry at that position.</summary>
    public required byte[] Hash { get; set; }

    public DateTime ReportedAt { get; set; }

    /// <summary>Time by which the node's clock is ahead of the registrar's, ms; null if it was never
    /// measured.</summary>
    public long? ClockSkewMs { get; set; }

    /// <summary>Half the round-trip time of the skew measurement, ms; null if it was never measured.</summary>
    public long? ClockUncertaintyMs { get; set; }
}
