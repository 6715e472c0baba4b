namespace DeviceRegistry.Registrar;

/// <summary>Every input of the registrar has a limit, and here it is.</summary>
internal static class Limits
{
    /// <summary>Units in one call. 100,000 lines of four IMEIs are 8 MB and fit the memory of a call.</summary>
    public const int UnitsMax = 100_000;

    /// <summary>Bytes of a units file: 100,000 lines of at most 64 + 4 × 17 + 2 bytes are 13.4 MB.</summary>
    public const int UnitsBytesMax = 16 * 1024 * 1024;

    /// <summary>Bytes of a TAC list: GSMA's has about 250,000 lines of some 150 bytes, 38 MB.</summary>
    public const int TacListBytesMax = 64 * 1024 * 1024;

    /// <summary>Bad TAC rows named in the answer: 1,000 × about 150 bytes stay far below the 4 MB of a message.</summary>
    public const int TacFaultsNamedMax = 1_000;

    /// <summary>Bytes of a line of a file: a TAC row with its options is under 1 KB. Longer is a file of another kind, or a trap: a line of
    /// 16 MB of commas would be 16 million fields.</summary>
    public const int LineBytesMax = 8_192;

    /// <summary>Uploads read or judged at the same time. Each may hold some 100 MB while it is judged: 400 MB at most.</summary>
    public const int UploadsMax = 4;

    /// <summary>Of which one party may have, so that it cannot keep the others out.</summary>
    public const int UploadsPerPartyMax = 2;

    /// <summary>Uploads of one party that may wait for their turn; one more is refused at once. Waiting costs a stream, no memory.</summary>
    public const int UploadsWaitingPerPartyMax = 16;

    /// <summary>How long an upload may take: 16 MiB at 0.25 Mbit/s are nine minutes.</summary>
    public static readonly TimeSpan UploadMost = TimeSpan.FromMinutes(10);

    /// <summary>How long an upload may send nothing before its turn is given to another.</summary>
    public static readonly TimeSpan UploadIdleMost = TimeSpan.FromSeconds(60);

    /// <summary>How long one piece of work may keep the database: the largest batch takes some 20 s on two busy cores; six times that.</summary>
    public static readonly TimeSpan DatabaseWorkMost = TimeSpan.FromMinutes(2);

    /// <summary>Characters of a CSV field; a longer one is a file of another kind.</summary>
    public const int CsvFieldMax = 1_000;

    /// <summary>Bytes of one chunk of a file.</summary>
    public const int ChunkBytesMax = 1024 * 1024;

    /// <summary>Characters of a serial number.</summary>
    public const int SerialMax = 64;

    /// <summary>Characters of a reference.</summary>
    public const int ReferenceMax = 100;

    /// <summary>Subjects named in one order.</summary>
    public const int OrderSubjectsMax = 1_000;

    /// <summary>Characters of a value quoted in a fault.</summary>
    public const int QuotedValueMax = 64;

    /// <summary>Canonical lines in one journal entry, bytes: 64 Ki IMEIs of 15 characters are about 1 MB.</summary>
    public const int UnitsEntryBytes = 1024 * 1024;

    /// <summary>Bytes of entries the feed's ring holds: enough for the newest minutes, small beside the process.</summary>
    public const int RingBytesMax = 32 * 1024 * 1024;

    /// <summary>Statements about restores in one answer: a registry is not restored so often.</summary>
    public const int RecoveriesMax = 100;

    /// <summary>Entries read from the table at a time.</summary>
    public const int FeedPageEntries = 1_000;

    /// <summary>Bytes of entries read from the table at a time: what a slow subscriber can hold here.</summary>
    public const int FeedPageBytes = 4 * 1024 * 1024;

    /// <summary>Bytes of entries in one feed message: a quarter of gRPC's default limit of 4 MB.</summary>
    public const int FeedMessageBytes = 1024 * 1024;

    /// <summary>How often a subscriber that has everything is told so: what the age of a node's knowledge grows to in a quiet time.</summary>
    public static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(1);

    /// <summary>How often the journal's table is looked at without being called: the delay of a notification that was lost.</summary>
    public static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>How long ago the table may have been seen by a registrar that says "you have everything": eight polls.</summary>
    public static readonly TimeSpan TailAgeMost = TimeSpan.FromSeconds(2);

    /// <summary>A write that takes longer is worth a line in the log: ten times what a block order takes on a slow disk.</summary>
    public static readonly TimeSpan WriteSlow = TimeSpan.FromSeconds(1);
}
