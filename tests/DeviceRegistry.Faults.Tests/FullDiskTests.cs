using DeviceRegistry.TestKit;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>PostgreSQL has no room left for the registry's tables.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class FullDiskTests
{
    private const string Tablespace = "tight";

    [Test]
    public async Task A_batch_for_which_there_is_no_room_counts_for_nobody_and_goes_on_once_there_is(
        CancellationToken ct)
    {
        using var disk = SmallDisk.OfMegabytes(64);
        await using (var world = await World.CreateAsync(await TightDatabaseAsync(disk)))
        {
            var maker = world.As("maker-a");
            var file = TestImei.DualSim(20_000).File;
            var header = Batches.Of(WriteKind.Header(world), file);
            var before = await world.StateAsync();
            var batch = await Batches.OpenAsync(maker, header);

            // 1. No room for its file: its sender is told, and goes on from what is durable.
            disk.Fill();
            var refusal = (await Assert.ThrowsAsync<RpcException>(async () =>
                await Batches.SendAsync(maker, batch, file)))!;
            Assert.That((refusal.StatusCode, refusal.Status.Detail),
                Is.EqualTo((StatusCode.Unavailable,
                "The registrar's database lacks disk, memory or connections. Nothing was lost; send the same call " +
                "again.")));
            disk.Free();
            await Batches.SendAsync(maker, await Batches.OpenAsync(maker, header), file);

            // 2. No room for its units: the registrar tries until there is.
            disk.Fill();
            await Batches.SealAsync(maker, batch.BatchNumber);
            while (!world.Server.Output.Contains("was cut short", StringComparison.Ordinal))
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, ct);
            Assert.That((await world.StateAsync()).WhatCounts(), Is.EqualTo(before.WhatCounts()));
            disk.Free();
            var answer = await world.AnsweredAsync(w => WriteKind.SendBatchAsync(w.As("maker-a"), header, file), ct);

            Assert.That((await world.StateAsync())["imeis"].Rows - before["imeis"].Rows, Is.EqualTo(40_000));
            Assert.That(await WriteKind.SendBatchAsync(maker, header, file), Is.EqualTo(answer));
            await world.AssertChainIsWholeAsync(ct);
        }

        await Ground.Cluster.ExecuteAsync($"DROP TABLESPACE {Tablespace}");
    }

    private static async Task<string> TightDatabaseAsync(SmallDisk disk)
    {
        var folder = Path.Combine(disk.Folder, "tables");
        Directory.CreateDirectory(folder);
        if (Ground.Cluster.Places.OsUser.Length > 0) Assert.That(
            (await Scripts.RunAsync("/", "chown", [Ground.Cluster.Places.OsUser, folder])).Code, Is.Zero);
        await Ground.Cluster.ExecuteAsync($"CREATE TABLESPACE {Tablespace} LOCATION '{folder}'");
        var database = await Ground.Cluster.CloneAsync();
        await Ground.Cluster.ExecuteAsync($"ALTER DATABASE {database} SET TABLESPACE {Tablespace}");
        return database;
    }
}
