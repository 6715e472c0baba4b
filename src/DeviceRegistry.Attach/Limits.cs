namespace DeviceRegistry.Attach;

/// <summary>Every input of an attach node has a limit, and here it is.</summary>
internal static class Limits
{
    /// <summary>Checks in one stream message: 256 × about 60 bytes are 15 KB, one read of a socket.</summary>
    public const int ChecksPerMessageMax = 256;

    /// <summary>Checks in one batch: 10,000 × about 40 bytes are 400 KB, and 5 ms of a core.</summary>
    public const int ChecksPerBatchMax = 10_000;

    /// <summary>Answers that are put together in one message of a stream: 1,024 × about 30 bytes are 30 KB, made in
    /// half a millisecond, which the first of them waits.</summary>
    public const int AnswersPerMessageMost = 1_024;

    /// <summary>Bytes of an answer, mostly.</summary>
    public const int AnswerBytesUsual = 64;

    /// <summary>Calls under way at the gRPC door, streams included. An answer takes microseconds, so that these are
    /// calls whose caller does not send or does not read; each may hold a request of 1 MiB: 1 GB.</summary>
    public const int CallsUnderWayMost = 1_000;

    /// <summary>Bytes of one journal entry: 64 Ki IMEIs of at most 7 bytes are 460 KB; eight times that.</summary>
    public const int EntryBytesMax = 4 * 1024 * 1024;

    /// <summary>Bytes of entries the node's copy keeps while its disk does not take them.</summary>
    public const int UnwrittenBytesMax = 64 * 1024 * 1024;

    /// <summary>Bytes of one feed message: the registrar sends 1 MiB, or one entry.</summary>
    public const int FeedMessageBytesMax = EntryBytesMax + 64 * 1024;

    /// <summary>Characters of path and query at the N17 door: 64 of a PEI and 20 of a SUPI, at most 12 each as
    /// percent-encoded UTF-8, are 1,008; twice that.</summary>
    public const int N17TargetCharsMax = 2_048;

    /// <summary>Access tokens remembered as good: an operator has tens of AMFs, each with one at a time; some 1 KB
    /// each.</summary>
    public const int TokensRememberedMax = 1_000;

    /// <summary>Bytes of an NRF's answer: it is the profile it was sent, under 1 KB, and what the NRF adds.</summary>
    public const int NrfBodyBytesMax = 64 * 1024;

    /// <summary>Identities seen that are held in memory: 75,000 attaches a second by different handsets for two rounds;
    /// some 100 bytes each.</summary>
    public const int SightingsHeldMax = 150_000;

    /// <summary>Sightings on their way from the doors to being counted, all queues together: 75,000 a second for 1.7 s,
    /// 32 bytes each: 4 MB.</summary>
    public const int SightingsQueuedMax = 131_072;

    /// <summary>Queues they lie in, a power of two: one a core of a usual machine.</summary>
    public const int SightingQueues = 8;

    /// <summary>Sightings in one segment, as the registrar takes them.</summary>
    public const int SightingsPerSegmentMax = 10_000;

    /// <summary>Bytes of one segment: below the 1 MiB that the registrar takes, with room for what carries
    /// it.</summary>
    public const int SegmentBytesMax = 900_000;

    /// <summary>Segments kept on the disk while the registrar is away: 20 million handsets, at most 1.5 GB.</summary>
    public const int SegmentsKeptMax = 2_000;

    /// <summary>First refusals held in memory between two looks, a second apart: 65,536 × 16 bytes are 1 MB.</summary>
    public const int RefusalsHeldMax = 65_536;

    /// <summary>First refusals in one report, as the registrar takes them.</summary>
    public const int RefusalsPerReportMax = 1_000;

    /// <summary>Lines of refusals that were told already and are still on the disk, some 25 bytes each.</summary>
    public const int RefusalLinesMax = 100_000;

    /// <summary>Connections of Diameter peers at once. An operator has tens of MMEs and SGSNs, each with one or two; a
    /// thread and 128 KB each: 32 MB.</summary>
    public const int S13ConnectionsMax = 256;

    /// <summary>Of them from addresses that no rule names and that have not said who they are: they are gone within
    /// seconds.</summary>
    public const int S13StrangersMax = 16;

    /// <summary>Rules of the file of peers; each is a label of the metrics.</summary>
    public const int S13RulesMax = 256;

    /// <summary>Applications advertised to a peer besides S13: 32 bytes each in a CEA of under 1 KB.</summary>
    public const int S13ExtraApplicationsMax = 16;

    /// <summary>Bytes of a Diameter message. An ECR has some 300; the marks of ten agents add 2 KB; a relay that lists
    /// a hundred applications sends 5 KB.</summary>
    public const int S13MessageBytesMax = 16 * 1024;

    /// <summary>Bytes read at once: 200 ECRs. What is in flight beyond them waits in the kernel, and its sender with
    /// it.</summary>
    public const int S13ReadBytes = 64 * 1024;

    /// <summary>Bytes of answers written at once: those of 200 ECRs, and room for the longest answer to the longest
    /// message (33 KB).</summary>
    public const int S13WriteBytes = 64 * 1024;

    /// <summary>Bytes of the stack of a connection's thread: TLS needs some 100 KB.</summary>
    public const int S13StackBytes = 512 * 1024;

    /// <summary>Bytes of entries after which a snapshot is due: 8 million released IMEIs with consecutive serials,
    /// which take a restart one to two seconds to apply.</summary>
    public const long SnapshotBytes = 8 * 1024 * 1024;

    /// <summary>Between two snapshots passes so many times the time that the last one took: a tenth of the disk's time
    /// and of a core at most.</summary>
    public const int SnapshotRest = 10;

    /// <summary>Pages of 65,536 order numbers in a snapshot: four billion orders, a bit each in 512 MB.</summary>
    public const ulong RefusalPagesMax = 65_536;

    /// <summary>Bytes of a registrar's snapshot: 250 million IMEIs, 100 million orders of 16 bytes and as much
    /// again.</summary>
    public const ulong SnapshotBytesMax = 8UL * 1024 * 1024 * 1024;

    /// <summary>Times in a row that a cut download of a snapshot goes on at once; then the feed is followed, and the
    /// next session goes on with it.</summary>
    public const int SnapshotAttempts = 5;

    /// <summary>How often the load is felt.</summary>
    public static readonly TimeSpan BeatEvery = TimeSpan.FromMilliseconds(10);

    /// <summary>How late a beat may be before the doors answer "busy": a core's timer is seconds, acceptance tests ask
    /// for 200 ms at p99.9.</summary>
    public static readonly TimeSpan BeatLateMost = TimeSpan.FromMilliseconds(250);

    /// <summary>When a caller that was told "busy" may ask again: four beats that were late.</summary>
    public static readonly TimeSpan BusyFor = 4 * BeatLateMost;

    /// <summary>How often first refusals are put on the disk.</summary>
    public static readonly TimeSpan RefusalsEvery = TimeSpan.FromSeconds(1);

    /// <summary>How often what was seen is counted: a queue has room for four times what two cores put into it
    /// meanwhile.</summary>
    public static readonly TimeSpan SightingsCountedEvery = TimeSpan.FromMilliseconds(50);

    /// <summary>How often what was seen is handed to the registrar.</summary>
    public static readonly TimeSpan SightingsEvery = TimeSpan.FromSeconds(1);

    /// <summary>How long before its time a token is taken: the NRF's clock may be ahead by as much.</summary>
    public static readonly TimeSpan TokenEarlyMost = TimeSpan.FromSeconds(10);

    /// <summary>How long an NRF may take to answer; it holds up nothing else.</summary>
    public static readonly TimeSpan NrfAnswerMost = TimeSpan.FromSeconds(5);

    /// <summary>How long a node that stops waits for the NRF to take it off its list, while it still answers.</summary>
    public static readonly TimeSpan NrfFarewellMost = TimeSpan.FromSeconds(2);

    /// <summary>Time between heartbeats where the NRF says nothing: an Open5GS NRF says 10 s.</summary>
    public static readonly TimeSpan NrfBeatUsual = TimeSpan.FromSeconds(10);

    /// <summary>The longest time between heartbeats that is kept.</summary>
    public static readonly TimeSpan NrfBeatMost = TimeSpan.FromDays(1);

    /// <summary>How often it is looked whether the node knows enough to be listed.</summary>
    public static readonly TimeSpan ReadyEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>First pause before the registrar is called again; doubled each time it does not answer.</summary>
    public static readonly TimeSpan RetryFirst = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest pause: a node is back this long, at most, after the centre is. Also how long a report of the
    /// position may take.</summary>
    public static readonly TimeSpan RetryMost = TimeSpan.FromSeconds(5);

    /// <summary>A registrar sends a heartbeat each second. One that is silent this long is left, whatever its
    /// connection says; a message of
    /// 4 MiB comes through in that time at 0.6 Mbit/s.</summary>
    public static readonly TimeSpan SilenceMost = TimeSpan.FromSeconds(60);

    /// <summary>How often the time of the newest knowledge is put on the disk: a restarted node looks this much older,
    /// at most.</summary>
    public static readonly TimeSpan RememberEvery = TimeSpan.FromSeconds(10);

    /// <summary>How often connections of Diameter peers are looked after: their spans are seconds.</summary>
    public static readonly TimeSpan S13BeatEvery = TimeSpan.FromSeconds(1);

    /// <summary>How long a connection may take to say who it is, TLS included. Clients give an answer 10 s.</summary>
    public static readonly TimeSpan S13GreetMost = TimeSpan.FromSeconds(10);

    /// <summary>How long a message that has begun may take to end, and answers to be taken: 16 KB in 5 s are 26
    /// kbit/s.</summary>
    public static readonly TimeSpan S13SlowMost = TimeSpan.FromSeconds(5);

    /// <summary>How long a connection that has been silent may take to answer while a new one of its Origin-Host waits:
    /// well below the 10 s that clients wait for their CEA.</summary>
    public static readonly TimeSpan S13ProbeMost = TimeSpan.FromSeconds(2);

    /// <summary>How long a peer may take to close after the last word, its or ours.</summary>
    public static readonly TimeSpan S13LeaveMost = TimeSpan.FromSeconds(3);

    /// <summary>How often it is logged that a peer was not taken.</summary>
    public static readonly TimeSpan S13StrangersToldEvery = TimeSpan.FromSeconds(10);

    /// <summary>How long the door waits after a connection that could not be taken.</summary>
    public static readonly TimeSpan S13RefusedPause = TimeSpan.FromMilliseconds(100);
}
