namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>Limits the checks that one connection may send per second. Allocates nothing. Two threads at the start of a
/// second may let one check too many pass.</summary>
public sealed class ConnectionRateLimiter
{
    /// <summary>Key of the limiter among the items of a connection; it is set before the first request.</summary>
    public static readonly object Item = new();

    private long _second;
    private int _used;

    /// <summary>Returns false if the connection has used up its limit for this second.</summary>
    internal bool TryTake(int max, TimeProvider time)
    {
        var now = time.GetTimestamp() / time.TimestampFrequency;
        if (Volatile.Read(ref _second) != now)
        {
            Volatile.Write(ref _second, now);
            Volatile.Write(ref _used, 0);
        }

        return Interlocked.Increment(ref _used) <= max;
    }
}
