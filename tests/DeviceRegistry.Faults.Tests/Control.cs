using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Faults.Tests;

/// <summary>What a kind of write does when nothing goes wrong: the points it passes and the rows it adds. The measure
/// for what it does when something does.</summary>
internal sealed record Control(WriteKind Kind, IReadOnlyList<string> Points, IReadOnlyDictionary<string, long> Added)
{
    /// <summary>Every point of a write in the code; those of a node taking entries, and of the clock of orders, are
    /// their own.</summary>
    public static IReadOnlyList<string> AllPoints { get; } = [.. Enum.GetNames<SyncPoint>().Where(p => !IsOfItself(p))];

    /// <summary>Whether the server and PostgreSQL are killed, or cut off from each other, at a point today. At those of
    /// every write, of uploads and of batches, where something is durable already, always; of the others, which lie
    /// within one transaction and are alike to the database, a third each day.</summary>
    public static bool IsOfToday(string point) =>
        point.StartsWith("Write", StringComparison.Ordinal) || point.StartsWith("Upload", StringComparison.Ordinal)
            || point.StartsWith("Batch", StringComparison.Ordinal)
        || (int)Enum.Parse<SyncPoint>(point) % 3 == Today % 3;

    private static readonly int Today = TimeProvider.System.GetUtcNow().DayOfYear;

    private static List<Control> _all = [];

    /// <summary>Of each kind there is: found out once, in the first world that asks; they are the same in every
    /// other.</summary>
    public static async Task<IReadOnlyList<Control>> OfAllAsync(World world)
    {
        if (_all.Count > 0) return _all;

        var all = new List<Control>();
        foreach (var kind in WriteKind.All) all.Add(await OfAsync(world, kind));
        return _all = all;
    }

    /// <summary>Of one kind: done once, undisturbed, and recorded.</summary>
    public static async Task<Control> OfAsync(World world, WriteKind kind)
    {
        var send = await kind.PrepareAsync(world);
        var before = await world.StateAsync();
        IMessage? answer = null;
        var reached = await world.Hold.ReachedDuringAsync(async () => answer = await send(world));
        world.Acknowledged(kind, send, answer!);

        // The node in the same process, and the clock, pass points of their own whenever they like.
        return new Control(kind, [.. reached.Where(p => !IsOfItself(p)).Distinct()], (await world.StateAsync())
            .AddedTo(before));
    }

    private static bool IsOfItself(string point) =>
        point.StartsWith("Node", StringComparison.Ordinal) || point.StartsWith("Clock", StringComparison.Ordinal);
}
