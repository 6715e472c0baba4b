using System.Runtime.CompilerServices;

namespace DeviceRegistry.Benchmarks;

/// <summary>Live heap bytes of one object and everything it refers to.</summary>
internal static class LiveHeap
{
    /// <summary>Allowed relative difference between the bytes at construction and at release.</summary>
    private const double Tolerance = 0.05;

    /// <summary>Constructs an object, uses it, releases it, and returns its bytes. Each reading follows a full
    /// collection. The object is measured twice, as growth at its construction and as shrinkage at its release: any
    /// other change of the heap in between shows as a difference.</summary>
    /// <exception cref="FigureException">The two differ, or one is not above zero.</exception>
    public static double Measure<T>(string figure, Func<T> construct, Action<T> use) where T : class
    {
        var held = new StrongBox<T?>();
        var empty = Live();
        Construct(held, construct);
        var full = Live();
        Use(held, use);
        var used = Live();
        held.Value = null;
        var released = Live();

        var grown = Figure.Require(figure, full - empty);
        var shrunk = Figure.Require(figure, used - released);
        return Math.Abs(grown - shrunk) <= Tolerance * grown ? grown : throw new FigureException(figure,
            $"the heap grew by {grown:N0} bytes at its construction and shrank by {shrunk:N0} at its release");
    }

    // Separate methods, so that the caller's frame keeps no reference to the object.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Construct<T>(StrongBox<T?> held, Func<T> construct)
        where T : class => held.Value = construct();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Use<T>(StrongBox<T?> held, Action<T> use) where T : class => use(held.Value!);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double Live()
    {
        // Twice: the second collection frees the objects that the first one queued for finalization.
        for (var i = 0; i < 2; i++)
        {
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(forceFullCollection: false);
    }
}
