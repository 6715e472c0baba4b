using DeviceRegistry.Attach;
using DeviceRegistry.Registrar.Feed;

namespace DeviceRegistry.Server.Standard;

/// <summary>What the process still lacks before it can serve calls.</summary>
internal sealed class Readiness(IHostApplicationLifetime lifetime, JournalTail? tail = null, NodeState? node = null)
{
    /// <summary>A description of each missing part; empty if the process is ready.</summary>
    public IEnumerable<string> Missing()
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested) yield return "server: it is stopping";
        if (tail is { SeesTheTable: false }) yield return "registrar: the database is out of reach";
        if (node is { Draining: true }) yield return "attach node: out of service, as its operator wants it";
        if (node is { IsReady: false }) yield return "attach node: no index yet";
    }
}
