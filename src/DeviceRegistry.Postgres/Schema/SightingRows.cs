namespace DeviceRegistry.Postgres.Schema;

/// <summary>An identity that a network ever saw (DOMAIN 3, DeviceSighting).</summary>
public sealed class SightingRow
{
    /// <summary>An IMEI's 14 digits as a number, or the negative id of a malformed identity.</summary>
    public long Identity { get; set; }

    /// <summary>First seen.</summary>
    public DateTime FirstSeen { get; set; }

    /// <summary>Last seen.</summary>
    public DateTime LastSeen { get; set; }

    /// <summary>Operators that saw it.</summary>
    public long[] Operators { get; set; } = [];
}

/// <summary>A text that is no IMEI and stands for a handset all the same (DOMAIN 3, Imei), with an id of its
/// own.</summary>
public sealed class MalformedIdentityRow
{
    /// <summary>Id, negative, so that it is no IMEI.</summary>
    public long Id { get; set; }

    /// <summary>The text, upper case.</summary>
    public required string Text { get; set; }
}

/// <summary>The newest segment that a node reported, and what it was answered.</summary>
public sealed class SightingSegmentRow
{
    /// <summary>The node.</summary>
    public long ActorId { get; set; }

    /// <summary>Number of the segment.</summary>
    public long Number { get; set; }

    /// <summary>SHA-256 of it.</summary>
    public required byte[] Checksum { get; set; }

    /// <summary>Identities that nobody had seen before.</summary>
    public int NewIdentities { get; set; }

    /// <summary>Alarms it raised.</summary>
    public int Alarms { get; set; }
}

/// <summary>Why an alarm was raised. Numbers as on the wire.</summary>
public enum AlarmKind : short
{
    /// <summary>A network had seen the unit before it was registered.</summary>
    SeenBeforeRegistration = 1,

    /// <summary>A network saw it before it was released (row 14c).</summary>
    SeenBeforeRelease = 2,

    /// <summary>A network saw it after it was retired or recalled (row 12c).</summary>
    RetiredImeiSeen = 3,

    /// <summary>An operator's nodes lack orders for longer than the policy tolerates.</summary>
    OrdersOverdue = 4,

    /// <summary>A node's clock is further off than the policy tolerates.</summary>
    NodeClockSkew = 5,
}

/// <summary>An alarm: about a unit, or about an operator or one of its nodes.</summary>
public sealed class AlarmRow
{
    /// <summary>Number given by the registry.</summary>
    public long Number { get; set; }

    /// <summary>Why.</summary>
    public AlarmKind Kind { get; set; }

    /// <summary>When.</summary>
    public DateTime RaisedAt { get; set; }

    /// <summary>The unit's batch.</summary>
    public int? BatchNumber { get; set; }

    /// <summary>The unit.</summary>
    public int? Unit { get; set; }

    /// <summary>The IMEI that was seen.</summary>
    public long? Imei { get; set; }

    /// <summary>Operators that saw it.</summary>
    public long[] Operators { get; set; } = [];

    /// <summary>The operator it is about; null: it is about a unit.</summary>
    public long? PartyId { get; set; }

    /// <summary>The node it is about.</summary>
    public long? ActorId { get; set; }

    /// <summary>Orders that were late.</summary>
    public long? Orders { get; set; }

    /// <summary>The one of them that was in force first.</summary>
    public long? OrderNumber { get; set; }

    /// <summary>Since when.</summary>
    public DateTime? Since { get; set; }

    /// <summary>How far the node's clock was ahead, ms.</summary>
    public long? ClockSkewMs { get; set; }

    /// <summary>When what it is about was over. One about a unit never is.</summary>
    public DateTime? EndedAt { get; set; }
}
