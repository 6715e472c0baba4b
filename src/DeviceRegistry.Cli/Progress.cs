namespace DeviceRegistry.Cli;

/// <summary>One part of something long: "sending units.csv" while it lasts, "sent units.csv" when it is over. Without a
/// measure only its time is told.</summary>
/// <param name="Doing">What is being done.</param>
/// <param name="Done">That it is done.</param>
/// <param name="Quantity">What is counted.</param>
/// <param name="From">How much of it was done by an earlier run.</param>
/// <param name="IsAside">Its end is worth a line only where it took a while.</param>
internal sealed record Stage(string Doing, string Done, Quantity? Quantity, long From = 0, bool IsAside = false);

/// <summary>How far something long has come, on the error stream. On a terminal one line that moves; elsewhere a plain
/// line at the end of each stage, and one now and then while a stage lasts; with JSON nothing. May be told from any
/// thread.</summary>
internal sealed class Progress : IDisposable
{
    private const int BarCells = 24;
    private const int UsualWidth = 80;
    // more often than eyes read costs time and nothing else
    private static readonly TimeSpan PaintEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan WorthALine = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LeftMost = TimeSpan.FromDays(1);

    private readonly Lock _lock = new();
    private readonly TimeProvider _time = TimeProvider.System;
    private readonly bool _tells;
    private readonly bool _moves;
    private readonly ITimer? _timer;
    private readonly Rate _rate = new(TimeProvider.System);

    private Stage? _stage;
    private long _done;
    private long _total;
    private long _began;
    private long _shownAt;
    private long _saidAt;
    private bool _interrupted;
    private int _painted;

    public Progress(Output output)
    {
        _tells = !output.IsJson;
        _moves = _tells && !Console.IsErrorRedirected;
        if (_tells) _timer = _time.CreateTimer(_ => Tick(), null, PaintEvery, PaintEvery);
    }

    /// <summary>It has come so far. Another stage than before ends that one. A total of 0 is not known.</summary>
    public void Show(Stage stage, long done, long total = 0)
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            if (_stage != stage)
            {
                EndStage_NeedsLock();
                (_stage, _began, _saidAt) = (stage, now, now);
                _rate.Clear();
            }

            (_done, _total, _shownAt, _interrupted) = (done, total, now, false);
            _rate.Add(done);
        }
    }

    /// <summary>Something to be known at once; the stage is interrupted until it is shown again.</summary>
    public void Say(string line)
    {
        lock (_lock)
        {
            _interrupted = true;
            _rate.Clear();
            Line_NeedsLock(line);
        }
    }

    /// <summary>All is done.</summary>
    public void End()
    {
        lock (_lock) EndStage_NeedsLock();
    }

    public void Dispose()
    {
        _timer?.Dispose();
        lock (_lock)
        {
            _stage = null;
            Wipe_NeedsLock();
        }
    }

    private void Tick()
    {
        lock (_lock)
        {
            if (_stage is not { } stage || _interrupted) return;
            if (_moves) Paint_NeedsLock(stage);
            else if (_time.GetElapsedTime(_saidAt) >= LineEvery)
            {
                _saidAt = _time.GetTimestamp();
                Line_NeedsLock($"{stage.Doing}: {string.Join(", ", Parts_NeedsLock(stage))}");
            }
        }
    }

    private void EndStage_NeedsLock()
    {
        var (stage, wasInterrupted) = (_stage, _interrupted);
        (_stage, _interrupted) = (null, false);
        Wipe_NeedsLock();
        if (stage is null || wasInterrupted || _moves) return;

        // One that is followed by another came to its end, even where its last report is older than that.
        var elapsed = _done == _total ? _time.GetElapsedTime(_began, _shownAt) : _time.GetElapsedTime(_began);
        var amount = stage.Quantity is { } measure ? $"{measure.Text(Math.Max(_done, _total) - stage.From)} in " : "";
        if (!stage.IsAside || elapsed > WorthALine) Line_NeedsLock($"{stage.Done}: {amount}{Quantity.Time(elapsed)}");
    }

    private void Paint_NeedsLock(Stage stage)
    {
        var filled = _total > 0 ? (int)(BarCells * Math.Min(_done, _total) / _total) : 0;
        var bar = _total > 0 ? $" [{new string('#', filled)}{new string('-', BarCells - filled)}]" : "";
        var line = $"{stage.Doing}{bar}  {string.Join("  ", Parts_NeedsLock(stage))}";
        var width = Console.WindowWidth is > 0 and var known ? known : UsualWidth;      // some terminals do not say
        // a line that wraps does not move
        if (line.Length >= width) line = line[..(width - 1)];
        Console.Error.Write($"\r{line.PadRight(_painted)}");
        _painted = line.Length;
    }

    private IEnumerable<string> Parts_NeedsLock(Stage stage)
    {
        if (stage.Quantity is not { } measure) return [Quantity.Time(_time.GetElapsedTime(_began))];

        var perSecond = _rate.PerSecond();
        var left = _total > _done && perSecond > 0
            ? TimeSpan.FromSeconds(Math.Min((_total - _done) / perSecond, LeftMost.TotalSeconds)) : (TimeSpan?)null;
        string[] parts =
        [
            _total > 0 ? $"{100 * Math.Min(_done, _total) / _total} %" : "",
            _total > 0 ? measure.Text(_done, _total) : measure.Text(_done),
            perSecond > 0 ? $"{measure.Text(perSecond)}/s" : "",
            left is { TotalSeconds: >= 1 } time ? $"{Quantity.Time(time)} left" : "",
        ];
        return parts.Where(p => p.Length > 0);
    }

    private void Line_NeedsLock(string line)
    {
        Wipe_NeedsLock();
        if (_tells) Console.Error.WriteLine(line);
    }

    private void Wipe_NeedsLock()
    {
        if (_painted is 0) return;

        Console.Error.Write($"\r{new string(' ', _painted)}\r");
        _painted = 0;
    }
}
