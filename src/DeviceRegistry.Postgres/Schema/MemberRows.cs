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

    /// <summary>Everyone but itself and the registry who ever registered a key for it. Whoever gives another person a
    /// key may hold it, so the two are never two people. Only added to.</summary>
    public long[] KeySetBy { get; set; } = [];
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

    /// <summary>Units that may be registered under it in all; 0: no limit.</summary>
    public long QuotaUnits { get; set; }
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

    /// <summary>Whom the TAC was allocated to.</summary>
    public required string TacHolder { get; set; }

    /// <summary>First day.</summary>
    public DateOnly ValidFrom { get; set; }

    /// <summary>Last day.</summary>
    public DateOnly ValidUntil { get; set; }

    /// <summary>SHA-256 of the document.</summary>
    public required byte[] DocumentHash { get; set; }
}

/// <summary>What a change is about. Numbers as those of the fields of the message Change.</summary>
public enum ChangeKind : short
{
    /// <summary>A party.</summary>
    Party = 1,

    /// <summary>A person or node.</summary>
    Actor = 2,

    /// <summary>An authorization.</summary>
    Authorization = 3,

    /// <summary>TAC mandates.</summary>
    TacMandate = 4,

    /// <summary>Units that leave quarantine.</summary>
    Quarantine = 5,
}

/// <summary>State of a change. Numbers as on the wire.</summary>
public enum ChangeState : short
{
    /// <summary>Waits for another person.</summary>
    Proposed = 1,

    /// <summary>In force.</summary>
    InForce = 2,

    /// <summary>Rejected or taken back.</summary>
    Rejected = 3,
}

/// <summary>A change that one person proposed and another one decides.</summary>
public sealed class ChangeRow
{
    /// <summary>Number given by the registry.</summary>
    public long Number { get; set; }

    /// <summary>What it is about.</summary>
    public ChangeKind Kind { get; set; }

    /// <summary>A serialised Change: the call that proposed it.</summary>
    public required byte[] Body { get; set; }

    /// <summary>State.</summary>
    public ChangeState State { get; set; }

    /// <summary>Proposer.</summary>
    public long ProposedBy { get; set; }

    /// <summary>When.</summary>
    public DateTime ProposedAt { get; set; }

    /// <summary>Who approved or rejected it. A constraint keeps proposer and approver apart.</summary>
    public long? DecidedBy { get; set; }

    /// <summary>When.</summary>
    public DateTime? DecidedAt { get; set; }
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

    /// <summary>How far its clock is ahead of ours, ms; null: never measured.</summary>
    public long? ClockSkewMs { get; set; }

    /// <summary>Half the round trip in which that was measured, ms.</summary>
    public long? ClockUncertaintyMs { get; set; }
}
