namespace DeviceRegistry.Core;

/// <summary>What the network does with a handset (TS 22.016 §5). The 3GPP colours appear only in the doors.</summary>
public enum Verdict : byte
{
    /// <summary>Serve.</summary>
    Allow = 1,

    /// <summary>Serve and observe; never refuses service.</summary>
    Track = 2,

    /// <summary>Refuse.</summary>
    Deny = 3,
}

/// <summary>Why, one for each outcome of the decision table (DOMAIN 6.3). Numbers as on the wire.</summary>
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
    TacWait = 12,

    /// <summary>Row 11c.</summary>
    TacInvalid = 13,

    /// <summary>Row 14b.</summary>
    Compliant = 14,

    /// <summary>Row 19a.</summary>
    FirstSeen = 15,

    /// <summary>Row 20.</summary>
    Undecided = 16,

    /// <summary>DOMAIN 6.4: no knowledge, or too old for a denial of this kind.</summary>
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
    /// <summary>What the network does: the table's verdict, or ALLOW while the operator observes.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>What the table said.</summary>
    public required Verdict Evaluated { get; init; }

    /// <summary>Why.</summary>
    public required CheckReason Reason { get; init; }

    /// <summary>Row that matched, as printed in DOMAIN 6.3.</summary>
    public required string Row { get; init; }

    /// <summary>Number of the order that decided; 0: none did.</summary>
    public ulong Order { get; init; }

    /// <summary>When the verdict changes by itself, ms since 1970; 0: it does not.</summary>
    public long DueAtMs { get; init; }

    /// <summary>A door that can say "unknown equipment" says so.</summary>
    public bool UnknownEquipment { get; init; }
}
