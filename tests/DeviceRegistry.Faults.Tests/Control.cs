using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Faults.Tests;

/// <summary>What a kind of write does without a fault: the sync points it passes and the rows it adds to each table.
/// Tests with a fault compare their result with it.</summary>
internal sealed record Control(WriteKind Kind, IReadOnlyList<string> Points, IReadOnlyDictionary<string, long> Added)
{
    /// <summary>Every sync point of a write in the code. The points of a node that applies entries and of the order
    /// clock have their own tests.</summary>
    public static IReadOnlyList<string> AllPoints { get; } =
        [.. Enum.GetNames<SyncPoint>().Where(p => !IsBackground(p))];

    /// <summary>Whether today's run injects a fault at a point. The points that every write passes, and those of
    /// uploads and batches, where something is durable already, are tested every day. The other points lie within one
    /// transaction and are equivalent for the database; a third of them is tested each day.</summary>
    public static bool IsTestedToday(string point) =>
        point.StartsWith("Write", StringComparison.Ordinal) || point.StartsWith("Upload", StringComparison.Ordinal)
            || point.StartsWith("Batch", StringComparison.Ordinal)
        || (int)Enum.Parse<SyncPoint>(point) % 3 == Today % 3;

    private static readonly int Today = TimeProvider.System.GetUtcNow().DayOfYear;

    private static List<Control> _all = [];

    /// <summary>Control runs of all kinds. Measured once, in the first world that asks; the result is the same in every
    /// other world.</summary>
    public static async Task<IReadOnlyList<Control>> OfAllAsync(World world)
    {
        if (_all.Count > 0) return _all;

        var all = new List<Control>();
        foreach (var kind in WriteKind.All) all.Add(await OfAsync(world, kind));
        return _all = all;
    }

    /// <summary>Runs one write of a kind without a fault and records what it does.</summary>
    public static async Task<Control> OfAsync(World world, WriteKind kind)
    {
        var send = await kind.PrepareAsync(world);
        var before = await world.StateAsync();
        IMessage? answer = null;
        var reached = await world.Breakpoint.ReachedDuringAsync(async () => answer = await send(world));
        world.Acknowledged(kind, send, answer!);

        // The node in the same process and the order clock pass sync points of their own at any time.
        return new Control(kind, [.. reached.Where(p => !IsBackground(p)).Distinct()], (await world.StateAsync())
            .AddedTo(before));
    }

    private static bool IsBackground(string point) =>
        point.StartsWith("Node", StringComparison.Ordinal) || point.StartsWith("Clock", StringComparison.Ordinal);
}
