using System.Diagnostics.Metrics;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Contracts;

namespace DeviceRegistry.Attach;

/// <summary>Instruments of an attach node. They read the node's own counters when they are collected, so that a check
/// updates no instrument.</summary>
internal sealed class AttachMetrics
{
    private const string Name = "DeviceRegistry.Attach";
    private readonly NodeState _node;
    private readonly CheckCounters _checks;
    private readonly TimeProvider _time;

    public AttachMetrics(IMeterFactory meters, NodeState node, CheckCounters checks, SightingCollector sightings,
        SegmentStore segments, OverloadDetector load, N17Counters n17, TimeProvider time)
    {
        (_node, _checks, _time) = (node, checks, time);
        var meter = meters.Create(Name);
        meter.CreateObservableCounter("device_registry.checks", Checks, "{check}",
            "Checks answered, by interface, verdict and reason.");
        meter.CreateObservableCounter("device_registry.checks_shed", () => load.Shed, "{request}",
            "Requests rejected because the node was overloaded.");
        meter.CreateObservableCounter("device_registry.n17.problems", () => Problems(n17), "{request}",
            "N17 requests answered with an error, by HTTP status and cause.");
        meter.CreateObservableGauge("device_registry.node.position", () => (long)node.Index.Position, "{entry}",
            "Position of the newest journal entry applied.");
        meter.CreateObservableGauge("device_registry.node.lag_entries", LagEntries, "{entry}",
            "Journal entries the registrar announced and the node has not applied. Absent until the first " +
            "announcement.");
        meter.CreateObservableGauge("device_registry.node.lag", LagSeconds, "s",
            "0 if the node has applied every entry the registrar announced; otherwise the age of the node's data. " +
            "Absent until the node's data was complete once.");
        meter.CreateObservableGauge("device_registry.node.data_age", AgeSeconds, "s",
            "Time since the node's data was last known to be complete. Absent until then.");
        meter.CreateObservableGauge("device_registry.node.clock_ahead", ClockSeconds, "s",
            "Node clock minus registrar clock, accurate to half a round trip. Absent until measured.");
        meter.CreateObservableGauge("device_registry.node.ready", () => node.IsReady ? 1 : 0,
            description: "1 if the node has an index and its operator is known, otherwise 0.");
        meter.CreateObservableGauge("device_registry.node.halted", () => node.Halted is null ? 0 : 1,
            description: "1 if the node stopped applying journal entries because of a fault (see the log), otherwise " +
                "0.");
        meter.CreateObservableGauge("device_registry.node.devices", () => node.Index.Devices, "{imei}",
            "Registered IMEIs in the index.");
        meter.CreateObservableGauge("device_registry.node.tacs", () => node.Index.Tacs, "{tac}",
            "TACs in the index.");
        meter.CreateObservableGauge("device_registry.node.orders", () => node.Index.Orders, "{order}",
            "Orders in force in the index.");
        meter.CreateObservableCounter("device_registry.node.entries_applied", () => node.Feed.EntriesApplied, "{entry}",
            "Journal entries received over the feed and applied. Entries of the local journal do not count.");
        meter.CreateObservableCounter("device_registry.node.feed_connects", () => node.Feed.SessionsBegun,
            "{connection}", "Feed connections on which the registrar answered.");
        meter.CreateObservableCounter("device_registry.node.feed_disconnects", () => node.Feed.SessionsLost,
            "{connection}", "Feed connections that ended while the node was running.");
        meter.CreateObservableCounter("device_registry.node.reports", () => node.Feed.Reports, "{report}",
            "Position reports accepted by the registrar.");
        meter.CreateObservableCounter("device_registry.node.checkpoint_mismatches", () => node.Feed.Contradictions,
            "{checkpoint}", "Checkpoints with an invalid signature, or that do not match the node's journal or state.");
        meter.CreateObservableCounter("device_registry.node.local_journal_write_failures",
            () => node.Feed.CopyFailures, "{failure}", "Failed writes of the local journal.");
        meter.CreateObservableCounter("device_registry.node.snapshots_installed", () => node.Feed.SnapshotsTaken,
            "{snapshot}", "Snapshots of the registrar that were installed.");
        meter.CreateObservableCounter("device_registry.node.snapshots_rejected", () => node.Feed.SnapshotsRefused,
            "{snapshot}", "Snapshots of the registrar with an invalid signature or digest.");
        meter.CreateObservableCounter("device_registry.node.snapshot_download", () => node.Feed.SnapshotBytes, "By",
            "Bytes of the registrar's snapshots received.");
        meter.CreateObservableCounter("device_registry.node.sightings_reported", () => segments.Reported,
            "{sighting}", "Sightings accepted by the registrar.");
        meter.CreateObservableCounter("device_registry.node.sightings_dropped", () => sightings.Lost + segments.Lost,
            "{sighting}", "Sightings dropped (buffer full or rejected by the registrar).");
        meter.CreateObservableGauge("device_registry.node.segments_pending", () => segments.Waiting, "{segment}",
            "Segments of sightings on disk that the registrar has not accepted yet.");
    }

    private IEnumerable<Measurement<long>> Checks() =>
        _checks.Read().Select(c => new Measurement<long>(
            c.Count,
            new("interface", c.Door.ToString().ToLowerInvariant()),
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
