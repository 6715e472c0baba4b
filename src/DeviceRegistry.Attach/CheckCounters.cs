using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>The interfaces that accept checks.</summary>
public enum CheckInterface
{
    /// <summary>The gRPC contract of this project.</summary>
    Grpc,

    /// <summary>Diameter, from an MME or SGSN.</summary>
    S13,

    /// <summary>HTTP/2, from an AMF.</summary>
    N17,
}

/// <summary>Counts answers by interface, verdict and reason. Thread-safe; a check updates one counter and writes no log
/// line.</summary>
public sealed class CheckCounters
{
    private const int Verdicts = 4;
    private const int Reasons = 32;
    private static readonly CheckInterface[] Interfaces = Enum.GetValues<CheckInterface>();
    private readonly long[] _counts = new long[Interfaces.Length * Reasons * Verdicts];

    public void Count(CheckInterface via, in Decision decision) =>
        Interlocked.Increment(ref _counts[IndexOf(via, decision.Reason, decision.Verdict)]);

    /// <summary>Answers of one interface since the start.</summary>
    public long TotalOf(CheckInterface via)
    {
        var total = 0L;
        for (var i = IndexOf(via, 0, 0); i < IndexOf(via + 1, 0, 0); i++) total += Interlocked.Read(ref _counts[i]);
        return total;
    }

    /// <summary>Checks answered ALLOW because the node's data was too old to deny (FAIL_OPEN).</summary>
    public long FailOpenTotals =>
        Interfaces.Sum(via => Interlocked.Read(ref _counts[IndexOf(via, CheckReason.FailOpen, Verdict.Allow)]));

    /// <summary>Every combination that occurred, with its count.</summary>
    public IEnumerable<(CheckInterface Door, Verdict Verdict, CheckReason Reason, long Count)> Read() =>
        from via in Interfaces
        from reason in Enum.GetValues<CheckReason>()
        from verdict in Enum.GetValues<Verdict>()
        let count = Interlocked.Read(ref _counts[IndexOf(via, reason, verdict)])
        where count > 0
        select (via, verdict, reason, count);

    private static int IndexOf(CheckInterface via, CheckReason reason, Verdict verdict) =>
        ((int)via * Reasons + (int)reason) * Verdicts + (int)verdict;
}
