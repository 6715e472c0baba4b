using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>Detects overload with a scheduling-delay probe: a timer callback is queued behind all other work of the
/// process. While the callback is late, an answer would be late as well, so the interfaces reject checks at once, each
/// with its protocol's own error, before a queue exceeds the client's timer. Thread-safe.</summary>
public sealed class OverloadDetector : IDisposable
{
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private long _tickedAt;
    private long _shed;
    private int _calls;
    private int _streams;

    /// <summary>Starts the probe.</summary>
    public OverloadDetector(TimeProvider time)
    {
        _time = time;
        _tickedAt = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Volatile.Write(ref _tickedAt, time.GetTimestamp()), null, Limits.ProbeInterval,
            Limits.ProbeInterval);
    }

    /// <summary>Requests that were rejected.</summary>
    public long Shed => Interlocked.Read(ref _shed);

    /// <summary>Open check streams.</summary>
    public int Streams => Volatile.Read(ref _streams);

    /// <summary>Whether to reject a request now; a rejection is counted. Allocates nothing.</summary>
    public bool ShouldShed()
    {
        if (_time.GetElapsedTime(Volatile.Read(ref _tickedAt)) <= Limits.ProbeDelayMax) return false;

        Interlocked.Increment(ref _shed);
        return true;
    }

    /// <summary>The gRPC error of an overloaded node.</summary>
    internal static RegistryException Overloaded() =>
        new(RegistryError.NodeBusy,
            "This attach node has more to do than it can. Nothing was decided: ask another node of your operator, or " +
            "this one again later.")
        { RetryAfter = Limits.OverloadRetryAfter };

    /// <summary>Registers a call; a stream is one call. Returns false if the call must be rejected; the rejection is
    /// counted, and <see cref="CallEnds"/> must not be called. Returns true if <see cref="CallEnds"/> must be called at
    /// its end.</summary>
    internal bool CallBegins()
    {
        if (ShouldShed()) return false;
        if (Interlocked.Increment(ref _calls) <= Limits.ConcurrentCallsMax) return true;

        Interlocked.Decrement(ref _calls);
        Interlocked.Increment(ref _shed);
        return false;
    }

    internal void CallEnds() => Interlocked.Decrement(ref _calls);

    internal void StreamBegins() => Interlocked.Increment(ref _streams);

    internal void StreamEnds() => Interlocked.Decrement(ref _streams);

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();
}
