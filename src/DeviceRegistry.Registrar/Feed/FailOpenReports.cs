using System.Collections.Concurrent;
using DeviceRegistry.Contracts.V1;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>What nodes told of checks that they let through while they were cut off: a line in the log for each
/// episode, and a count a node, since this registrar started.</summary>
internal sealed partial class FailOpenReports(ILogger<FailOpenReports> log)
{
    private readonly ConcurrentDictionary<ulong, Told> _nodes = new();

    private sealed record Told(ulong Answers, DateTimeOffset NewestAt, ulong NewestAnswers);

    /// <summary>Answers by node.</summary>
    public IEnumerable<(ulong Node, ulong Answers)> All => _nodes.Select(n => (n.Key, n.Value.Answers));

    /// <summary>A node told of an episode, perhaps again since our answer was lost.</summary>
    public void Take(ulong node, FailOpenEpisode episode, DateTimeOffset first, DateTimeOffset last)
    {
        var before = _nodes.GetValueOrDefault(node);
        var again = before?.NewestAt == first ? before.NewestAnswers : 0;
        if (episode.Answers <= again) return;

        _nodes[node] = new Told((before?.Answers ?? 0) + episode.Answers - again, first, episode.Answers);
        LetThrough(log, node, episode.Answers, first.UtcDateTime, last.UtcDateTime);
    }

    [LoggerMessage(EventId = 2041, Level = LogLevel.Warning,
        Message =
        "Node {Node} let {Answers} checks through (FAIL_OPEN) between {First:u} and {Last:u}: what it knew was too " +
        "old to refuse by.")]
    private static partial void LetThrough(ILogger log, ulong node, ulong answers, DateTime first, DateTime last);
}
