using System.Diagnostics.Metrics;
using DeviceRegistry.Contracts;

namespace DeviceRegistry.Attach.Doors.S13;

/// <summary>Shows what the S13 door counts. Labels are rules of the operator's file and words of ours: as many as there
/// are.</summary>
internal sealed class S13Meter
{
    private readonly S13Door _door;

    public S13Meter(IMeterFactory meters, S13Door door)
    {
        _door = door;
        var meter = meters.Create("DeviceRegistry.Attach");
        meter.CreateObservableCounter("device_registry_s13_checks", Checks,
            description: "Checks answered through S13, by peer and status.");
        meter.CreateObservableCounter("device_registry_s13_errors", Errors,
            description: "Requests of peers answered with an error, by peer and Result-Code.");
        meter.CreateObservableGauge("device_registry_s13_connections", Connections,
            description: "Connections of peers that are served.");
        meter.CreateObservableCounter("device_registry_s13_partings", Partings,
            description: "Connections that are over, or were not taken, by why.");
    }

    private IEnumerable<Measurement<long>> Checks() =>
        from peer in _door.Counters
        from answer in peer.Answers()
        select new Measurement<long>(answer.Count, new("peer", peer.Name),
            new("status", StatusMapping.UpperSnake(answer.Answer.ToString())));

    private IEnumerable<Measurement<long>> Errors() =>
        from peer in _door.Counters
        from error in peer.Errors()
        select new Measurement<long>(error.Count, new("peer", peer.Name), new("result_code", (uint)error.Code));

    private IEnumerable<Measurement<int>> Connections()
    {
        var open = _door.Peers.All().Where(p => p.IsOpen).ToLookup(p => p.Rule);
        return _door.Settings.Peers.Select(rule =>
            new Measurement<int>(open[rule].Count(), new KeyValuePair<string, object?>("peer", rule.Name)));
    }

    private IEnumerable<Measurement<long>> Partings() =>
        _door.Partings.Read().Select(p =>
            new Measurement<long>(p.Count, new KeyValuePair<string, object?>("why",
            StatusMapping.UpperSnake(p.Why.ToString()))));
}
