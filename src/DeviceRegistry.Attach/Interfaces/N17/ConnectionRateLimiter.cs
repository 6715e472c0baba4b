namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>How many checks one connection has had answered in the current second. Allocates nothing; two threads at
/// the turn of a second may let one check too many pass.</summary>
public sealed class ConnectionRateLimiter
{
    /// <summary>Where a connection has its own among its items, from before its first request on.</summary>
    public static readonly object Item = new();

    private long _second;
    private int _used;

    /// <summary>False: it has had its share of this second.</summary>
    internal bool TryTake(int most, TimeProvider time)
    {
        var now = time.GetTimestamp() / time.TimestampFrequency;
        if (Volatile.Read(ref _second) != now)
        {
            Volatile.Write(ref _second, now);
            Volatile.Write(ref _used, 0);
        }

        return Interlocked.Increment(ref _used) <= most;
    }
}
