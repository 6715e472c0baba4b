namespace DeviceRegistry.Attach;

/// <summary>Whether the process has more to do than it can. A beat is queued behind everybody else's work; while it is late, so would an answer be, and a door says "busy" at once
/// in its own protocol instead of letting a queue grow past the caller's timer.</summary>
public sealed class LoadGauge : IDisposable
{
    private readonly TimeProvider _time;
    private readonly ITimer _beats;
    private long _beatAt;
    private long _shed;

    /// <summary>Beats from now on.</summary>
    public LoadGauge(TimeProvider time)
    {
        _time = time;
        _beatAt = time.GetTimestamp();
        _beats = time.CreateTimer(_ => Volatile.Write(ref _beatAt, time.GetTimestamp()), null, Limits.BeatEvery, Limits.BeatEvery);
    }

    /// <summary>Requests that were answered "busy".</summary>
    public long Shed => Interlocked.Read(ref _shed);

    /// <summary>True: answer "busy" and nothing else; it is counted. Allocates nothing.</summary>
    public bool Sheds()
    {
        if (_time.GetElapsedTime(Volatile.Read(ref _beatAt)) <= Limits.BeatLateMost) return false;

        Interlocked.Increment(ref _shed);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _beats.Dispose();
}
