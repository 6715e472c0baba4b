namespace DeviceRegistry.Core;

/// <summary>What the network does with a device (TS 22.016 §5). Only the S13 and N17 interfaces use 3GPP's
/// colours.</summary>
public enum Verdict : byte
{
    /// <summary>Serve.</summary>
    Allow = 1,

    /// <summary>Serve and observe; never refuses service.</summary>
    Track = 2,

    /// <summary>Refuse.</summary>
    Deny = 3,
}

/// <summary>Reason of a decision, one for each outcome of proto/docs/decision-table.md. Numbers as on the
/// wire.</summary>
public enum CheckReason : byte
{
    /// <summary>Row 0.</summary>
    Emergency = 1,

    /// <summary>Row 1.</summary>
    ImeiAbsent = 2,

    /// <summary>Row 2.</summary>
    CourtOrder = 3,

    /// <summary>Row 4, order against the IMEI.</summary>
    Barred = 4,

    /// <summary>Row 4, order against the TAC.</summary>
    BarredTac = 5,

    /// <summary>Row 5a.</summary>
    Stolen = 6,

    /// <summary>Row 5a.</summary>
    Lost = 7,

    /// <summary>Row 8.</summary>
    ImeiMalformed = 8,

    /// <summary>Row 8, wireline equipment.</summary>
    UnknownEquipment = 9,

    /// <summary>Row 9.</summary>
    TestImei = 10,

    /// <summary>Row 10.</summary>
    Roamer = 11,

    /// <summary>Row 11a.</summary>
    TacAllocationWait = 12,

    /// <summary>Row 11c.</summary>
    TacInvalid = 13,

    /// <summary>Row 14b.</summary>
    Compliant = 14,

    /// <summary>Row 19a.</summary>
    FirstSeen = 15,

    /// <summary>Row 20.</summary>
    Undecided = 16,

    /// <summary>Row 6.4: no data, or data too old for a denial of this kind.</summary>
    FailOpen = 17,

    /// <summary>Row 12c.</summary>
    RetiredImeiSeen = 18,

    /// <summary>Row 6a.</summary>
    FinanceDefault = 19,

    /// <summary>Row 19d, as an order of class E.</summary>
    NotRegistered = 20,

    /// <summary>Row 12b, as an order of class E.</summary>
    Clone = 21,
}

/// <summary>An answer of <see cref="AttachPolicy"/>.</summary>
public readonly record struct Decision
{
    /// <summary>What the network does: the verdict of the table, or ALLOW in mode OBSERVE.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>Verdict of the table.</summary>
    public required Verdict Evaluated { get; init; }

    public required CheckReason Reason { get; init; }

    /// <summary>Row that matched, as named in proto/docs/decision-table.md.</summary>
    public required string Row { get; init; }

    /// <summary>Number of the order that decided; 0: none.</summary>
    public ulong Order { get; init; }

    /// <summary>Time when the verdict changes without a new event, ms since 1970; 0: it does not.</summary>
    public long DueAtMs { get; init; }

    /// <summary>An interface that has an answer "unknown equipment" gives it.</summary>
    public bool UnknownEquipment { get; init; }
}
