namespace DeviceRegistry.Attach;

/// <summary>Checks a second by door: the mean of the last ten seconds.</summary>
public sealed class CheckRate : IDisposable
{
    private const int Seconds = 10;
    private readonly CheckCounters _counters;
    private readonly TimeProvider _time;
    private readonly ITimer _ticks;
    private readonly Lock _lock = new();
    private readonly Queue<(long At, long[] Totals)> _samples = new();

    /// <summary>Counts from now on.</summary>
    public CheckRate(CheckCounters counters, TimeProvider time)
    {
        (_counters, _time) = (counters, time);
        Sample();
        _ticks = time.CreateTimer(_ => Sample(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>Checks a second through a door.</summary>
    public double Of(CheckInterface door)
    {
        lock (_lock)
        {
            var (at, totals) = _samples.Peek();
            var elapsed = _time.GetElapsedTime(at).TotalSeconds;
            return elapsed > 0 ? (_counters.TotalOf(door) - totals[(int)door]) / elapsed : 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _ticks.Dispose();

    private void Sample()
    {
        lock (_lock)
        {
            _samples.Enqueue((_time.GetTimestamp(), [.. Enum.GetValues<CheckInterface>().Select(_counters.TotalOf)]));
            if (_samples.Count > Seconds) _samples.Dequeue();
        }
    }
}
