namespace DeviceRegistry.Attach;

/// <summary>Checks per second of each interface: the mean of the last ten seconds.</summary>
public sealed class CheckRate : IDisposable
{
    private const int Seconds = 10;
    private readonly CheckCounters _counters;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private readonly Queue<(long At, long[] Totals)> _samples = new();

    /// <summary>Starts counting.</summary>
    public CheckRate(CheckCounters counters, TimeProvider time)
    {
        (_counters, _time) = (counters, time);
        Sample();
        _timer = time.CreateTimer(_ => Sample(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>Checks per second of one interface.</summary>
    public double Of(CheckInterface via)
    {
        lock (_lock)
        {
            var (at, totals) = _samples.Peek();
            var elapsed = _time.GetElapsedTime(at).TotalSeconds;
            return elapsed > 0 ? (_counters.TotalOf(via) - totals[(int)via]) / elapsed : 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Sample()
    {
        lock (_lock)
        {
            _samples.Enqueue((_time.GetTimestamp(), [.. Enum.GetValues<CheckInterface>().Select(_counters.TotalOf)]));
            if (_samples.Count > Seconds) _samples.Dequeue();
        }
    }
}
