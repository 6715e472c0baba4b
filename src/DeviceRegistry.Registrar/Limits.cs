namespace DeviceRegistry.Registrar;

/// <summary>All limits of the registrar, with the arithmetic behind each.</summary>
internal static class Limits
{
    /// <summary>IMEIs, and therefore units, in one batch: a factory's weekly production. At eight bytes each, 80 MB
    /// during validation.</summary>
    public const int ImeisMax = 10_000_000;

    /// <summary>Bytes of a units file. Ten million lines with one IMEI and a serial number of maximum length are 830
    /// MB.</summary>
    public const long UnitsBytesMax = 1024L * 1024 * 1024;

    /// <summary>Chunks of a units file: 1 GiB in chunks of 16 KB.</summary>
    public const int ChunksMax = 65_536;

    /// <summary>Batches of one party that are open or sealed at the same time.</summary>
    public const int BatchesInProgressMax = 64;

    /// <summary>Bytes of files that one party's batches in progress may store: four files of maximum size.</summary>
    public const long BytesInProgressMax = 4 * UnitsBytesMax;

    /// <summary>Bytes of the files of all batches validated at the same time; a single batch may exceed it. A byte of a
    /// file needs up to 0.6 bytes of memory (26 bytes for a line of 45), so the limit is 300 MB of memory.</summary>
    public const long ValidatedBytesMax = 512L * 1024 * 1024;

    /// <summary>Files up to this size are validated in a separate lane, so that they do not wait for a file of
    /// nationwide size.</summary>
    public const long SmallFileBytes = 4 * 1024 * 1024;

    /// <summary>Small files validated at the same time.</summary>
    public const int SmallFilesMax = 4;

    /// <summary>Small files of one party validated at the same time. They may wait for a large batch that shares an
    /// IMEI or serial number with them.</summary>
    public const int SmallFilesOfPartyMax = 2;

    /// <summary>IMEIs compared, stored or journalled in one piece, so that one transaction takes at most a few hundred
    /// ms.</summary>
    public const int PieceImeis = 65_536;

    /// <summary>Units stored in one piece: with two IMEIs per unit, as many IMEIs as
    /// <see cref="PieceImeis"/>.</summary>
    public const int PieceUnits = 32_768;

    /// <summary>Rows read by a range scan over a piece's IMEIs before falling back to lookups of single IMEIs: four
    /// times the size of the piece.</summary>
    public const int RangeRowsMax = 4 * PieceImeis;

    /// <summary>IMEIs that the ranges of a selection may span in total to be looked up by the index of all IMEIs: four
    /// TACs. Wider selections scan the units of the batch.</summary>
    public const long RangesWalkedMax = 4_000_000;

    /// <summary>TACs in one batch. A batch is of one model, which has few TACs; the key of an IMEI has 13 bits for the
    /// TAC.</summary>
    public const int BatchTacsMax = 8_191;

    /// <summary>Line errors in one page of an error report: some 150 bytes each, 1.5 MB before compression.</summary>
    public const int ErrorPageLines = 10_000;

    /// <summary>Line errors in one message: 2,000 × some 250 bytes are 0.5 MB.</summary>
    public const int ErrorsPerMessage = 2_000;

    /// <summary>IMEIs, or serial numbers, listed in one selection: 10,000 × at most 66 bytes fit a message of 1
    /// MiB.</summary>
    public const int SelectionNamesMax = 10_000;

    public const int SelectionRangesMax = 1_000;

    public const int PageMax = 1_000;

    /// <summary>Default rows in a page.</summary>
    public const int PageDefault = 100;

    /// <summary>Newest journal entries searched for the history of a device: a batch whose units are released one at a
    /// time has as many entries as units. 10,000 × some 200 bytes are 2 MB.</summary>
    public const int HistoryMax = 10_000;

    /// <summary>Sightings in one segment: 10,000 × about 40 bytes.</summary>
    public const int SightingsMax = 10_000;

    public const int SegmentBytesMax = 1024 * 1024;

    /// <summary>Maximum clock skew of a node. A sighting further in the future than this is rejected.</summary>
    public static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(5);

    /// <summary>Interval at which progress is sent to callers that watch a batch or a verification.</summary>
    public static readonly TimeSpan ProgressEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>Interval of the query for expired batches, and for sealed batches whose notification was
    /// missed.</summary>
    public static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(10);

    /// <summary>Delay before a batch that was interrupted is retried.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(500);

    /// <summary>Delay before a retry after an internal error, which a retry is unlikely to resolve.</summary>
    public static readonly TimeSpan RetryAfterInternalError = TimeSpan.FromSeconds(30);

    /// <summary>Journal entries, reduced to the fields their hashes need, in one message of a proof: 8,000 × some 100
    /// bytes stay below 1 MiB.</summary>
    public const int ProofLinksPerMessage = 8_000;

    /// <summary>Orders and order actions in the proof of one order, for an order appealed, stayed and armed again over
    /// years.</summary>
    public const int RelatedOrdersMax = 1_000;

    /// <summary>Document digests of one order.</summary>
    public const int EvidenceMax = 16;

    /// <summary>Characters of the grounds of an appeal, and of the findings on it: one page. The documents themselves
    /// are not stored.</summary>
    public const int AppealTextMax = 2_000;

    /// <summary>Interval of the query for orders whose start or end has passed. The recorded time is the instant of the
    /// order, not of the query.</summary>
    public static readonly TimeSpan OrderClockEvery = TimeSpan.FromSeconds(1);

    /// <summary>Minimum delay between two of these queries.</summary>
    public static readonly TimeSpan OrderClockRest = TimeSpan.FromMilliseconds(100);

    /// <summary>Orders recorded in one write.</summary>
    public const int OrdersRecordedAtOnce = 500;

    /// <summary>Orders whose journal position is looked up in one transaction, and which are recorded as applied in one
    /// statement.</summary>
    public const int OrdersNotedAtOnce = 5_000;

    /// <summary>First denials in one report of a node.</summary>
    public const int RefusalsMax = 1_000;

    /// <summary>Interval of the evaluation of overdue operators and skewed node clocks.</summary>
    public static readonly TimeSpan EnforcementLookEvery = TimeSpan.FromSeconds(1);

    /// <summary>Bytes of a TAC list. GSMA's has about 250,000 lines of some 150 bytes, 38 MB.</summary>
    public const int TacListBytesMax = 64 * 1024 * 1024;

    /// <summary>Invalid TAC rows listed in the response: 1,000 × about 150 bytes stay far below the 4 MB of a
    /// message.</summary>
    public const int TacErrorsListedMax = 1_000;

    /// <summary>Bytes of a line of a file. A TAC row with all columns is under 1 KB; a longer line means another kind
    /// of file or an attack: a line of 16 MB of commas would have 16 million fields.</summary>
    public const int LineBytesMax = 8_192;

    /// <summary>TAC lists received or imported at the same time. Each may need some 100 MB: 400 MB at most.</summary>
    public const int UploadsMax = 4;

    /// <summary>TAC lists of one party at the same time, so that one party cannot block the others.</summary>
    public const int UploadsPerPartyMax = 2;

    /// <summary>Uploads of one party that may wait for a slot; a further one is rejected at once. A waiting upload
    /// needs a stream but no memory.</summary>
    public const int UploadsWaitingPerPartyMax = 16;

    /// <summary>Calls of one party that send chunks at the same time: each holds two or three chunks.</summary>
    public const int ChunkCallsPerPartyMax = 16;

    /// <summary>Maximum duration of the upload of a TAC list: 16 MiB at 0.25 Mbit/s take nine minutes.</summary>
    public static readonly TimeSpan UploadDurationMax = TimeSpan.FromMinutes(10);

    /// <summary>Time without data after which an upload loses its slot.</summary>
    public static readonly TimeSpan UploadIdleMax = TimeSpan.FromSeconds(60);

    /// <summary>Timeout of one unit of database work. The release of the largest batch takes some 30 s; four times
    /// that.</summary>
    public static readonly TimeSpan DatabaseWorkTimeout = TimeSpan.FromMinutes(2);

    /// <summary>Prepared statements per connection, least recently used evicted. A write of an order uses some 20. 100
    /// × some 30 KB per connection.</summary>
    public const int StatementsPrepared = 100;

    /// <summary>Characters of a CSV field; a longer one means another kind of file.</summary>
    public const int CsvFieldMax = 1_000;

    public const int ChunkBytesMax = 1024 * 1024;

    public const int SerialMax = 64;

    public const int ReferenceMax = 100;

    /// <summary>Subjects of one order, all kinds together.</summary>
    public const int OrderSubjectsMax = 1_000;

    /// <summary>Serial ranges in one order: 100 × 100,000 are ten million IMEIs, the size of the largest
    /// batch.</summary>
    public const int OrderRangesMax = 100;

    /// <summary>Serials in one serial range: a tenth of a TAC. A whole model is barred by its TAC, in an order of class
    /// B.</summary>
    public const int OrderRangeSerialsMax = 100_000;

    /// <summary>Characters of a value quoted in an error text.</summary>
    public const int QuotedValueMax = 64;

    /// <summary>Default number of differences between tables and journal that are listed.</summary>
    public const int DifferencesListedDefault = 100;

    /// <summary>Maximum number of differences listed: 1,000 × some 600 bytes, one message each.</summary>
    public const int DifferencesListedMax = 1_000;

    /// <summary>Entries replayed before their changes are written.</summary>
    public const int ReplayPageEntries = 2_000;

    /// <summary>Bytes of entries replayed before their changes are written. The largest entries, with 64 Ki IMEIs, have
    /// some 300 KB.</summary>
    public const int ReplayPageBytes = 8 * 1024 * 1024;

    /// <summary>Units compared at once: some 200 bytes each in temporary tables, 200 MB of disk. A batch is always
    /// compared whole.</summary>
    public const int ReplayUnitsAtOnce = 1_000_000;

    /// <summary>Batches looked up at once for the comparison: each has up to 305 digests of 32 bytes.</summary>
    public const int ReplayBatchesAtOnce = 200;

    /// <summary>Maximum difference between a time in a table and the time of its journal entry: a write takes two
    /// minutes at most (<see cref="DatabaseWorkTimeout"/>), and the clocks of registrar and database differ a
    /// little.</summary>
    public static readonly TimeSpan RecordedTimeDifferenceMax = TimeSpan.FromMinutes(5);

    /// <summary>Bytes of entries in the feed's ring buffer: enough for the last few minutes, small compared with the
    /// process.</summary>
    public const int RingBytesMax = 32 * 1024 * 1024;

    /// <summary>Recovery statements in one response. Restores are rare.</summary>
    public const int RecoveriesMax = 100;

    /// <summary>Snapshots sent at the same time: each holds two chunks of 1 MiB, and compression uses a core as long as
    /// the receiver keeps up.</summary>
    public const int SnapshotsGivenMax = 8;

    /// <summary>Entries read from the table at a time.</summary>
    public const int FeedPageEntries = 1_000;

    /// <summary>Bytes of entries read from the table at a time; also the memory that a slow subscriber can hold in the
    /// registrar.</summary>
    public const int FeedPageBytes = 4 * 1024 * 1024;

    /// <summary>Bytes of entries in one feed message: a quarter of gRPC's default limit of 4 MB.</summary>
    public const int FeedMessageBytes = 1024 * 1024;

    /// <summary>Interval of the feed's heartbeat to a subscriber that has all entries: the maximum data age of a node
    /// while the journal is idle.</summary>
    public static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(1);

    /// <summary>Interval of polls of the journal table without a notification: the delay if a notification is
    /// lost.</summary>
    public static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>Maximum age of the last successful poll for the registrar to confirm to a subscriber that it has all
    /// entries: eight polls.</summary>
    public static readonly TimeSpan TailAgeMax = TimeSpan.FromSeconds(2);

    /// <summary>Duration from which a write is logged as slow: ten times that of a block order on a slow
    /// disk.</summary>
    public static readonly TimeSpan WriteSlow = TimeSpan.FromSeconds(1);
}
