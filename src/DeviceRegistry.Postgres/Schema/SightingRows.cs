namespace DeviceRegistry.Postgres.Schema;

/// <summary>An identity that a network saw at least once.</summary>
public sealed class SightingRow
{
    /// <summary>The 14 digits of an IMEI as a number, or the negative id of a malformed identity.</summary>
    public long Identity { get; set; }

    public DateTime FirstSeen { get; set; }

    public DateTime LastSeen { get; set; }

    /// <summary>Ids of the operators that saw the identity.</summary>
    public long[] Operators { get; set; } = [];
}

/// <summary>A text that is not an IMEI and identifies a device all the same.</summary>
public sealed class MalformedIdentityRow
{
    /// <summary>Id; negative, so that it is never an IMEI.</summary>
    public long Id { get; set; }

    /// <summary>The text, in upper case.</summary>
    public required string Text { get; set; }
}

/// <summary>The newest segment that a node reported, and the answer to it.</summary>
public sealed class SightingSegmentRow
{
    /// <summary>The node.</summary>
    public long ActorId { get; set; }

    public long Number { get; set; }

    /// <summary>SHA-256 of the segment.</summary>
    public required byte[] Checksum { get; set; }

    /// <summary>Number of identities in the segment that no network had seen before.</summary>
    public int NewIdentities { get; set; }

    /// <summary>Number of alarms that the segment raised.</summary>
    public int Alarms { get; set; }
}

/// <summary>Kind of alarm. Numbers equal those of the contract.</summary>
public enum AlarmKind : short
{
    /// <summary>A network saw an IMEI of the unit before the unit was registered.</summary>
    SeenBeforeRegistration = 1,

    /// <summary>A network saw the unit before it was released (proto/docs/decision-table.md row 14c).</summary>
    SeenBeforeRelease = 2,

    /// <summary>A network saw the unit after it was retired or recalled (proto/docs/decision-table.md row
    /// 12c).</summary>
    RetiredImeiSeen = 3,

    /// <summary>An operator's nodes have lacked orders for longer than the policy allows.</summary>
    OrdersOverdue = 4,

    /// <summary>A node's clock skew exceeds the limit of the policy.</summary>
    NodeClockSkew = 5,
}

/// <summary>An alarm about a unit, or about an operator or one of its nodes.</summary>
public sealed class AlarmRow
{
    /// <summary>Number given by the registry.</summary>
    public long Number { get; set; }

    public AlarmKind Kind { get; set; }

    public DateTime RaisedAt { get; set; }

    /// <summary>Batch of the unit; null unless the alarm is about a unit.</summary>
    public int? BatchNumber { get; set; }

    /// <summary>Number of the unit in its batch.</summary>
    public int? Unit { get; set; }

    /// <summary>The IMEI that a network saw.</summary>
    public long? Imei { get; set; }

    /// <summary>Ids of the operators that saw the unit.</summary>
    public long[] Operators { get; set; } = [];

    /// <summary>The operator that the alarm is about; null if the alarm is about a unit.</summary>
    public long? PartyId { get; set; }

    /// <summary>The node that the alarm is about.</summary>
    public long? ActorId { get; set; }

    /// <summary>Number of overdue orders.</summary>
    public long? Orders { get; set; }

    /// <summary>The overdue order that came into force first.</summary>
    public long? OrderNumber { get; set; }

    /// <summary>Start of the condition that the alarm reports.</summary>
    public DateTime? Since { get; set; }

    /// <summary>Time by which the node's clock was ahead of the registrar's, ms.</summary>
    public long? ClockSkewMs { get; set; }

    /// <summary>Time when the condition ended. An alarm about a unit never ends.</summary>
    public DateTime? EndedAt { get; set; }
}
