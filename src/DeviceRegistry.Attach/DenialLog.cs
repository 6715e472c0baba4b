using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>Persists first denials until the registrar has accepted them, so that a node killed while the registrar is
/// unreachable reports them later.</summary>
/// <remarks>File format: one line for each order, with its number, the time in ms since 1970, and a dot that marks a
/// complete line. Reporting a denial twice changes nothing.</remarks>
internal sealed partial class DenialLog : BackgroundService
{
    private const long AtMsMax = 253_402_300_798_000;                  // the last seconds of the year 9999

    private readonly NodeState _node;
    private readonly TimeProvider _time;
    private readonly ILogger<DenialLog> _log;
    private readonly string _path;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<ulong, long> _pending = [];
    private int _lines;
    private bool _diskFails;

    /// <summary>Loads the denials that an earlier process left.</summary>
    public DenialLog(NodeState node, string folder, TimeProvider time, ILogger<DenialLog> log)
    {
        (_node, _time, _log, _path) = (node, time, log, Path.Combine(folder, "refusals"));
        TryWrite(() =>
        {
            if (!File.Exists(_path)) return;

            // Rewrite the file at once: the last line may be incomplete, and the next one must not be appended to it.
            foreach (var line in File.ReadLines(_path)) AddLine(line);
            Rewrite();
        });
    }

    private void AddLine(string line)
    {
        if (line.Split(' ') is [var order, [.. var at, '.']]
            && ulong.TryParse(order, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var ms)
            && number is > 0 and <= long.MaxValue && ms <= AtMsMax)
            _pending.TryAdd(number, ms);
    }

    /// <summary>Up to <paramref name="max"/> denials that the registrar has not accepted yet.</summary>
    public List<(ulong Order, long AtMs)> Pending(int max)
    {
        PersistNew();
        lock (_lock) return [.. _pending.Take(max).Select(w => (w.Key, w.Value))];
    }

    /// <summary>Removes denials that the registrar has accepted.</summary>
    public void Drop(IEnumerable<(ulong Order, long AtMs)> reported)
    {
        lock (_lock)
        {
            foreach (var (order, atMs) in reported)
                if (_pending.TryGetValue(order, out var pending) && pending == atMs) _pending.Remove(order);
            if (_lines > 0 && (_pending.Count is 0 || _lines > Limits.DenialLinesMax + _pending.Count)) TryWrite(
                Rewrite);
        }
    }

    /// <summary>Removes all denials: they belong to a history that a recovery made void.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _pending.Clear();
            TryWrite(Rewrite);
        }
    }

    /// <summary>Writes the newest denials to the disk before the process ends.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        PersistNew();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var tick = new PeriodicTimer(Limits.DenialLogInterval, _time);
        try
        {
            while (await tick.WaitForNextTickAsync(stoppingToken)) PersistNew();
        }
        catch (OperationCanceledException)
        {
            // The host is stopping.
        }
    }

    private void PersistNew()
    {
        lock (_lock)
        {
            var added = _node.Denials.Take().Where(r => _pending.TryAdd(r.Order, r.AtMs)).ToList();
            if (added.Count > 0) TryWrite(() =>
                File.AppendAllLines(_path, added.Select(r => Line(r.Order, r.AtMs))), added.Count);
        }
    }

    private void Rewrite()
    {
        _lines = _pending.Count;
        if (_pending.Count is 0)
        {
            File.Delete(_path);
            return;
        }

        File.WriteAllLines(_path + ".new", _pending.Select(w => Line(w.Key, w.Value)));
        File.Move(_path + ".new", _path, overwrite: true);
    }

    // A failed write loses denials only if the process ends before the registrar has accepted them.
    private void TryWrite(Action write, int lines = 0)
    {
        try
        {
            write();
            _lines += lines;
            _diskFails = false;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            if (!_diskFails) PersistFailed(_log, fault.Message);
            _diskFails = true;
        }
    }

    private static string Line(ulong order, long atMs) =>
        string.Create(CultureInfo.InvariantCulture, $"{order} {atMs}.");

    [LoggerMessage(EventId = 3015, Level = LogLevel.Error,
        Message = "Cannot persist denial log ({Why}); denials are still reported to the registrar")]
    private static partial void PersistFailed(ILogger log, string why);
}
