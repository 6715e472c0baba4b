using DeviceRegistry.TestKit;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>The tablespace of PostgreSQL is full.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class FullDiskTests
{
    private const string Tablespace = "tight";

    [Test]
    public async Task A_batch_continues_after_a_full_disk_has_space_again(CancellationToken ct)
    {
        using var disk = SmallDisk.OfMegabytes(64);
        await using (var world = await World.CreateAsync(await TightDatabaseAsync(disk)))
        {
            var maker = world.As("maker-a");
            var file = TestImei.DualSim(20_000).File;
            var header = Batches.Of(WriteKind.Header(world), file);
            var before = await world.StateAsync();
            var batch = await Batches.OpenAsync(maker, header);

            // 1. No disk space for the file: the upload fails with UNAVAILABLE and resumes after the last durable
            // chunk.
            disk.Fill();
            var refusal = (await Assert.ThrowsAsync<RpcException>(async () =>
                await Batches.SendAsync(maker, batch, file)))!;
            using (Assert.EnterMultipleScope())
            {
                Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.Unavailable));
                Assert.That(refusal.Status.Detail,
                    Is.EqualTo(
                    "The registrar's database lacks disk, memory or connections. Nothing was lost; send the same call "
                    + "again."));
            }

            disk.Free();
            await Batches.SendAsync(maker, await Batches.OpenAsync(maker, header), file);

            // 2. No disk space for the units: the registrar retries until there is.
            disk.Fill();
            await Batches.SealAsync(maker, batch.BatchNumber);
            while (!world.Server.Output.Contains("processing interrupted", StringComparison.Ordinal))
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, ct);
            Assert.That((await world.StateAsync()).FinalTables(), Is.EqualTo(before.FinalTables()));
            disk.Free();
            var answer = await world.AnsweredAsync(w => WriteKind.SendBatchAsync(w.As("maker-a"), header, file), ct);

            Assert.That((await world.StateAsync())["imeis"].Rows - before["imeis"].Rows, Is.EqualTo(40_000));
            Assert.That(await WriteKind.SendBatchAsync(maker, header, file), Is.EqualTo(answer));
            await world.AssertChainIntactAsync(ct);
        }

        await TestPostgres.Cluster.ExecuteAsync($"DROP TABLESPACE {Tablespace}");
    }

    private static async Task<string> TightDatabaseAsync(SmallDisk disk)
    {
        var folder = Path.Combine(disk.Folder, "tables");
        Directory.CreateDirectory(folder);
        if (TestPostgres.Cluster.Places.OsUser.Length > 0) Assert.That(
            (await Scripts.RunAsync("/", "chown", [TestPostgres.Cluster.Places.OsUser, folder])).Code, Is.Zero);
        await TestPostgres.Cluster.ExecuteAsync($"CREATE TABLESPACE {Tablespace} LOCATION '{folder}'");
        var database = await TestPostgres.Cluster.CloneAsync();
        await TestPostgres.Cluster.ExecuteAsync($"ALTER DATABASE {database} SET TABLESPACE {Tablespace}");
        return database;
    }
}
