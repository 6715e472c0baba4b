namespace DeviceRegistry.TestKit;

/// <summary>What code leaves for the collector.</summary>
public static class Allocation
{
    // Few enough that a queue of what was seen has room for all of them: where it is full, less is done.
    private const int Rounds = 10;
    private const int Each = 1_000;

    /// <summary>Bytes that a thousand calls allocate on this thread, once all that is paid once has been paid: the
    /// least of ten rounds, for code that is not compiled for good yet may allocate what it never does later.</summary>
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
