namespace DeviceRegistry.Registrar;

/// <summary>Every input of the registrar has a limit, and here it is.</summary>
internal static class Limits
{
    /// <summary>IMEIs in one batch, and so units: a factory's week. Eight bytes each are 80 MB while they are
    /// compared.</summary>
    public const int ImeisMax = 10_000_000;

    /// <summary>Bytes of a units file: ten million lines of a unit with one IMEI and a serial number of the longest are
    /// 830 MB.</summary>
    public const long UnitsBytesMax = 1024L * 1024 * 1024;

    /// <summary>Chunks of a units file: 1 GiB in chunks of 16 KB.</summary>
    public const int ChunksMax = 65_536;

    /// <summary>Batches of one party that are open or sealed at the same time.</summary>
    public const int BatchesUnderWayMax = 64;

    /// <summary>Bytes of files that batches under way of one party may keep here: four of the largest.</summary>
    public const long BytesUnderWayMax = 4 * UnitsBytesMax;

    /// <summary>Bytes of the files of all batches that are judged at the same time; one alone may have more. A byte of
    /// a file costs up to 0.6 bytes of memory (26 for a line of 45), so that this is 300 MB.</summary>
    public const long JudgedBytesMax = 512L * 1024 * 1024;

    /// <summary>A file up to this size is judged beside those, a few at a time: it shall not wait for a
    /// nation's.</summary>
    public const long SmallFileBytes = 4 * 1024 * 1024;

    /// <summary>How many of these.</summary>
    public const int SmallFilesMax = 4;

    /// <summary>How many of them of one party: theirs may wait for a large one that shares a number with
    /// them.</summary>
    public const int SmallFilesOfPartyMax = 2;

    /// <summary>IMEIs compared, stored or journalled in one piece: a few hundred ms of one transaction (DESIGN
    /// 3).</summary>
    public const int PieceImeis = 65_536;

    /// <summary>Units stored in one piece: as many IMEIs again, with two of them a unit.</summary>
    public const int PieceUnits = 32_768;

    /// <summary>Rows read for a range of IMEIs before they are asked for one by one: four times what is looked
    /// for.</summary>
    public const int RangeRowsMax = 4 * PieceImeis;

    /// <summary>Numbers that the ranges of a selection may span to be looked for along the index of all IMEIs: four
    /// TACs. Wider ones are looked for in the batch.</summary>
    public const long RangesWalkedMax = 4_000_000;

    /// <summary>TACs in one batch: it is of one model, which has a handful; 13 bits of a key.</summary>
    public const int BatchTacsMax = 8_191;

    /// <summary>Bad lines in one page of a fault report: some 150 bytes each, 1.5 MB before they are
    /// compressed.</summary>
    public const int FaultPageLines = 10_000;

    /// <summary>Bad lines in one message: 2,000 × some 250 bytes are 0.5 MB.</summary>
    public const int FaultsPerMessage = 2_000;

    /// <summary>IMEIs, or serial numbers, named in one selection: 10,000 × at most 66 bytes fit a message of 1
    /// MiB.</summary>
    public const int SelectionNamesMax = 10_000;

    /// <summary>Ranges in one selection.</summary>
    public const int SelectionRangesMax = 1_000;

    /// <summary>Rows in one page of a list.</summary>
    public const int PageMax = 1_000;

    /// <summary>Rows in a page where the caller does not say.</summary>
    public const int PageUsual = 100;

    /// <summary>Entries of the past of a device that are looked through, the newest: a batch whose units were released
    /// one at a time has as many as units.
    /// 10,000 × some 200 bytes are 2 MB.</summary>
    public const int HistoryMax = 10_000;

    /// <summary>Sightings in one segment: 10,000 × about 40 bytes.</summary>
    public const int SightingsMax = 10_000;

    /// <summary>Bytes of a segment.</summary>
    public const int SegmentBytesMax = 1024 * 1024;

    /// <summary>Sightings ahead of our clock by more than this are a node's broken clock.</summary>
    public static readonly TimeSpan ClockAheadMost = TimeSpan.FromMinutes(5);

    /// <summary>How often those who watch a batch are told how far it is.</summary>
    public static readonly TimeSpan ProgressEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>How often batches that expired are looked for, and sealed ones that nobody told of.</summary>
    public static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(10);

    /// <summary>How long a batch whose work was cut short waits before it goes on.</summary>
    public static readonly TimeSpan ResumeAfter = TimeSpan.FromMilliseconds(500);

    /// <summary>The same after a fault of ours: it will hardly go away by itself.</summary>
    public static readonly TimeSpan ResumeAfterOurFault = TimeSpan.FromSeconds(30);

    /// <summary>Entries of the journal, reduced to what their hashes need, in one message of a proof: 8,000 × some 100
    /// bytes stay below 1 MiB.</summary>
    public const int ProofLinksPerMessage = 8_000;

    /// <summary>Orders and measures in the proof of one order: appealed, stayed and armed again for years.</summary>
    public const int RelatedOrdersMax = 1_000;

    /// <summary>Digests of documents that one order is based on.</summary>
    public const int EvidenceMax = 16;

    /// <summary>Characters of the grounds of an appeal, and of the findings on it: a page; the documents themselves are
    /// elsewhere.</summary>
    public const int AppealTextMax = 2_000;

    /// <summary>How often orders are looked at whose start or end may have come: what is recorded is dated at the
    /// instant, not at the look.</summary>
    public static readonly TimeSpan OrderClockEvery = TimeSpan.FromSeconds(1);

    /// <summary>Between two looks, however much happens.</summary>
    public static readonly TimeSpan OrderClockRest = TimeSpan.FromMilliseconds(100);

    /// <summary>Orders recorded in one write.</summary>
    public const int OrdersRecordedAtOnce = 500;

    /// <summary>Orders whose place in the journal is looked up in one transaction, and that are noted as applied in one
    /// statement.</summary>
    public const int OrdersNotedAtOnce = 5_000;

    /// <summary>First refusals in one report of a node.</summary>
    public const int RefusalsMax = 1_000;

    /// <summary>How often it is looked at which operators are late and which clocks are wrong.</summary>
    public static readonly TimeSpan EnforcementLookEvery = TimeSpan.FromSeconds(1);

    /// <summary>Bytes of a TAC list: GSMA's has about 250,000 lines of some 150 bytes, 38 MB.</summary>
    public const int TacListBytesMax = 64 * 1024 * 1024;

    /// <summary>Bad TAC rows named in the answer: 1,000 × about 150 bytes stay far below the 4 MB of a
    /// message.</summary>
    public const int TacFaultsNamedMax = 1_000;

    /// <summary>Bytes of a line of a file: a TAC row with its options is under 1 KB. Longer is a file of another kind,
    /// or a trap: a line of
    /// 16 MB of commas would be 16 million fields.</summary>
    public const int LineBytesMax = 8_192;

    /// <summary>TAC lists read or compared at the same time. Each may hold some 100 MB: 400 MB at most.</summary>
    public const int UploadsMax = 4;

    /// <summary>Of which one party may have, so that it cannot keep the others out.</summary>
    public const int UploadsPerPartyMax = 2;

    /// <summary>Uploads of one party that may wait for their turn; one more is refused at once. Waiting costs a stream,
    /// no memory.</summary>
    public const int UploadsWaitingPerPartyMax = 16;

    /// <summary>Calls of one party that send chunks at the same time: each holds two or three chunks.</summary>
    public const int ChunkCallsPerPartyMax = 16;

    /// <summary>How long the upload of a TAC list may take: 16 MiB at 0.25 Mbit/s are nine minutes.</summary>
    public static readonly TimeSpan UploadMost = TimeSpan.FromMinutes(10);

    /// <summary>How long an upload may send nothing before its turn is given to another.</summary>
    public static readonly TimeSpan UploadIdleMost = TimeSpan.FromSeconds(60);

    /// <summary>How long one piece of work may keep the database: the release of the largest batch takes some 30 s;
    /// four times that.</summary>
    public static readonly TimeSpan DatabaseWorkMost = TimeSpan.FromMinutes(2);

    /// <summary>Statements that PostgreSQL keeps parsed for each connection, those used last: a write of an order has
    /// some 20. 100 × some 30 KB a connection.</summary>
    public const int StatementsPrepared = 100;

    /// <summary>Characters of a CSV field; a longer one is a file of another kind.</summary>
    public const int CsvFieldMax = 1_000;

    /// <summary>Bytes of one chunk of a file.</summary>
    public const int ChunkBytesMax = 1024 * 1024;

    /// <summary>Characters of a serial number.</summary>
    public const int SerialMax = 64;

    /// <summary>Characters of a reference.</summary>
    public const int ReferenceMax = 100;

    /// <summary>Subjects named in one order, of all kinds together.</summary>
    public const int OrderSubjectsMax = 1_000;

    /// <summary>Serial ranges in one order: 100 × 100,000 are ten million IMEIs, the largest batch.</summary>
    public const int OrderRangesMax = 100;

    /// <summary>Serials in one of them: a tenth of a TAC. A whole type is barred by its TAC, in an order of class
    /// B.</summary>
    public const int OrderRangeSerialsMax = 100_000;

    /// <summary>Characters of a value quoted in a fault.</summary>
    public const int QuotedValueMax = 64;

    /// <summary>Differences between tables and journal that are named where the caller does not say.</summary>
    public const int DifferencesNamedUsual = 100;

    /// <summary>The most: 1,000 × some 600 bytes, one message each.</summary>
    public const int DifferencesNamedMax = 1_000;

    /// <summary>Entries replayed before what they changed is written.</summary>
    public const int ReplayPageEntries = 2_000;

    /// <summary>Bytes of them: the largest entries, of 64 Ki numbers, have some 300 KB.</summary>
    public const int ReplayPageBytes = 8 * 1024 * 1024;

    /// <summary>Units compared at once: some 200 bytes each in temporary tables, 200 MB of disk. A batch is compared
    /// whole, however many it has.</summary>
    public const int ReplayUnitsAtOnce = 1_000_000;

    /// <summary>Batches looked up at once for that: each with up to 305 digests of 32 bytes.</summary>
    public const int ReplayBatchesAtOnce = 200;

    /// <summary>How far a time in a table may be from that of its entry: a write takes two minutes at most (<see
    /// cref="DatabaseWorkMost"/>), and the clocks of registrar and database are never quite one.</summary>
    public static readonly TimeSpan RecordedApartMost = TimeSpan.FromMinutes(5);

    /// <summary>Bytes of entries the feed's ring holds: enough for the newest minutes, small beside the
    /// process.</summary>
    public const int RingBytesMax = 32 * 1024 * 1024;

    /// <summary>Statements about restores in one answer: a registry is not restored so often.</summary>
    public const int RecoveriesMax = 100;

    /// <summary>Snapshots given at once: each holds two chunks of 1 MiB, and compressing it takes a core while its
    /// receiver keeps up.</summary>
    public const int SnapshotsGivenMax = 8;

    /// <summary>Entries read from the table at a time.</summary>
    public const int FeedPageEntries = 1_000;

    /// <summary>Bytes of entries read from the table at a time: what a slow subscriber can hold here.</summary>
    public const int FeedPageBytes = 4 * 1024 * 1024;

    /// <summary>Bytes of entries in one feed message: a quarter of gRPC's default limit of 4 MB.</summary>
    public const int FeedMessageBytes = 1024 * 1024;

    /// <summary>How often a subscriber that has everything is told so: what the age of a node's knowledge grows to in a
    /// quiet time.</summary>
    public static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(1);

    /// <summary>How often the journal's table is looked at without being called: the delay of a notification that was
    /// lost.</summary>
    public static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>How long ago the table may have been seen by a registrar that says "you have everything": eight
    /// polls.</summary>
    public static readonly TimeSpan TailAgeMost = TimeSpan.FromSeconds(2);

    /// <summary>A write that takes longer is worth a line in the log: ten times what a block order takes on a slow
    /// disk.</summary>
    public static readonly TimeSpan WriteSlow = TimeSpan.FromSeconds(1);
}
