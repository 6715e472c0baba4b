using DeviceRegistry.Diameter;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>What was answered to the peers of one rule. Rules are as many as the operator's file has; so are the labels
/// of its metrics.</summary>
internal sealed class PeerCounters(string name)
{
    private static readonly ResultCode[] Codes = Enum.GetValues<ResultCode>();
    private readonly long[] _answers = new long[Enum.GetValues<S13Answer>().Length];
    private readonly long[] _errors = new long[Codes.Length];

    /// <summary>Name of the rule.</summary>
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

/// <summary>Why a connection was not taken, or was let go.</summary>
internal enum S13DisconnectReason
{
    /// <summary>The peer closed, with a goodbye or without.</summary>
    ClosedByPeer,

    /// <summary>This node stops.</summary>
    Stopping,

    /// <summary>3010: no rule takes it.</summary>
    UnknownPeer,

    /// <summary>5010: it does not speak S13.</summary>
    NoCommonApplication,

    /// <summary>5012: the same Origin-Host is connected, and answers.</summary>
    Connected,

    /// <summary>It was silent while a new connection of its Origin-Host waited.</summary>
    Replaced,

    /// <summary>It did not answer watchdogs.</summary>
    Silent,

    /// <summary>It was slow: to say who it is, to end a message, or to take its answers.</summary>
    Slow,

    /// <summary>No Diameter, or messages that cannot be told apart.</summary>
    Malformed,

    /// <summary>Too many connections.</summary>
    TooMany,

    /// <summary>TLS was not agreed on.</summary>
    Handshake,

    /// <summary>Our fault.</summary>
    Fault,
}

/// <summary>Counts why connections ended.</summary>
internal sealed class S13DisconnectCounters
{
    private readonly long[] _counts = new long[Enum.GetValues<S13DisconnectReason>().Length];

    public void Count(S13DisconnectReason why) => Interlocked.Increment(ref _counts[(int)why]);

    public IEnumerable<(S13DisconnectReason Why, long Count)> Read() =>
        Enum.GetValues<S13DisconnectReason>().Select(w => (w, Interlocked.Read(ref _counts[(int)w])))
            .Where(c => c.Item2 > 0);
}
