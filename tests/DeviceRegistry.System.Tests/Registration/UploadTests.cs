using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Client;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Grpc.Core;
using Npgsql;

namespace DeviceRegistry.System.Tests.Registration;

/// <summary>Uploads step by step: what is durable, what may be repeated, what is refused, and what remains of an
/// abandoned upload.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class UploadTests
{
    [Test]
    public async Task A_cut_upload_resumes_on_another_connection()
    {
        var file = TestImei.DualSim(50).File;
        var header = Batches.Of(Registry.Header(), file);
        var batch = await Batches.OpenAsync(Maker(), header);
        var begun = await Batches.SendAsync(Maker(), file.Chunk(500).Take(2)
            .Select((bytes, n) => Batches.Chunk(batch.BatchNumber, (uint)n + 1, bytes)));

        var again = await Batches.OpenAsync(Maker(), header);
        await Batches.SendAsync(Maker(), again, file, chunkBytes: 300);
        await Batches.SealAsync(Maker(), batch.BatchNumber);
        var end = await Batches.EndOfAsync(Maker(), batch.BatchNumber);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(begun, Is.EqualTo(2u));
            Assert.That(again.BatchNumber, Is.EqualTo(batch.BatchNumber));
            Assert.That(again.State, Is.EqualTo(BatchState.Open));
            Assert.That(again.NextChunk, Is.EqualTo(3u));
            Assert.That(again.DurableBytes, Is.EqualTo(1_000ul));
        }

        Assert.That(end.Receipt!.Units, Is.EqualTo(50));
    }

    [Test]
    public async Task A_repeated_chunk_is_acknowledged_and_stored_once()
    {
        var file = TestImei.DualSim(5).File;
        var batch = await Batches.OpenAsync(Maker(), Batches.Of(Registry.Header(), file));
        var chunk = Batches.Chunk(batch.BatchNumber, 1, file);

        var durable = await Batches.SendAsync(Maker(), [chunk, chunk, chunk]);
        await Batches.SealAsync(Maker(), batch.BatchNumber);
        var end = await Batches.EndOfAsync(Maker(), batch.BatchNumber);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(durable, Is.EqualTo(1u));
            Assert.That(end.Receipt?.Units, Is.EqualTo(5u));
        }
    }

    [Test]
    public async Task The_correct_chunk_is_accepted_after_a_refused_one()
    {
        var file = TestImei.DualSim(20).File;
        var batch = await Batches.OpenAsync(Maker(), Batches.Of(Registry.Header(), file));
        var chunks = file.Chunk(200).Select((bytes, n) => Batches.Chunk(batch.BatchNumber, (uint)n + 1, bytes))
            .ToList();
        await Batches.SendAsync(Maker(), chunks.Take(1));

        var early = await Registry.RefusalOfAsync(() => Batches.SendAsync(Maker(), [chunks[2]]));
        var altered = await Registry.RefusalOfAsync(() =>
            Batches.SendAsync(Maker(), [Batches.Chunk(batch.BatchNumber, 1, "other bytes"u8.ToArray())]));
        await Batches.SendAsync(Maker(), chunks.Skip(1));
        await Batches.SealAsync(Maker(), batch.BatchNumber);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(early), Is.EqualTo("CHUNK_OUT_OF_ORDER"));
            Assert.That(Registry.ReasonOf(altered), Is.EqualTo("CHUNK_CONFLICT"));
        }

        Assert.That((await Batches.EndOfAsync(Maker(), batch.BatchNumber)).Receipt?.Units, Is.EqualTo(20));
    }

    [Test]
    public async Task Concurrent_senders_of_the_same_chunks_store_each_once()
    {
        var file = TestImei.DualSim(400).File;
        var header = Batches.Of(Registry.Header(), file);

        var ends = await Task.WhenAll(Enumerable.Range(0, 6)
            .Select(_ => Batches.RegisterAsync(Maker(), header, file, chunkBytes: 1_000)));

        Assert.That(ends.Select(e => e.Receipt), Is.All.EqualTo(ends[0].Receipt).And.All.Not.Null);
        Assert.That(await CountAsync($"SELECT count(*) FROM devices WHERE batch_number = {ends[0].Number}"),
            Is.EqualTo(400));
    }

    [Test]
    public async Task The_sdk_registers_a_file_of_several_chunks_once()
    {
        var (file, units) = TestImei.DualSim(60_000);
        var uploader = new BatchUploader(Maker(), attemptsMax: 1);
        var header = Registry.Header();
        header.DeclaredUnits = 60_000;
        var phases = new List<UploadPhase>();

        var first = await uploader.RegisterAsync(header, new MemoryStream(file), new Phases(phases),
            CancellationToken.None);
        var second = await uploader.RegisterAsync(header, new MemoryStream(file), null, CancellationToken.None);

        var canonical = string.Concat(units.Select(u => $"{u.Serial},{u.First.Digits},{u.Second.Digits}\n"));
        Assert.That(first.Receipt.ContentHash.ToByteArray(),
            Is.EqualTo(SHA256.HashData(Encoding.ASCII.GetBytes(canonical))));
        Assert.That(second, Is.EqualTo(first));
        Assert.That(phases.Distinct(), Is.SupersetOf([UploadPhase.Hashing, UploadPhase.Sending]));
    }

    [Test]
    public async Task A_dry_run_does_not_use_up_its_reference()
    {
        var file = TestImei.DualSim(8).File;
        var header = Registry.Header();
        header.DryRun = true;
        var dry = await Batches.RegisterAsync(Maker(), header, file);
        var journalled = await CountAsync("SELECT count(*) FROM journal_subjects WHERE kind = 1 AND subject = "
            + dry.Number);
        header.DryRun = false;
        var real = await Batches.RegisterAsync(Maker(), header, file);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(dry.DryRun?.Units, Is.EqualTo(8u));
            Assert.That(dry.DryRun?.Imeis, Is.EqualTo(16u));
            Assert.That(dry.DryRun?.QuarantinedUnits, Is.EqualTo(0u));
            Assert.That(journalled, Is.EqualTo(0));
            Assert.That(dry.DryRun!.ContentHash, Is.EqualTo(real.Receipt!.ContentHash));
        }
    }

    [Test]
    public async Task A_dry_run_of_an_invalid_file_reports_line_errors_only()
    {
        var header = Registry.Header();
        header.DryRun = true;

        var dry = await Batches.RegisterAsync(Maker(), header, [.. TestImei.DualSim(2).File, .. "S,1,2\n"u8]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(dry.Refusal!), Is.EqualTo("BATCH_HAS_INVALID_LINES"));
            Assert.That(dry.Faults.Single().Line, Is.EqualTo(4u));
        }

        Assert.That(await CountAsync("SELECT count(*) FROM journal_subjects WHERE kind = 1 AND subject = "
            + dry.Number), Is.Zero);
    }

    [Test]
    public async Task A_report_of_25_000_line_errors_is_complete_in_pages()
    {
        const int Bad = 25_000;
        var file = Encoding.ASCII.GetBytes("serial_number,imei_1,imei_2\n"
            + string.Concat(Enumerable.Range(0, Bad).Select(n => n % 5 is 0 ? $"S{n},1,2\n" : $"S {n},3,4\n")));

        var end = await Batches.RegisterAsync(Maker(), Registry.Header(), file);
        var parts = new List<LineError>();
        for (var page = await Batches.FaultsOfAsync(Maker(), end.Number, 0, 3_333); page.Count > 0; page =
            await Batches.FaultsOfAsync(Maker(), end.Number, parts[^1].Line, 3_333)) parts.AddRange(page);
        var batch = (await Registry.Reads("maker-a")
            .GetBatchAsync(new GetBatchRequest { BatchNumber = end.Number })).Batch;

        Assert.That(end.Faults.Select(f => (f.Line, f.Reason)),
            Is.EqualTo(Enumerable.Range(0, Bad)
            .Select(n => ((uint)n + 2, n % 5 is 0 ? "IMEI_LENGTH" : "SERIAL_INVALID"))));
        Assert.That(parts, Is.EqualTo(end.Faults));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(batch.State, Is.EqualTo(BatchState.Rejected));
            Assert.That(batch.LineErrors, Is.EqualTo((uint)Bad));
            Assert.That(batch.ExpiresAt is not null, Is.True);
        }
    }

    [Test]
    public async Task A_cancelled_upload_leaves_nothing_and_frees_its_reference()
    {
        var header = Batches.Of(Registry.Header(), TestImei.DualSim(3).File);
        var batch = await Batches.OpenAsync(Maker(), header);
        await Batches.SendAsync(Maker(), [Batches.Chunk(batch.BatchNumber, 1, new byte[1_000])]);

        await Registry.Registration("maker-a")
            .CancelUploadAsync(new CancelUploadRequest { BatchNumber = batch.BatchNumber });
        await Registry.Registration("maker-a")
            .CancelUploadAsync(new CancelUploadRequest { BatchNumber = batch.BatchNumber });
        var read = await Registry.RefusalOfAsync(async () => await Registry.Reads("maker-a")
            .GetBatchAsync(new GetBatchRequest { BatchNumber = batch.BatchNumber }));
        var other = await Batches.RegisterAsync(Maker(), Registry.Header(header.Reference), TestImei.DualSim(4).File);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(read.StatusCode, Is.EqualTo(StatusCode.NotFound));
            Assert.That(other.Receipt?.Units, Is.EqualTo(4u));
        }

        Assert.That(await CountAsync($"SELECT count(*) FROM upload_chunks WHERE batch_number = {batch.BatchNumber}"),
            Is.Zero);
    }

    [Test]
    public async Task An_abandoned_upload_expires_and_leaves_nothing()
    {
        var open = await Batches.OpenAsync(Maker(), Batches.Of(Registry.Header(), TestImei.DualSim(3).File));
        await Batches.SendAsync(Maker(), [Batches.Chunk(open.BatchNumber, 1, new byte[1_000])]);
        var rejected = await Batches.RegisterAsync(Maker(), Registry.Header(),
            "serial_number,imei_1\nS,1\n"u8.ToArray());
        var alive = await Batches.OpenAsync(Maker(), Batches.Of(Registry.Header(), TestImei.DualSim(3).File));

        await Registry.Cluster.ExecuteAsync(
            $"UPDATE batches SET expires_at = now() - interval '1 second' WHERE number IN ({open.BatchNumber}, " +
            $"{rejected.Number})", Registry.Database);

        await Registry.UntilAsync(async _ =>
            await CountAsync(
            $"SELECT count(*) FROM batches WHERE number IN ({open.BatchNumber}, {rejected.Number})") is 0);
        foreach (var table in (string[])["upload_chunks", "fault_pages"])
            Assert.That(await CountAsync(
                $"SELECT count(*) FROM {table} WHERE batch_number IN ({open.BatchNumber}, {rejected.Number})"),
                Is.Zero);
        Assert.That((await Registry.Reads("maker-a")
            .GetBatchAsync(new GetBatchRequest { BatchNumber = alive.BatchNumber })).Batch.State,
            Is.EqualTo(BatchState.Open));
    }

    [Test]
    public async Task The_file_of_a_decided_batch_is_dropped()
    {
        var (batch, _) = await Registry.GivenRegisteredAsync(2);

        await Registry.UntilAsync(async _ =>
            await CountAsync($"SELECT count(*) FROM upload_chunks WHERE batch_number = {batch}") is 0);

        Assert.That(await CountAsync($"SELECT count(*) FROM batch_pieces WHERE batch_number = {batch}"), Is.EqualTo(1));
    }

    [Test]
    public async Task Another_manufacturers_upload_is_not_found_by_any_call()
    {
        var batch = await Batches.OpenAsync(Maker(), Batches.Of(Registry.Header(), TestImei.DualSim(3).File));
        var (other, registration) = (Maker("maker-b"), Registry.Registration("maker-b"));

        RpcException[] refusals =
        [
            await Registry.RefusalOfAsync(() => Batches.SendAsync(other, [Batches.Chunk(batch.BatchNumber, 1, [1])])),
            await Registry.RefusalOfAsync(() => Batches.SealAsync(other, batch.BatchNumber)),
            await Registry.RefusalOfAsync(() => Batches.EndOfAsync(other, batch.BatchNumber)),
            await Registry.RefusalOfAsync(() => Batches.FaultsOfAsync(other, batch.BatchNumber)),
            await Registry.RefusalOfAsync(async () =>
                await registration.CancelUploadAsync(new CancelUploadRequest { BatchNumber = batch.BatchNumber })),
        ];

        Assert.That(refusals.Select(r => r.StatusCode), Is.All.EqualTo(StatusCode.NotFound));
    }

    [Test]
    public async Task Of_two_batches_that_together_exceed_a_quota_one_is_registered()
    {
        var number = Registry.NewReference();
        await Registry.ChangeAsync(new Change
        {
            Authorization = new PutAuthorizationRequest
            {
                Number = number, Party = "maker-a-mobiles", Kind = AuthorizationKind.Manufacturing,
                State = AuthorizationState.Active, ValidFrom = "2021-01-01", ValidUntil = "2031-01-01",
                LegalBasis = "law", QuotaUnits = 5,
            },
        });
        BatchHeader Header()
        {
            var header = Registry.Header();
            header.Authorization = number;
            return header;
        }

        var ends = await Task.WhenAll(Enumerable.Range(0, 4)
            .Select(_ => Batches.RegisterAsync(Maker(), Header(), TestImei.DualSim(3).File)));
        var rights = await Registry.Parties("maker-a")
            .ListAuthorizationsAsync(new ListAuthorizationsRequest { PageSize = 1_000 });
        var last = await Batches.RegisterAsync(Maker(), Header(), TestImei.DualSim(2).File);

        Assert.That(ends.Count(e => e.Receipt is not null), Is.EqualTo(1));
        Assert.That(ends.Where(e => e.Receipt is null).Select(e => Registry.ReasonOf(e.Refusal!)),
            Is.All.EqualTo("QUOTA_EXCEEDED"));
        Assert.That(rights.Authorizations.Where(a => a.Number == number).Select(a => (a.QuotaUnits, a.Units)),
            Is.EqualTo([(5ul, 3ul)]));
        Assert.That(last.Receipt?.Units, Is.EqualTo(2), "what is left can be used up");
        Assert.That(await CountAsync(
            $"SELECT count(*) FROM devices WHERE batch_number IN " +
            $"({string.Join(',', ends.Where(e => e.Receipt is null && e.Number > 0).Select(e => e.Number)
                .Append(0ul))})"), Is.Zero);
    }

    private static CallInvoker Maker(string identity = "maker-a") =>
        Registry.Server.Channel("registrar", identity).CreateCallInvoker();

    private static async Task<long> CountAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(
            Registry.Cluster.Server.AdminConnectionString(Registry.Database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private sealed class Phases(List<UploadPhase> seen) : IProgress<UploadProgress>
    {
        public void Report(UploadProgress value) => seen.Add(value.Phase);
    }
}
