using System.Globalization;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>Checks that were let through because the node's knowledge was too old.</summary>
/// <param name="Answers">How many.</param>
/// <param name="FirstMs">Since when, ms since 1970, to a second.</param>
/// <param name="LastMs">Until when.</param>
internal sealed record FailOpenTotals(long Answers, long FirstMs, long LastMs);

/// <summary>Counts, off the answer's path, what was answered FAIL_OPEN since the registrar last took a report of it; on
/// the disk, since a node that is cut off may be restarted before it can tell.</summary>
internal sealed partial class FailOpenLog : BackgroundService
{
    private readonly CheckCounters _counters;
    private readonly TimeProvider _time;
    private readonly ILogger<FailOpenLog> _log;
    private readonly string _path;
    private readonly Lock _lock = new();
    private FailOpenTotals? _waiting;
    private long _seen;
    private long _lookedAtMs;
    private bool _diskFails;

    /// <summary>Finds what an earlier process left.</summary>
    public FailOpenLog(CheckCounters counters, string folder, TimeProvider time, ILogger<FailOpenLog> log)
    {
        (_counters, _time, _log, _path) = (counters, time, log, Path.Combine(folder, "fail-open"));
        _lookedAtMs = NowMs;
        TryDisk(() =>
        {
            // The dot says that the line is whole.
            if (File.Exists(_path) && File.ReadAllText(_path).Split(' ') is [var answers, var first, var last, "."]
                && TryNumber(answers, out var count) && TryNumber(first, out var from) && TryNumber(last, out var to))
                _waiting = new FailOpenTotals(count, from, to);
        });
    }

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>What waits to be told; null: nothing.</summary>
    public FailOpenTotals? Waiting()
    {
        lock (_lock)
        {
            var (count, nowMs) = (_counters.FailOpenTotals, NowMs);
            if (count > _seen)
            {
                // Since the last look; a clock that was set back makes it no longer.
                var first = _waiting?.FirstMs ?? Math.Min(_lookedAtMs, nowMs);
                _waiting = new FailOpenTotals((_waiting?.Answers ?? 0) + count - _seen, first, Math.Max(first, nowMs));
                Keep_NeedsLock(_waiting);
            }

            (_seen, _lookedAtMs) = (count, nowMs);
            return _waiting;
        }
    }

    /// <summary>The registrar took this. What came since is told by itself.</summary>
    public void Drop(FailOpenTotals? told)
    {
        lock (_lock)
        {
            if (told is null || _waiting is null) return;

            _waiting = _waiting == told ? null
                : new FailOpenTotals(_waiting.Answers - told.Answers, told.LastMs, _waiting.LastMs);
            Keep_NeedsLock(_waiting);
        }
    }

    /// <summary>What was answered last is on the disk before the process ends.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Waiting();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var tick = new PeriodicTimer(Limits.RefusalsEvery, _time);
        try
        {
            while (await tick.WaitForNextTickAsync(stoppingToken)) Waiting();
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    private void Keep_NeedsLock(FailOpenTotals? waiting) => TryDisk(() =>
    {
        if (waiting is null) File.Delete(_path);
        else AtomicFile.Write(_path, Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{waiting.Answers} {waiting.FirstMs} {waiting.LastMs} .")));
    });

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)
        && number is > 0 and < 253_402_300_799_000;

    private void TryDisk(Action act)
    {
        try
        {
            act();
            _diskFails = false;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            if (!_diskFails) NotKept(_log, fault.Message);
            _diskFails = true;
        }
    }

    [LoggerMessage(EventId = 3029, Level = LogLevel.Error,
        Message =
        "ALARM: how many checks were let through by old knowledge cannot be kept on the disk ({Why}); the registrar " +
        "is told all the same.")]
    private static partial void NotKept(ILogger log, string why);
}
