using System.Collections.Concurrent;
using System.Globalization;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>Counts what the N17 door said that was no verdict, by status and cause. Verdicts are counted with
/// everybody's.</summary>
public sealed class N17Counters
{
    private readonly ConcurrentDictionary<(int Status, string Cause), long> _counts = new();

    /// <summary>Counts a reply.</summary>
    internal void Count(N17Reply reply) =>
        _counts.AddOrUpdate((reply.Status, reply.Cause ?? ""), 1, static (_, count) => count + 1);

    /// <summary>Everything that was said, with its count.</summary>
    public IEnumerable<(string Status, string Cause, long Count)> Read() =>
        _counts.Select(c => (c.Key.Status.ToString(CultureInfo.InvariantCulture), c.Key.Cause, c.Value));
}
