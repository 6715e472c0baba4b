using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Faults.Tests;

/// <summary>What a kind of write does when nothing goes wrong: the points it passes and the rows it adds. The measure for what it does when something does.</summary>
internal sealed record Control(WriteKind Kind, IReadOnlyList<string> Points, IReadOnlyDictionary<string, long> Added)
{
    /// <summary>Every point of a write in the code; those of a node taking entries are its own.</summary>
    public static IReadOnlyList<string> AllPoints { get; } = [.. Enum.GetNames<SyncPoint>().Where(p => !IsOfNode(p))];

    private static List<Control> _all = [];

    /// <summary>Of each kind there is: found out once, in the first world that asks; they are the same in every other.</summary>
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

        // The node in the same process passes points of its own whenever it likes.
        return new Control(kind, [.. reached.Where(p => !IsOfNode(p)).Distinct()], (await world.StateAsync()).AddedTo(before));
    }

    private static bool IsOfNode(string point) => point.StartsWith("Node", StringComparison.Ordinal);
}
