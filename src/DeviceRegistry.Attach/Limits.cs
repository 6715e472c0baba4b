namespace DeviceRegistry.Attach;

/// <summary>Limits of every input of an attach node.</summary>
internal static class Limits
{
    /// <summary>Checks in one stream message: 256 × about 60 bytes are 15 KB, one read of a socket.</summary>
    public const int ChecksPerMessageMax = 256;

    /// <summary>Checks in one batch: 10,000 × about 40 bytes are 400 KB, and 5 ms of a core.</summary>
    public const int ChecksPerBatchMax = 10_000;

    /// <summary>Answers in one stream message: 1,024 × about 30 bytes are 30 KB, made in half a millisecond, which the
    /// first of them waits.</summary>
    public const int AnswersPerMessageMax = 1_024;

    /// <summary>Typical bytes of an answer; the initial size of its buffer.</summary>
    public const int AnswerBytesTypical = 64;

    /// <summary>Concurrent calls on the gRPC interface, streams included. An answer takes microseconds, so these are
    /// calls whose client does not send or does not read. Each may hold a request of 1 MiB: 1 GB in all.</summary>
    public const int ConcurrentCallsMax = 1_000;

    /// <summary>Bytes of one journal entry: 64 Ki IMEIs of at most 7 bytes are 460 KB; the limit is about eight times
    /// that.</summary>
    public const int EntryBytesMax = 4 * 1024 * 1024;

    /// <summary>Bytes of entries that the local journal holds in memory while the disk rejects writes.</summary>
    public const int UnwrittenBytesMax = 64 * 1024 * 1024;

    /// <summary>Bytes of one feed message: the registrar sends 1 MiB, or one entry.</summary>
    public const int FeedMessageBytesMax = EntryBytesMax + 64 * 1024;

    /// <summary>Characters of path and query on N17: 64 of a PEI and 20 of a SUPI, at most 12 each as percent-encoded
    /// UTF-8, are 1,008; the limit is twice that.</summary>
    public const int N17TargetCharsMax = 2_048;

    /// <summary>Valid access tokens in the cache: an operator has tens of AMFs, each with one at a time; some 1 KB
    /// each.</summary>
    public const int TokensCachedMax = 1_000;

    /// <summary>Bytes of an NRF's response: the profile it received, under 1 KB, and what the NRF adds.</summary>
    public const int NrfBodyBytesMax = 64 * 1024;

    /// <summary>Distinct identities held in memory: 75,000 attaches a second by different devices for two reports; some
    /// 100 bytes each.</summary>
    public const int SightingsHeldMax = 150_000;

    /// <summary>Sightings queued before they are counted, all queues together: 75,000 a second for 1.7 s, 32 bytes
    /// each: 4 MB.</summary>
    public const int SightingsQueuedMax = 131_072;

    /// <summary>Number of sighting queues, a power of two: one for each core of a usual machine.</summary>
    public const int SightingQueues = 8;

    /// <summary>Sightings in one segment; the registrar's limit.</summary>
    public const int SightingsPerSegmentMax = 10_000;

    /// <summary>Bytes of one segment: below the registrar's 1 MiB, with room for the message around it.</summary>
    public const int SegmentBytesMax = 900_000;

    /// <summary>Segments kept on the disk while the registrar is unreachable: 20 million devices, at most 1.5
    /// GB.</summary>
    public const int SegmentsKeptMax = 2_000;

    /// <summary>First denials held in memory between two writes, a second apart: 65,536 × 16 bytes are 1 MB.</summary>
    public const int DenialsHeldMax = 65_536;

    /// <summary>First denials in one report; the registrar's limit.</summary>
    public const int DenialsPerReportMax = 1_000;

    /// <summary>Lines of denials that were reported and are still in the file, some 25 bytes each.</summary>
    public const int DenialLinesMax = 100_000;

    /// <summary>Concurrent connections of Diameter peers. An operator has tens of MMEs and SGSNs, each with one or two
    /// connections; a thread and 128 KB each: 32 MB.</summary>
    public const int S13ConnectionsMax = 256;

    /// <summary>Of these, connections from addresses in no rule that have not been accepted by a CER. They close within
    /// seconds.</summary>
    public const int S13UnknownPeersMax = 16;

    /// <summary>Rules in the peer file; each is a label value of the metrics.</summary>
    public const int S13RulesMax = 256;

    /// <summary>Applications advertised to a peer besides S13: 32 bytes each in a CEA of under 1 KB.</summary>
    public const int S13ExtraApplicationsMax = 16;

    /// <summary>Bytes of a Diameter message. An ECR has some 300; the Route-Records of ten agents add 2 KB; a relay
    /// that lists a hundred applications sends 5 KB.</summary>
    public const int S13MessageBytesMax = 16 * 1024;

    /// <summary>Bytes of one read: 200 ECRs. More stay in the kernel's buffer, and flow control stops the
    /// sender.</summary>
    public const int S13ReadBytes = 64 * 1024;

    /// <summary>Bytes of one write: the answers to 200 ECRs, and room for the longest answer to the longest message (33
    /// KB).</summary>
    public const int S13WriteBytes = 64 * 1024;

    /// <summary>Stack bytes of a connection's thread: TLS needs some 100 KB.</summary>
    public const int S13StackBytes = 512 * 1024;

    /// <summary>Bytes of entries after which a snapshot is due: 8 million released IMEIs with consecutive serials,
    /// which a restart applies in one to two seconds.</summary>
    public const long SnapshotBytes = 8 * 1024 * 1024;

    /// <summary>Minimum pause between two snapshots, as a multiple of the time the last one took, so that snapshots use
    /// a tenth of the disk's time and of a core at most.</summary>
    public const int SnapshotPauseFactor = 10;

    /// <summary>Pages of 65,536 order numbers in a snapshot: four billion orders, a bit each in 512 MB.</summary>
    public const ulong DenialPagesMax = 65_536;

    /// <summary>Bytes of a registrar's snapshot: 250 million IMEIs, 100 million orders of 16 bytes, and as much
    /// again.</summary>
    public const ulong SnapshotBytesMax = 8UL * 1024 * 1024 * 1024;

    /// <summary>Consecutive failed attempts to resume a snapshot download; after that the node follows the feed, and
    /// the next session resumes the download.</summary>
    public const int SnapshotAttempts = 5;

    /// <summary>Period of the scheduling-delay probe.</summary>
    public static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>Delay of the probe above which the node is overloaded: timers of core nodes are seconds, and the
    /// acceptance limit of an answer is 200 ms at p99.9.</summary>
    public static readonly TimeSpan ProbeDelayMax = TimeSpan.FromMilliseconds(250);

    /// <summary>Retry-after of an overloaded node: four times the delay limit.</summary>
    public static readonly TimeSpan OverloadRetryAfter = 4 * ProbeDelayMax;

    /// <summary>How often first denials are written to the disk.</summary>
    public static readonly TimeSpan DenialLogInterval = TimeSpan.FromSeconds(1);

    /// <summary>How often queued sightings are counted: a queue has room for four times what two cores add in this
    /// time.</summary>
    public static readonly TimeSpan SightingsCountInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>How often sightings are reported to the registrar.</summary>
    public static readonly TimeSpan SightingsReportInterval = TimeSpan.FromSeconds(1);

    /// <summary>How long before its "not before" time a token is accepted: the NRF's clock may be ahead by as
    /// much.</summary>
    public static readonly TimeSpan TokenClockSkewMax = TimeSpan.FromSeconds(10);

    /// <summary>Timeout of a call to the NRF. A slow NRF delays nothing else.</summary>
    public static readonly TimeSpan NrfResponseTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long a stopping node waits for the NRF to deregister it. The node answers checks
    /// meanwhile.</summary>
    public static readonly TimeSpan NrfDeregisterTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Heartbeat period if the NRF states none: an Open5GS NRF states 10 s.</summary>
    public static readonly TimeSpan NrfHeartbeatDefault = TimeSpan.FromSeconds(10);

    /// <summary>Longest heartbeat period that is accepted from an NRF.</summary>
    public static readonly TimeSpan NrfHeartbeatMax = TimeSpan.FromDays(1);

    /// <summary>How often the node's readiness is checked before it registers with the NRF.</summary>
    public static readonly TimeSpan ReadyCheckInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>First delay before a reconnection; doubled after each failed attempt.</summary>
    public static readonly TimeSpan RetryDelayMin = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest delay between reconnections: a node reconnects at most this long after the registrar is
    /// available again. Also the timeout of a position report.</summary>
    public static readonly TimeSpan RetryDelayMax = TimeSpan.FromSeconds(5);

    /// <summary>Silence after which the node closes a feed session, whatever the state of the connection. The registrar
    /// sends a heartbeat each second; a message of 4 MiB arrives in this time at 0.6 Mbit/s.</summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(60);

    /// <summary>How often the time at which the node had the whole journal is written to the disk: after a restart the
    /// data age is at most this much too high.</summary>
    public static readonly TimeSpan WatermarkInterval = TimeSpan.FromSeconds(10);

    /// <summary>Period of the timer that checks Diameter connections: their timeouts are seconds.</summary>
    public static readonly TimeSpan S13TickInterval = TimeSpan.FromSeconds(1);

    /// <summary>How long a connection may take until its CER, TLS handshake included. Clients wait 10 s for a
    /// CEA.</summary>
    public static readonly TimeSpan S13CapabilitiesTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How long an incomplete message may take to arrive, and a peer to read answers: 16 KB in 5 s are 26
    /// kbit/s.</summary>
    public static readonly TimeSpan S13MessageTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long an open connection may take to answer a DWR while a new connection of its Origin-Host waits:
    /// well below the 10 s that clients wait for their CEA.</summary>
    public static readonly TimeSpan S13ProbeTimeout = TimeSpan.FromSeconds(2);

    /// <summary>How long a peer may take to close the connection after a DPR or DPA.</summary>
    public static readonly TimeSpan S13CloseTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Shortest period between two log lines about rejected peers.</summary>
    public static readonly TimeSpan S13UnknownPeersLogInterval = TimeSpan.FromSeconds(10);

    /// <summary>Delay before the listener accepts again after an accept failed.</summary>
    public static readonly TimeSpan S13AcceptRetryDelay = TimeSpan.FromMilliseconds(100);
}
