using System.Diagnostics.Metrics;
using DeviceRegistry.Attach.Doors.N17;
using DeviceRegistry.Contracts;

namespace DeviceRegistry.Attach;

/// <summary>Shows what a node counts and holds to whoever collects it. Reads, and counts nothing itself.</summary>
internal sealed class AttachMeter
{
    private const string Name = "DeviceRegistry.Attach";
    private readonly NodeState _node;
    private readonly CheckCounters _checks;
    private readonly TimeProvider _time;

    public AttachMeter(IMeterFactory meters, NodeState node, CheckCounters checks, SightingCollector sightings,
        SegmentFolder segments, LoadGauge load, N17Counters n17, TimeProvider time)
    {
        (_node, _checks, _time) = (node, checks, time);
        var meter = meters.Create(Name);
        meter.CreateObservableCounter("device_registry_checks", Checks, description: "Checks answered.");
        meter.CreateObservableCounter("device_registry_checks_shed", () =>
            load.Shed, description: "Requests answered \"busy\" because the node had more to do than it could.");
        meter.CreateObservableCounter("device_registry_n17_problems", () =>
            Problems(n17), description: "What the N17 door said that was no verdict.");
        meter.CreateObservableGauge("device_registry_node_position", () =>
            (long)node.Index.Position, description: "Newest journal position applied.");
        meter.CreateObservableGauge("device_registry_node_lag_entries", LagEntries, "{entry}",
            "Entries between the registrar's newest and this node's. Absent until the registrar was heard.");
        meter.CreateObservableGauge("device_registry_node_lag", LagSeconds, "s",
            "0 while the node has all that the registrar told of; otherwise the time since it had. Absent until then.");
        meter.CreateObservableGauge("device_registry_node_knowledge_age", AgeSeconds, "s",
            "Time since the node last knew that it has everything. Absent until then.");
        meter.CreateObservableGauge("device_registry_node_clock_ahead", ClockSeconds, "s",
            "How far the node's clock is ahead of the registrar's, give or take half a round trip. Absent until it " +
            "was measured.");
        meter.CreateObservableGauge("device_registry_node_ready", () =>
            node.IsReady ? 1 : 0, description: "1: it has an index and knows whom it works for.");
        meter.CreateObservableGauge("device_registry_node_halted", () =>
            node.Halted is null ? 0 : 1, description: "1: it applies no more entries; the log says why.");
        meter.CreateObservableGauge("device_registry_node_devices", () =>
            node.Index.Devices, description: "IMEIs it knows that are or were on the market.");
        meter.CreateObservableGauge("device_registry_node_tacs", () => node.Index.Tacs, description: "TACs it knows.");
        meter.CreateObservableGauge("device_registry_node_orders", () =>
            node.Index.Orders, description: "Orders in force that it knows.");
        meter.CreateObservableCounter("device_registry_node_entries_applied", () => node.Feed.EntriesApplied,
            description: "Entries of the feed that were applied; those of its own copy are not counted.");
        meter.CreateObservableCounter("device_registry_node_feed_sessions_begun", () =>
            node.Feed.SessionsBegun, description: "Feed sessions in which the registrar was heard.");
        meter.CreateObservableCounter("device_registry_node_feed_sessions_lost", () =>
            node.Feed.SessionsLost, description: "Feed sessions that ended before the node did.");
        meter.CreateObservableCounter("device_registry_node_reports", () =>
            node.Feed.Reports, description: "Reports of its position that the registrar took.");
        meter.CreateObservableCounter("device_registry_node_contradictions", () => node.Feed.Contradictions,
            description: "Signed checkpoints that were not believed, or spoke of another history or state than the " +
            "node's.");
        meter.CreateObservableCounter("device_registry_node_copy_write_failures", () =>
            node.Feed.CopyFailures, description: "Times the disk did not take its own copy.");
        meter.CreateObservableCounter("device_registry_node_snapshots_taken", () =>
            node.Feed.SnapshotsTaken, description: "Snapshots of the registrar's that it took over.");
        meter.CreateObservableCounter("device_registry_node_snapshots_refused", () => node.Feed.SnapshotsRefused,
            description: "Snapshots of the registrar's that were not signed by the registry, or not what was signed.");
        meter.CreateObservableCounter("device_registry_node_snapshot_downloaded", () =>
            node.Feed.SnapshotBytes, "By", "Bytes of the registrar's snapshots that came.");
        meter.CreateObservableCounter("device_registry_node_sightings_reported", () =>
            segments.Reported, description: "Sightings that the registrar took.");
        meter.CreateObservableCounter("device_registry_node_sightings_lost", () => sightings.Lost + segments.Lost,
            description: "Sightings there was no room for, or that the registrar would not take.");
        meter.CreateObservableGauge("device_registry_node_segments_waiting", () =>
            segments.Waiting, description: "Segments of sightings on the disk that the registrar has not taken yet.");
    }

    private IEnumerable<Measurement<long>> Checks() =>
        _checks.Read().Select(c => new Measurement<long>(
            c.Count,
            new("door", c.Door.ToString().ToLowerInvariant()),
            new("verdict", StatusMapping.UpperSnake(c.Verdict.ToString())),
            new("reason", StatusMapping.UpperSnake(c.Reason.ToString()))));

    private static IEnumerable<Measurement<long>> Problems(N17Counters n17) =>
        n17.Read().Select(c => new Measurement<long>(c.Count, new("status", c.Status), new("cause", c.Cause)));

    private IEnumerable<Measurement<long>> LagEntries()
    {
        if (_node.Feed.HeadPosition > 0) yield return new(Behind());
    }

    private IEnumerable<Measurement<double>> LagSeconds() =>
        _node.Feed.HeadPosition > 0 && Behind() is 0 ? [new(0)] : AgeSeconds();

    private IEnumerable<Measurement<double>> AgeSeconds()
    {
        if (_node.Index.KnownAtMs is not 0 and var known) yield return new(
            (_time.GetUtcNow().ToUnixTimeMilliseconds() - known) / 1000.0);
    }

    private IEnumerable<Measurement<double>> ClockSeconds()
    {
        if (_node.Feed.Clock is { } clock) yield return new(clock.AheadMs / 1000.0);
    }

    private long Behind() => Math.Max(0, (long)_node.Feed.HeadPosition - (long)_node.Index.Position);
}
