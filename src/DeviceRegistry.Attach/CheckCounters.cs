using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>Counts answers by verdict and reason: metrics are how the answer's path speaks.</summary>
public sealed class CheckCounters
{
    private const int Verdicts = 4;
    private readonly long[] _counts = new long[Verdicts * 32];

    /// <summary>Counts an answer.</summary>
    public void Count(in Decision decision) => Interlocked.Increment(ref _counts[(int)decision.Reason * Verdicts + (int)decision.Verdict]);

    /// <summary>Every pair that was answered, with its count.</summary>
    public IEnumerable<(Verdict Verdict, CheckReason Reason, long Count)> Read() =>
        from reason in Enum.GetValues<CheckReason>()
        from verdict in Enum.GetValues<Verdict>()
        let count = Interlocked.Read(ref _counts[(int)reason * Verdicts + (int)verdict])
        where count > 0
        select (verdict, reason, count);
}
