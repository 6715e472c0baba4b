namespace DeviceRegistry.Cli;

/// <summary>Rate over the last 5 seconds: a user wants the current rate, not the average since the start.</summary>
internal sealed class Rate(TimeProvider time)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SampleEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SpanMin = TimeSpan.FromMilliseconds(500);          // a shorter span is noise

    // Invariant: oldest first, SampleEvery apart, so at most 50 and the one before them.
    private readonly Queue<(long At, long Done)> _samples = new();
    private long _sampledAt;
    private long _done;

    /// <summary>Drops all samples.</summary>
    public void Clear() => _samples.Clear();

    /// <summary>Adds a sample; <paramref name="done"/> is the total so far.</summary>
    public void Add(long done)
    {
        _done = done;
        if (_samples.Count > 0 && time.GetElapsedTime(_sampledAt) < SampleEvery) return;

        _samples.Enqueue((_sampledAt = time.GetTimestamp(), done));
        DropOldSamples();
    }

    /// <summary>The rate up to now, so that it falls while nothing moves. 0 if nothing moves, or if the samples cover
    /// less than 0.5 s.</summary>
    public double PerSecond()
    {
        DropOldSamples();
        if (!_samples.TryPeek(out var first)) return 0;

        var elapsed = time.GetElapsedTime(first.At);
        return elapsed < SpanMin ? 0 : Math.Max(0, (_done - first.Done) / elapsed.TotalSeconds);
    }

    private void DropOldSamples()
    {
        while (_samples.Count > 1 && time.GetElapsedTime(_samples.Peek().At) > Window) _samples.Dequeue();
    }
}
