using System.Diagnostics.Metrics;
using DeviceRegistry.Registrar.Feed;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.Registrar.Registration;

namespace DeviceRegistry.Registrar;

/// <summary>Metrics of the registrar: observable instruments that read the components' own counters at
/// collection.</summary>
internal sealed class RegistrarMetrics
{
    private const string Name = "DeviceRegistry.Registrar";
    private readonly JournalTail _tail;

    public RegistrarMetrics(IMeterFactory meters, JournalTail tail, Uploads uploads, BatchWorker worker,
        EnforcementWatch enforcement, FailOpenReports failOpens, TimeProvider time)
    {
        _tail = tail;
        var meter = meters.Create(Name);
        meter.CreateObservableGauge("device_registry.journal.position", () => (long)tail.State.Head, "{entry}",
            "Position of the newest journal entry read.");
        meter.CreateObservableGauge("device_registry.journal.poll_age", () => SecondsSince(tail.State.CheckedAt, time),
            "s", "Time since a poll of the journal table last found no newer entry. Absent until then.");
        meter.CreateObservableGauge("device_registry.feed.subscribers", () => tail.Subscribers.Count, "{subscriber}",
            "Nodes and other callers subscribed to the feed.");
        meter.CreateObservableGauge("device_registry.feed.slowest_lag_entries", SlowestBehind, "{entry}",
            "Journal entries not yet sent to the slowest subscriber. Absent without subscribers.");
        meter.CreateObservableGauge("device_registry.operators_overdue", () => enforcement.OperatorsLate, "{operator}",
            "Operators whose nodes have lacked orders for longer than the policy permits.");
        meter.CreateObservableGauge("device_registry.nodes_clock_skewed", () => enforcement.NodesClockWrong, "{node}",
            "Nodes whose clock differs from the registrar's by more than the policy permits.");
        meter.CreateObservableCounter("device_registry.node.fail_open_answers", () =>
            FailOpenTotals(failOpens), "{check}",
            "Checks that a node reported as allowed because its data was too old to deny, by node number; since this " +
            "registrar started.");
        meter.CreateObservableGauge("device_registry.uploads.in_flight", () => uploads.InFlight, "{upload}",
            "TAC lists being received or imported.");
        meter.CreateObservableGauge("device_registry.uploads.waiting", () => uploads.Waiting, "{upload}",
            "TAC lists waiting for a free slot.");
        meter.CreateObservableCounter("device_registry.tac_imports_completed", () =>
            ImportOutcomes(uploads), "{upload}",
            "TAC list uploads that ended, by outcome: accepted, or not_accepted (rejected, cancelled or " +
            "disconnected).");
        meter.CreateObservableCounter("device_registry.uploads", () => uploads.Bytes, "By",
            "Bytes of TAC lists and batch files received.");
        meter.CreateObservableGauge("device_registry.batches_in_progress", () => worker.InProgress, "{batch}",
            "Sealed batches that are being validated or stored, or wait for it.");
        meter.CreateObservableCounter("device_registry.batches_completed", () => worker.Completed, "{batch}",
            "Sealed batches whose processing ended: registered, rejected, or validated only (dry run).");
    }

    private IEnumerable<Measurement<long>> SlowestBehind()
    {
        if (_tail.Subscribers.Slowest is { } slowest) yield return new(
            Math.Max(0, (long)_tail.State.Head - (long)slowest));
    }

    private static IEnumerable<Measurement<long>> FailOpenTotals(FailOpenReports reports) =>
        reports.All.Select(n => new Measurement<long>(
            (long)n.Answers, new KeyValuePair<string, object?>("node",
            n.Node.ToString(System.Globalization.CultureInfo.InvariantCulture))));

    private static IEnumerable<Measurement<double>> SecondsSince(DateTimeOffset at, TimeProvider time)
    {
        if (at > DateTimeOffset.MinValue) yield return new((time.GetUtcNow() - at).TotalSeconds);
    }

    private static Measurement<long>[] ImportOutcomes(Uploads uploads) =>
        [new(uploads.Accepted, new KeyValuePair<string, object?>("outcome", "accepted")),
            new(uploads.NotAccepted, new KeyValuePair<string, object?>("outcome", "not_accepted"))];
}
