namespace DeviceRegistry.Cli;

/// <summary>One stage of a long operation: "sending units.csv" while it runs, "sent units.csv" when it has finished. A
/// stage without a quantity shows only its time.</summary>
/// <param name="Doing">Label while the stage runs.</param>
/// <param name="Done">Label when the stage has finished.</param>
/// <param name="Quantity">What the stage counts; null if nothing.</param>
/// <param name="From">Amount done by an earlier run.</param>
/// <param name="IsAside">Whether its end is printed only if it took longer than a second.</param>
internal sealed record Stage(string Doing, string Done, Quantity? Quantity, long From = 0, bool IsAside = false);

/// <summary>Progress of a long operation, on the error stream. A terminal shows one line, repainted in place; other
/// outputs get a line at the end of each stage and one every 10 s while a stage runs; with JSON nothing is printed.
/// Thread-safe.</summary>
internal sealed class Progress : IDisposable
{
    private const int BarCells = 24;
    private const int UsualWidth = 80;
    // nobody reads faster updates
    private static readonly TimeSpan PaintEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan WorthALine = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RemainingMax = TimeSpan.FromDays(1);

    private readonly Lock _lock = new();
    private readonly TimeProvider _time = TimeProvider.System;
    private readonly bool _isShown;
    private readonly bool _repaints;
    private readonly ITimer? _timer;
    private readonly Rate _rate = new(TimeProvider.System);

    private Stage? _stage;
    private long _done;
    private long _total;
    private long _began;
    private long _shownAt;
    private long _printedAt;
    private bool _interrupted;
    private int _painted;

    public Progress(Output output)
    {
        _isShown = !output.IsJson;
        _repaints = _isShown && !Console.IsErrorRedirected;
        if (_isShown) _timer = _time.CreateTimer(_ => Tick(), null, PaintEvery, PaintEvery);
    }

    /// <summary>Reports progress. A stage other than the current one ends the current one. A total of 0 means
    /// unknown.</summary>
    public void Show(Stage stage, long done, long total = 0)
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            if (_stage != stage)
            {
                EndStage_NeedsLock();
                (_stage, _began, _printedAt) = (stage, now, now);
                _rate.Clear();
            }

            (_done, _total, _shownAt, _interrupted) = (done, total, now, false);
            _rate.Add(done);
        }
    }

    /// <summary>Prints a line at once; the stage is interrupted until it is shown again.</summary>
    public void PrintLine(string line)
    {
        lock (_lock)
        {
            _interrupted = true;
            _rate.Clear();
            Line_NeedsLock(line);
        }
    }

    /// <summary>Ends the last stage.</summary>
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
            if (_repaints) Paint_NeedsLock(stage);
            else if (_time.GetElapsedTime(_printedAt) >= LineEvery)
            {
                _printedAt = _time.GetTimestamp();
                Line_NeedsLock($"{stage.Doing}: {string.Join(", ", Parts_NeedsLock(stage))}");
            }
        }
    }

    private void EndStage_NeedsLock()
    {
        var (stage, wasInterrupted) = (_stage, _interrupted);
        (_stage, _interrupted) = (null, false);
        Wipe_NeedsLock();
        if (stage is null || wasInterrupted || _repaints) return;

        // A stage that another one follows is complete, even if its last report is older than its end.
        var elapsed = _done == _total ? _time.GetElapsedTime(_began, _shownAt) : _time.GetElapsedTime(_began);
        var amount = stage.Quantity is { } quantity ? $"{quantity.Text(Math.Max(_done, _total) - stage.From)} in " : "";
        if (!stage.IsAside || elapsed > WorthALine) Line_NeedsLock($"{stage.Done}: {amount}{Quantity.Time(elapsed)}");
    }

    private void Paint_NeedsLock(Stage stage)
    {
        var filled = _total > 0 ? (int)(BarCells * Math.Min(_done, _total) / _total) : 0;
        var bar = _total > 0 ? $" [{new string('#', filled)}{new string('-', BarCells - filled)}]" : "";
        var line = $"{stage.Doing}{bar}  {string.Join("  ", Parts_NeedsLock(stage))}";
        var width = Console.WindowWidth is > 0 and var known ? known : UsualWidth;      // some terminals report none
        // a wrapped line cannot be repainted
        if (line.Length >= width) line = line[..(width - 1)];
        Console.Error.Write($"\r{line.PadRight(_painted)}");
        _painted = line.Length;
    }

    private IEnumerable<string> Parts_NeedsLock(Stage stage)
    {
        if (stage.Quantity is not { } quantity) return [Quantity.Time(_time.GetElapsedTime(_began))];

        var perSecond = _rate.PerSecond();
        var left = _total > _done && perSecond > 0
            ? TimeSpan.FromSeconds(Math.Min((_total - _done) / perSecond, RemainingMax.TotalSeconds)) : (TimeSpan?)null;
        string[] parts =
        [
            _total > 0 ? $"{100 * Math.Min(_done, _total) / _total} %" : "",
            _total > 0 ? quantity.Text(_done, _total) : quantity.Text(_done),
            perSecond > 0 ? $"{quantity.Text(perSecond)}/s" : "",
            left is { TotalSeconds: >= 1 } time ? $"{Quantity.Time(time)} left" : "",
        ];
        return parts.Where(p => p.Length > 0);
    }

    private void Line_NeedsLock(string line)
    {
        Wipe_NeedsLock();
        if (_isShown) Console.Error.WriteLine(line);
    }

    private void Wipe_NeedsLock()
    {
        if (_painted is 0) return;

        Console.Error.Write($"\r{new string(' ', _painted)}\r");
        _painted = 0;
    }
}
