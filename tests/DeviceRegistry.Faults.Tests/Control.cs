using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Faults.Tests;

/// <summary>What a kind of write does when nothing goes wrong: the points it passes and the rows it adds. The measure for what it does when something does.</summary>
internal sealed record Control(IReadOnlyList<string> Points, IReadOnlyDictionary<string, long> Added)
{
    /// <summary>On either side of the commit, where it matters most.</summary>
    private static readonly string[] AroundTheCommit = [nameof(SyncPoint.WriteJournalled), nameof(SyncPoint.WriteCommitted)];

    public static async Task<Control> OfAsync(World world, WriteKind kind)
    {
        var send = await kind.PrepareAsync(world);
        var before = await world.StateAsync();
        IMessage? answer = null;
        var reached = await world.Hold.ReachedDuringAsync(async () => answer = await send(world));
        world.Ledger.Add((send, answer!));

        // The node in the same process passes points of its own whenever it likes.
        return new Control([.. reached.Where(p => !p.StartsWith("Node", StringComparison.Ordinal)).Distinct()], (await world.StateAsync()).AddedTo(before));
    }

    /// <summary>The last two points of every write, and those that none before passed.</summary>
    public IReadOnlyList<string> PointsNotIn(ISet<string> seen) => [.. Points.Where(p => seen.Add(p) || AroundTheCommit.Contains(p))];
}
