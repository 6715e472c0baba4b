using System.Collections.Concurrent;
using DeviceRegistry.Contracts.V1;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>Reports of nodes about checks that they allowed because their data was older than degraded_cache_ttl_s
/// (FAIL_OPEN). Logs each episode and counts the answers per node since the start of this process.</summary>
internal sealed partial class FailOpenReports(ILogger<FailOpenReports> log)
{
    private readonly ConcurrentDictionary<ulong, NodeTotal> _nodes = new();

    private sealed record NodeTotal(ulong Answers, DateTimeOffset NewestAt, ulong NewestAnswers);

    /// <summary>Number of fail-open answers by node.</summary>
    public IEnumerable<(ulong Node, ulong Answers)> All => _nodes.Select(n => (n.Key, n.Value.Answers));

    /// <summary>Records a reported episode. A node repeats its report if our answer was lost; an episode with the same
    /// start counts only its additional answers.</summary>
    public void Record(ulong node, FailOpenEpisode episode, DateTimeOffset first, DateTimeOffset last)
    {
        var before = _nodes.GetValueOrDefault(node);
        var again = before?.NewestAt == first ? before.NewestAnswers : 0;
        if (episode.Answers <= again) return;

        _nodes[node] = new NodeTotal((before?.Answers ?? 0) + episode.Answers - again, first, episode.Answers);
        FailedOpen(log, node, episode.Answers, first.UtcDateTime, last.UtcDateTime);
    }

    [LoggerMessage(EventId = 2041, Level = LogLevel.Warning,
        Message =
        "Node {Node} failed open for {Answers} checks between {First:u} and {Last:u}: data older than " +
        "degraded_cache_ttl_s")]
    private static partial void FailedOpen(ILogger log, ulong node, ulong answers, DateTime first, DateTime last);
}
