using System.Globalization;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>Checks answered ALLOW because the node's data was too old (FAIL_OPEN).</summary>
/// <param name="Answers">Number of checks.</param>
/// <param name="FirstMs">Time of the first, ms since 1970, accurate to a second.</param>
/// <param name="LastMs">Time of the last, ms since 1970, accurate to a second.</param>
internal sealed record FailOpenTotals(long Answers, long FirstMs, long LastMs);

/// <summary>Counts the FAIL_OPEN answers since the registrar last accepted a report of them. Runs outside the path of a
/// check. The counts are on the disk, because a disconnected node may restart before it can report them.</summary>
internal sealed partial class FailOpenLog : BackgroundService
{
    private readonly CheckCounters _counters;
    private readonly TimeProvider _time;
    private readonly ILogger<FailOpenLog> _log;
    private readonly string _path;
    private readonly Lock _lock = new();
    private FailOpenTotals? _pending;
    private long _counted;
    private long _lastReadMs;
    private bool _diskFails;

    /// <summary>Loads the counts that an earlier process left.</summary>
    public FailOpenLog(CheckCounters counters, string folder, TimeProvider time, ILogger<FailOpenLog> log)
    {
        (_counters, _time, _log, _path) = (counters, time, log, Path.Combine(folder, "fail-open"));
        _lastReadMs = NowMs;
        TryFile(() =>
        {
            // The dot marks a complete line.
            if (File.Exists(_path) && File.ReadAllText(_path).Split(' ') is [var answers, var first, var last, "."]
                && TryNumber(answers, out var count) && TryNumber(first, out var from) && TryNumber(last, out var to))
                _pending = new FailOpenTotals(count, from, to);
        });
    }

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Counts that the registrar has not accepted yet; null: none.</summary>
    public FailOpenTotals? Pending()
    {
        lock (_lock)
        {
            var (count, nowMs) = (_counters.FailOpenTotals, NowMs);
            if (count > _counted)
            {
                // The first answer came after the last read. If the clock was set back, the interval is not extended.
                var first = _pending?.FirstMs ?? Math.Min(_lastReadMs, nowMs);
                _pending = new FailOpenTotals((_pending?.Answers ?? 0) + count - _counted, first,
                    Math.Max(first, nowMs));
                Persist_NeedsLock(_pending);
            }

            (_counted, _lastReadMs) = (count, nowMs);
            return _pending;
        }
    }

    /// <summary>Removes the counts that the registrar has accepted. Later answers are reported separately.</summary>
    public void Drop(FailOpenTotals? reported)
    {
        lock (_lock)
        {
            if (reported is null || _pending is null) return;

            _pending = _pending == reported ? null
                : new FailOpenTotals(_pending.Answers - reported.Answers, reported.LastMs, _pending.LastMs);
            Persist_NeedsLock(_pending);
        }
    }

    /// <summary>Writes the newest counts to the disk before the process ends.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Pending();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var tick = new PeriodicTimer(Limits.DenialLogInterval, _time);
        try
        {
            while (await tick.WaitForNextTickAsync(stoppingToken)) Pending();
        }
        catch (OperationCanceledException)
        {
            // The host is stopping.
        }
    }

    private void Persist_NeedsLock(FailOpenTotals? pending) => TryFile(() =>
    {
        if (pending is null) File.Delete(_path);
        else AtomicFile.Write(_path, Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{pending.Answers} {pending.FirstMs} {pending.LastMs} .")));
    });

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)
        && number is > 0 and < 253_402_300_799_000;

    private void TryFile(Action act)
    {
        try
        {
            act();
            _diskFails = false;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            if (!_diskFails) PersistFailed(_log, fault.Message);
            _diskFails = true;
        }
    }

    [LoggerMessage(EventId = 3029, Level = LogLevel.Error,
        Message = "Cannot persist fail-open counters ({Why}); they are still reported to the registrar")]
    private static partial void PersistFailed(ILogger log, string why);
}
