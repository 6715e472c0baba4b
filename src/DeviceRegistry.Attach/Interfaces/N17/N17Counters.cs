using System.Collections.Concurrent;
using System.Globalization;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>Counts N17 replies without a verdict, by status and cause. Verdicts are in <see
/// cref="CheckCounters"/>.</summary>
public sealed class N17Counters
{
    private readonly ConcurrentDictionary<(int Status, string Cause), long> _counts = new();

    internal void Count(N17Reply reply) =>
        _counts.AddOrUpdate((reply.Status, reply.Cause ?? ""), 1, static (_, count) => count + 1);

    /// <summary>Every reply that occurred, with its count.</summary>
    public IEnumerable<(string Status, string Cause, long Count)> Read() =>
        _counts.Select(c => (c.Key.Status.ToString(CultureInfo.InvariantCulture), c.Key.Cause, c.Value));
}
