using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>First refusals on the disk, until the registrar took them: a node that is killed while the registrar is
/// away tells them later.</summary>
/// <remarks>A line an order: its number, the time in ms since 1970, and a dot that says that it is whole. What is told
/// twice changes nothing.</remarks>
internal sealed partial class DenialLog : BackgroundService
{
    private const long AtMsMax = 253_402_300_798_000;                  // the last seconds of the year 9999

    private readonly NodeState _node;
    private readonly TimeProvider _time;
    private readonly ILogger<DenialLog> _log;
    private readonly string _path;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<ulong, long> _waiting = [];
    private int _lines;
    private bool _diskFails;

    /// <summary>Finds what an earlier process left.</summary>
    public DenialLog(NodeState node, string folder, TimeProvider time, ILogger<DenialLog> log)
    {
        (_node, _time, _log, _path) = (node, time, log, Path.Combine(folder, "refusals"));
        TryWrite(() =>
        {
            if (!File.Exists(_path)) return;

            // Written anew at once: the next line must not go on where one was torn.
            foreach (var line in File.ReadLines(_path)) Find(line);
            Rewrite();
        });
    }

    private void Find(string line)
    {
        if (line.Split(' ') is [var order, [.. var at, '.']]
            && ulong.TryParse(order, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var ms)
            && number is > 0 and <= long.MaxValue && ms <= AtMsMax)
            _waiting.TryAdd(number, ms);
    }

    /// <summary>Some that wait, at most so many.</summary>
    public List<(ulong Order, long AtMs)> Waiting(int most)
    {
        KeepNew();
        lock (_lock) return [.. _waiting.Take(most).Select(w => (w.Key, w.Value))];
    }

    /// <summary>The registrar took these.</summary>
    public void Drop(IEnumerable<(ulong Order, long AtMs)> taken)
    {
        lock (_lock)
        {
            foreach (var (order, atMs) in taken)
                if (_waiting.TryGetValue(order, out var waits) && waits == atMs) _waiting.Remove(order);
            if (_lines > 0 && (_waiting.Count is 0 || _lines > Limits.RefusalLinesMax + _waiting.Count)) TryWrite(
                Rewrite);
        }
    }

    /// <summary>They are of a history that became void.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _waiting.Clear();
            TryWrite(Rewrite);
        }
    }

    /// <summary>What was noted last is on the disk before the process ends.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        KeepNew();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var tick = new PeriodicTimer(Limits.RefusalsEvery, _time);
        try
        {
            while (await tick.WaitForNextTickAsync(stoppingToken)) KeepNew();
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    private void KeepNew()
    {
        lock (_lock)
        {
            var fresh = _node.Refusals.Take().Where(r => _waiting.TryAdd(r.Order, r.AtMs)).ToList();
            if (fresh.Count > 0) TryWrite(() =>
                File.AppendAllLines(_path, fresh.Select(r => Line(r.Order, r.AtMs))), fresh.Count);
        }
    }

    private void Rewrite()
    {
        _lines = _waiting.Count;
        if (_waiting.Count is 0)
        {
            File.Delete(_path);
            return;
        }

        File.WriteAllLines(_path + ".new", _waiting.Select(w => Line(w.Key, w.Value)));
        File.Move(_path + ".new", _path, overwrite: true);
    }

    // A disk that does not take them costs the node its memory of them if it ends before the registrar took them, and
    // nothing else.
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
            if (!_diskFails) NotKept(_log, fault.Message);
            _diskFails = true;
        }
    }

    private static string Line(ulong order, long atMs) =>
        string.Create(CultureInfo.InvariantCulture, $"{order} {atMs}.");

    [LoggerMessage(EventId = 3015, Level = LogLevel.Error,
        Message =
        "ALARM: which orders the node refused by cannot be kept on the disk ({Why}); it tells the registrar all the " +
        "same.")]
    private static partial void NotKept(ILogger log, string why);
}
