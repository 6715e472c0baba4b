using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>Whether the process has more to do than it can. A beat is queued behind everybody else's work; while it is
/// late, so would an answer be, and a door says "busy" at once in its own protocol instead of letting a queue grow past
/// the caller's timer.</summary>
public sealed class OverloadDetector : IDisposable
{
    private readonly TimeProvider _time;
    private readonly ITimer _beats;
    private long _beatAt;
    private long _shed;
    private int _calls;
    private int _streams;

    /// <summary>Beats from now on.</summary>
    public OverloadDetector(TimeProvider time)
    {
        _time = time;
        _beatAt = time.GetTimestamp();
        _beats = time.CreateTimer(_ => Volatile.Write(ref _beatAt, time.GetTimestamp()), null, Limits.BeatEvery,
            Limits.BeatEvery);
    }

    /// <summary>Requests that were answered "busy".</summary>
    public long Shed => Interlocked.Read(ref _shed);

    /// <summary>Streams of checks that are open.</summary>
    public int Streams => Volatile.Read(ref _streams);

    /// <summary>True: answer "busy" and nothing else; it is counted. Allocates nothing.</summary>
    public bool Sheds()
    {
        if (_time.GetElapsedTime(Volatile.Read(ref _beatAt)) <= Limits.BeatLateMost) return false;

        Interlocked.Increment(ref _shed);
        return true;
    }

    /// <summary>What "busy" is at a gRPC door.</summary>
    internal static RegistryException Busy() =>
        new(RegistryError.NodeBusy,
            "This attach node has more to do than it can. Nothing was decided: ask another node of your operator, or " +
            "this one again later.") { RetryAfter = Limits.BusyFor };

    /// <summary>A call comes in, a stream being one. False: answer "busy"; it has been counted, and does not end. True:
    /// it ends with <see cref="CallEnds"/>.</summary>
    internal bool CallBegins()
    {
        if (Sheds()) return false;
        if (Interlocked.Increment(ref _calls) <= Limits.CallsUnderWayMost) return true;

        Interlocked.Decrement(ref _calls);
        Interlocked.Increment(ref _shed);
        return false;
    }

    /// <summary>A call has ended.</summary>
    internal void CallEnds() => Interlocked.Decrement(ref _calls);

    /// <summary>A stream of checks has been opened.</summary>
    internal void StreamBegins() => Interlocked.Increment(ref _streams);

    /// <summary>A stream of checks has ended.</summary>
    internal void StreamEnds() => Interlocked.Decrement(ref _streams);

    /// <inheritdoc/>
    public void Dispose() => _beats.Dispose();
}
