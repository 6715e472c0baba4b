using System.Diagnostics.Metrics;
using DeviceRegistry.Contracts;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Instruments of the S13 interface. Label values are rules of the operator's file and fixed words, so that
/// peers cannot add any.</summary>
internal sealed class S13Metrics
{
    private readonly S13Listener _door;

    public S13Metrics(IMeterFactory meters, S13Listener door)
    {
        _door = door;
        var meter = meters.Create("DeviceRegistry.Attach");
        meter.CreateObservableCounter("device_registry.s13.checks", Checks, "{check}",
            "Checks answered over S13, by peer and status.");
        meter.CreateObservableCounter("device_registry.s13.errors", Errors, "{request}",
            "Requests of peers answered with an error, by peer and Result-Code.");
        meter.CreateObservableGauge("device_registry.s13.connections", Connections, "{connection}",
            "Open connections of peers.");
        meter.CreateObservableCounter("device_registry.s13.disconnects", Disconnects, "{connection}",
            "Connections that were closed or not accepted, by reason.");
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

    private IEnumerable<Measurement<long>> Disconnects() =>
        _door.Partings.Read().Select(p =>
            new Measurement<long>(p.Count, new KeyValuePair<string, object?>("reason",
            StatusMapping.UpperSnake(p.Why.ToString()))));
}
