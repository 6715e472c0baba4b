using System.Diagnostics.Metrics;
using DeviceRegistry.Registrar.Feed;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.Registrar.Registration;

namespace DeviceRegistry.Registrar;

/// <summary>Shows what the registrar counts and holds to whoever collects it. Reads, and counts nothing
/// itself.</summary>
internal sealed class RegistrarMeter
{
    private const string Name = "DeviceRegistry.Registrar";
    private readonly JournalTail _tail;

    public RegistrarMeter(IMeterFactory meters, JournalTail tail, Uploads uploads, Promotions promotions,
        EnforcementWatch enforcement, FailOpenReports failOpens, TimeProvider time)
    {
        _tail = tail;
        var meter = meters.Create(Name);
        meter.CreateObservableGauge("device_registry_journal_position", () =>
            (long)tail.State.Head, description: "Newest journal position seen.");
        meter.CreateObservableGauge("device_registry_journal_seen_age", () => SecondsSince(tail.State.CheckedAt, time),
            "s", "Time since the journal's table was last seen to have no more. Absent until then.");
        meter.CreateObservableGauge("device_registry_feed_subscribers", () =>
            tail.Subscribers.Count, description: "Nodes and others that follow the feed.");
        meter.CreateObservableGauge("device_registry_feed_slowest_lag_entries", SlowestBehind, "{entry}",
            "Entries the slowest of them was not sent yet. Absent while nobody follows.");
        meter.CreateObservableGauge("device_registry_operators_late", () => enforcement.OperatorsLate,
            description: "Operators whose nodes lack orders for longer than the policy tolerates.");
        meter.CreateObservableGauge("device_registry_nodes_clock_wrong", () =>
            enforcement.NodesClockWrong, description: "Nodes whose clock is off by more than the policy tolerates.");
        meter.CreateObservableCounter("device_registry_node_fail_open_answers", () => FailOpens(failOpens),
            description: "Checks that a node, by its number, told it let through while its knowledge was too old to " +
            "refuse by; since this registrar started.");
        meter.CreateObservableGauge("device_registry_uploads_in_flight", () =>
            uploads.InFlight, description: "TAC lists being read or compared.");
        meter.CreateObservableGauge("device_registry_uploads_waiting", () =>
            uploads.Waiting, description: "TAC lists that wait for their turn.");
        meter.CreateObservableCounter("device_registry_uploads_ended", () =>
            Ended(uploads), description: "TAC lists whose turn ended: accepted, or refused, given up and broken off.");
        meter.CreateObservableCounter("device_registry_uploads", () =>
            uploads.Bytes, "By", "Bytes of TAC lists and of files of batches received.");
        meter.CreateObservableGauge("device_registry_batches_under_way", () =>
            promotions.UnderWay, description: "Sealed batches that are judged, stored, or wait for their turn.");
        meter.CreateObservableCounter("device_registry_batches_decided", () => promotions.Decided,
            description: "Sealed batches that came to their end: registered, rejected or only judged.");
    }

    private IEnumerable<Measurement<long>> SlowestBehind()
    {
        if (_tail.Subscribers.Slowest is { } slowest) yield return new(
            Math.Max(0, (long)_tail.State.Head - (long)slowest));
    }

    private static IEnumerable<Measurement<long>> FailOpens(FailOpenReports told) =>
        told.All.Select(n => new Measurement<long>(
            (long)n.Answers, new KeyValuePair<string, object?>("node",
            n.Node.ToString(System.Globalization.CultureInfo.InvariantCulture))));

    private static IEnumerable<Measurement<double>> SecondsSince(DateTimeOffset at, TimeProvider time)
    {
        if (at > DateTimeOffset.MinValue) yield return new((time.GetUtcNow() - at).TotalSeconds);
    }

    private static Measurement<long>[] Ended(Uploads uploads) =>
        [new(uploads.Accepted, new KeyValuePair<string, object?>("outcome", "accepted")),
            new(uploads.NotAccepted, new KeyValuePair<string, object?>("outcome", "not_accepted"))];
}
