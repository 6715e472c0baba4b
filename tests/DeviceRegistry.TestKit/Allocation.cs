namespace DeviceRegistry.TestKit;

/// <summary>Measures heap allocations of code under test.</summary>
public static class Allocation
{
    // Few enough rounds that a sightings queue has space for every call: a full queue does less work.
    private const int Rounds = 10;
    private const int Each = 1_000;

    /// <summary>Bytes that a thousand calls allocate on this thread after warm-up: the minimum of ten rounds, because
    /// code that is not fully optimized yet may allocate more.</summary>
    public static long ByAThousand(Action act)
    {
        var least = long.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < Each; i++) act();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
