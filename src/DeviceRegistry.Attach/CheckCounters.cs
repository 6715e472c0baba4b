using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>The doors a check comes through.</summary>
public enum CheckInterface
{
    /// <summary>Our own contract.</summary>
    Grpc,

    /// <summary>Diameter, from an MME or SGSN.</summary>
    S13,

    /// <summary>HTTP/2, from an AMF.</summary>
    N17,
}

/// <summary>Counts answers by door, verdict and reason: metrics are how the answer's path speaks.</summary>
public sealed class CheckCounters
{
    private const int Verdicts = 4;
    private const int Reasons = 32;
    private static readonly CheckInterface[] Doors = Enum.GetValues<CheckInterface>();
    private readonly long[] _counts = new long[Doors.Length * Reasons * Verdicts];

    /// <summary>Counts an answer.</summary>
    public void Count(CheckInterface door, in Decision decision) =>
        Interlocked.Increment(ref _counts[PlaceOf(door, decision.Reason, decision.Verdict)]);

    /// <summary>Answers through a door.</summary>
    public long TotalOf(CheckInterface door)
    {
        var total = 0L;
        for (var i = PlaceOf(door, 0, 0); i < PlaceOf(door + 1, 0, 0); i++) total += Interlocked.Read(ref _counts[i]);
        return total;
    }

    /// <summary>How many were let through because the node's knowledge was too old to deny by.</summary>
    public long FailOpenTotals =>
        Doors.Sum(door => Interlocked.Read(ref _counts[PlaceOf(door, CheckReason.FailOpen, Verdict.Allow)]));

    /// <summary>Everything that was answered, with its count.</summary>
    public IEnumerable<(CheckInterface Door, Verdict Verdict, CheckReason Reason, long Count)> Read() =>
        from door in Doors
        from reason in Enum.GetValues<CheckReason>()
        from verdict in Enum.GetValues<Verdict>()
        let count = Interlocked.Read(ref _counts[PlaceOf(door, reason, verdict)])
        where count > 0
        select (door, verdict, reason, count);

    private static int PlaceOf(CheckInterface door, CheckReason reason, Verdict verdict) =>
        ((int)door * Reasons + (int)reason) * Verdicts + (int)verdict;
}
