using DeviceRegistry.Attach;
using DeviceRegistry.Registrar.Feed;

namespace DeviceRegistry.Server.Standard;

/// <summary>What the process still lacks before it should be asked anything.</summary>
internal sealed class Readiness(TimeProvider time, JournalTail? tail = null, NodeState? node = null)
{
    private static readonly TimeSpan TailAgeMost = TimeSpan.FromSeconds(2);

    /// <summary>Each thing that is missing, in words; empty: ready.</summary>
    public IEnumerable<string> Missing()
    {
        if (tail is not null && time.GetUtcNow() - tail.State.CheckedAt > TailAgeMost) yield return "registrar: the database is out of reach";
        if (node is not null && !node.IsReady) yield return "attach node: no index yet";
    }
}
