using DeviceRegistry.TestKit;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>PostgreSQL has no room left for the registry's tables.</summary>
[CancelAfter(300_000)]
public sealed class FullDiskTests
{
    private const string Tablespace = "tight";

    [Test]
    public async Task A_write_for_which_there_is_no_room_leaves_nothing_and_is_done_once_there_is(CancellationToken ct)
    {
        using var disk = SmallDisk.OfMegabytes(64);
        await using (var world = await World.CreateAsync(await TightDatabaseAsync(disk)))
        {
            var send = WriteKind.Batch(world, 20_000);
            var before = await world.StateAsync();
            disk.Fill();

            var refusal = Assert.ThrowsAsync<RpcException>(async () => await send(world))!;
            Assert.That((refusal.StatusCode, refusal.Status.Detail), Is.EqualTo((StatusCode.Unavailable, "The registrar's database lacks disk, memory or connections. Nothing was lost; send the same call again.")));
            Assert.That(await world.StateAsync(), Is.EqualTo(before));

            disk.Free();
            var answer = await world.AnsweredAsync(send, ct);
            Assert.That((await world.StateAsync())["imeis"].Rows - before["imeis"].Rows, Is.EqualTo(40_000));
            Assert.That(await send(world), Is.EqualTo(answer));
            await world.AssertLedgerHoldsAsync(ct);
        }

        await Ground.Cluster.ExecuteAsync($"DROP TABLESPACE {Tablespace}");
    }

    private static async Task<string> TightDatabaseAsync(SmallDisk disk)
    {
        var folder = Path.Combine(disk.Folder, "tables");
        Directory.CreateDirectory(folder);
        if (Ground.Cluster.Places.OsUser.Length > 0) Assert.That((await Scripts.RunAsync("/", "chown", [Ground.Cluster.Places.OsUser, folder])).Code, Is.Zero);
        await Ground.Cluster.ExecuteAsync($"CREATE TABLESPACE {Tablespace} LOCATION '{folder}'");
        var database = await Ground.Cluster.CloneAsync();
        await Ground.Cluster.ExecuteAsync($"ALTER DATABASE {database} SET TABLESPACE {Tablespace}");
        return database;
    }
}
