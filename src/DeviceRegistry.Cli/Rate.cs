namespace DeviceRegistry.Cli;

/// <summary>How fast something went in the last seconds: what a person wants to know is now, not the average since the
/// beginning.</summary>
internal sealed class Rate(TimeProvider time)
{
    private static readonly TimeSpan Over = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MeantFrom = TimeSpan.FromMilliseconds(500);        // of less, it would be noise

    // Invariant: oldest first, SampleEvery apart, so at most 50 and the one before them.
    private readonly Queue<(long At, long Done)> _samples = new();
    private long _sampledAt;
    private long _done;

    /// <summary>Begins anew.</summary>
    public void Clear() => _samples.Clear();

    /// <summary>It has come so far.</summary>
    public void Add(long done)
    {
        _done = done;
        if (_samples.Count > 0 && time.GetElapsedTime(_sampledAt) < SampleEvery) return;

        _samples.Enqueue((_sampledAt = time.GetTimestamp(), done));
        Forget();
    }

    /// <summary>Up to now, so that it falls while nothing moves. 0: nothing moves, or it is too early to say.</summary>
    public double PerSecond()
    {
        Forget();
        if (!_samples.TryPeek(out var first)) return 0;

        var elapsed = time.GetElapsedTime(first.At);
        return elapsed < MeantFrom ? 0 : Math.Max(0, (_done - first.Done) / elapsed.TotalSeconds);
    }

    private void Forget()
    {
        while (_samples.Count > 1 && time.GetElapsedTime(_samples.Peek().At) > Over) _samples.Dequeue();
    }
}
