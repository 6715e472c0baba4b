using DeviceRegistry.Diameter;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Answers to the peers of one rule. There are as many rules, and label values of the metrics, as in the
/// operator's file. Thread-safe.</summary>
internal sealed class PeerCounters(string name)
{
    private static readonly ResultCode[] Codes = Enum.GetValues<ResultCode>();
    private readonly long[] _answers = new long[Enum.GetValues<S13Answer>().Length];
    private readonly long[] _errors = new long[Codes.Length];

    public string Name => name;

    /// <summary>Checks answered with a verdict.</summary>
    public long Answered => _answers.Sum();

    /// <summary>Requests answered with an error.</summary>
    public long Refused => _errors.Sum();

    public void Count(S13Answer answer) => Interlocked.Increment(ref _answers[(int)answer]);

    public void Count(ResultCode error) => Interlocked.Increment(ref _errors[Array.IndexOf(Codes, error)]);

    public IEnumerable<(S13Answer Answer, long Count)> Answers() =>
        Enum.GetValues<S13Answer>().Select(a => (a, Interlocked.Read(ref _answers[(int)a]))).Where(c => c.Item2 > 0);

    public IEnumerable<(ResultCode Code, long Count)> Errors() =>
        Codes.Select((c, i) => (c, Interlocked.Read(ref _errors[i]))).Where(c => c.Item2 > 0);
}

/// <summary>Why a connection was rejected or closed.</summary>
internal enum S13DisconnectReason
{
    /// <summary>The peer closed, with or without a DPR.</summary>
    ClosedByPeer,

    /// <summary>This node is stopping.</summary>
    Stopping,

    /// <summary>3010: no rule matches the peer.</summary>
    UnknownPeer,

    /// <summary>5010: the peer does not support S13.</summary>
    NoCommonApplication,

    /// <summary>5012: another connection of the same Origin-Host is alive.</summary>
    Connected,

    /// <summary>The connection did not answer a DWR while a new connection of its Origin-Host waited.</summary>
    Replaced,

    /// <summary>The peer did not answer watchdogs.</summary>
    Silent,

    /// <summary>The peer exceeded a timeout: for its CER, for an incomplete message, or for reading answers.</summary>
    Slow,

    /// <summary>Not Diameter, or message boundaries were lost.</summary>
    Malformed,

    /// <summary>Too many connections.</summary>
    TooMany,

    /// <summary>The TLS handshake failed.</summary>
    Handshake,

    /// <summary>A defect of this program.</summary>
    Fault,
}

/// <summary>Counts closed connections by reason. Thread-safe.</summary>
internal sealed class S13DisconnectCounters
{
    private readonly long[] _counts = new long[Enum.GetValues<S13DisconnectReason>().Length];

    public void Count(S13DisconnectReason why) => Interlocked.Increment(ref _counts[(int)why]);

    public IEnumerable<(S13DisconnectReason Why, long Count)> Read() =>
        Enum.GetValues<S13DisconnectReason>().Select(w => (w, Interlocked.Read(ref _counts[(int)w])))
            .Where(c => c.Item2 > 0);
}
