using DeviceRegistry.Attach;
using DeviceRegistry.Registrar.Feed;

namespace DeviceRegistry.Server.Standard;

/// <summary>What the process still lacks before it should be asked anything.</summary>
internal sealed class Readiness(IHostApplicationLifetime lifetime, JournalTail? tail = null, NodeState? node = null)
{
    /// <summary>Each thing that is missing, in words; empty: ready.</summary>
    public IEnumerable<string> Missing()
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested) yield return "server: it is stopping";
        if (tail is { SeesTheTable: false }) yield return "registrar: the database is out of reach";
        if (node is { Draining: true }) yield return "attach node: out of service, as its operator wants it";
        if (node is { IsReady: false }) yield return "attach node: no index yet";
    }
}
