using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Parties;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Upload of a batch: opened, filled chunk by chunk, then sealed or cancelled. Each step is idempotent and may
/// be retried. An upload is working data and is not journalled; only its result is.</summary>
internal sealed class BatchUploads(IdempotentWrites writes, Database reads, PolicyCommands policies, BatchWorker worker,
    TimeProvider time)
{
    /// <summary>Opens a batch, or returns the one opened before under the same reference with the same
    /// content.</summary>
    public async Task<BatchSummary> OpenAsync(Caller caller, BatchDeclaration declared, CancellationToken ct)
    {
        var expires = await ExpiryAsync(ct);
        return declared.Header.DryRun
            ? await writes.ExecuteUnreferencedAsync(caller.ActorId, (write, ct) =>
                OpenAsync(write, caller, declared, expires, ct), ct)
            : await writes.ExecuteWithoutReceiptAsync(caller, declared.Header.Reference, declared.Digest, (write, ct) =>
                OpenAsync(write, caller, declared, expires, ct), ct);
    }

    // Expiry of an upload that receives data now.
    private async Task<DateTime> ExpiryAsync(CancellationToken ct) =>
        time.Now() + PolicyMapping.UploadExpiry((await policies.GetAsync(ct)).Policy);

    /// <summary>Stores a chunk durably. Returns the number of the last chunk up to which all are stored.</summary>
    public async Task<int> StoreAsync(Caller caller, SendChunksRequest chunk, CancellationToken ct)
    {
        Inputs.Require(chunk.Sequence is >= 1 and <= Limits.ChunksMax, "sequence", $"1 to {Limits.ChunksMax}");
        Inputs.Require(chunk.Data.Length is >= 1 and <= Limits.ChunkBytesMax, "data",
            $"1 to {Limits.ChunkBytesMax} bytes a chunk");
        var checksum = SHA256.HashData(chunk.Data.Span);
        if (!checksum.AsSpan().SequenceEqual(chunk.Checksum.Span))
            throw new RegistryException(RegistryError.ChecksumMismatch,
                $"The bytes of chunk {chunk.Sequence} are not those its checksum is of. Nothing of it was stored; " +
                $"send it again.", "checksum", "SHA-256 of data, 32 bytes");

        var (number, party, sequence) = (chunk.BatchNumber.ToBatchKey(), (long)caller.PartyId, (int)chunk.Sequence);
        var bytes = Bytes(chunk.Data);
        var expires = await ExpiryAsync(ct);
        return await reads.ReadAsync(
            async (db, ct) =>
            {
                var stored = await db.Database.ExecuteSqlAsync(
                    $"""
                    WITH upload AS (
                      UPDATE batches SET chunks = {sequence}, chunk_bytes = chunk_bytes + {bytes.Length},
                          expires_at = greatest(expires_at, {expires})
                      WHERE number = {number} AND party_id = {party} AND state = 1 AND chunks = {sequence - 1}
                          AND chunk_bytes + {bytes.Length} <= {Limits.UnitsBytesMax}
                        AND (SELECT sum(b.chunk_bytes) FROM batches b WHERE b.party_id = {party}
                            AND b.state IN (1, 2)) + {bytes.Length} <= {Limits.BytesInProgressMax}
                      RETURNING number)
                    INSERT INTO upload_chunks (batch_number, sequence, bytes, digest) SELECT number, {sequence},
                        {bytes}, {checksum} FROM upload
                    """,
                    ct);
                if (stored is 0) await RequireStoredAsync(db, caller, chunk, checksum, ct);
                SyncPoints.Reached(SyncPoint.UploadChunkStored);
                return await db.Batches.Where(b => b.Number == number).Select(b => b.Chunks).SingleAsync(ct);
            },
            ct);
    }

    /// <summary>Seals a batch; idempotent.</summary>
    public async Task<BatchSummary> SealAsync(Caller caller, ulong batchNumber, CancellationToken ct)
    {
        var number = batchNumber.ToBatchKey();
        var summary = await reads.ReadAsync(
            async (db, ct) =>
            {
                var now = await db.Database.ExecuteSqlAsync(
                    $"""
                    UPDATE batches SET state = 2, sealed_by = {(long)caller.ActorId}, expires_at = NULL
                    WHERE number = {number} AND party_id = {(long)caller.PartyId} AND state = 1 AND chunks > 0
                    """, ct);
                if (now > 0) SyncPoints.Reached(SyncPoint.UploadSealed);
                var batch = await OwnAsync(db, caller, batchNumber, ct);
                if (batch.State is BatchState.Open)
                    throw new RegistryException(RegistryError.WrongState,
                        $"Nothing of the file of batch {number} has come. Send its chunks first.", "batch_number",
                        "a batch with chunks");
                return await batch.ToSummaryAsync(db, ct);
            },
            ct);
        worker.Wake();
        return summary;
    }

    /// <summary>Cancels a batch that is open, rejected or a finished dry run.</summary>
    public Task DiscardAsync(Caller caller, ulong batchNumber, CancellationToken ct) => reads.ReadAsync(
        async (db, ct) =>
        {
            var number = batchNumber.ToBatchKey();
            if (await db.Batches.AsNoTracking()
                .SingleOrDefaultAsync(b => b.Number == number, ct) is not { } batch) return true;
            if (batch.PartyId != (long)caller.PartyId) throw BatchCertification.NoBatch(batchNumber);
            return await db.Database.SqlQuery<bool>($"SELECT batch_discard({number}) AS \"Value\"").SingleAsync(ct)
                ? true
                : throw new RegistryException(RegistryError.WrongState,
                    $"Batch {number} is {BatchCertification.NameOf(batch.State)} and cannot be taken back. What is " +
                    $"registered " +
                    $"can be recalled or retired.", "batch_number", "an open, rejected or checked batch");
        },
        ct);

    private async Task<BatchSummary> OpenAsync(RegistryWrite write, Caller caller, BatchDeclaration declared,
        DateTime expires, CancellationToken ct)
    {
        var header = declared.Header;

        // 1. Resolve the reference: a registered batch, one in progress, or one rejected with the same content.
        var known = await write.Db.Batches.AsNoTracking()
            .Where(b => b.PartyId == (long)caller.PartyId && b.Reference == header.Reference
            && b.DryRun == header.DryRun)
            .OrderByDescending(b => b.Number).ToListAsync(ct);
        if (known.FirstOrDefault(b => b.State is not BatchState.Rejected) is { } live)
            return live.Digest.AsSpan().SequenceEqual(declared.Digest) ? await live.ToSummaryAsync(write.Db, ct)
                : throw Reused(header.Reference);
        if (known.FirstOrDefault(b => b.Digest.AsSpan()
            .SequenceEqual(declared.Digest)) is { } rejected) return await rejected.ToSummaryAsync(write.Db, ct);

        // 2. Check the authorization and its quota, and the limits on the party's uploads.
        var batch = new BatchRow
        {
            PartyId = (long)caller.PartyId, Reference = header.Reference, DryRun = header.DryRun,
            AuthorizationNumber = header.Authorization, ProducedOn = declared.ProducedOn,
            Origin = declared.Origin, Model = header.Model, DeclaredUnits = (int)header.DeclaredUnits,
            Digest = declared.Digest, FileDigest = header.FileDigest.ToByteArray(),
            State = BatchState.Open, OpenedBy = (long)caller.ActorId, OpenedAt = time.Now(), ExpiresAt = expires,
        };
        await BatchAuthorization.RequireAsync(write.Db, batch, batch.DeclaredUnits, alone: false, ct);
        await RequireRoomAsync(write.Db, caller, ct);
        SyncPoints.Reached(SyncPoint.UploadAuthorized);

        // 3. From here the batch accepts chunks.
        write.Db.Batches.Add(batch);
        await write.Db.SaveChangesAsync(ct);
        return await batch.ToSummaryAsync(write.Db, ct);
    }

    // Files stay in the database until they are validated; the limit prevents one party from filling it.
    private static async Task RequireRoomAsync(RegistryContext db, Caller caller, CancellationToken ct)
    {
        var inProgress = db.Batches.Where(b => b.PartyId == (long)caller.PartyId
            && (b.State == BatchState.Open || b.State == BatchState.Validating));
        if (await inProgress.CountAsync(ct) >= Limits.BatchesInProgressMax
            || await inProgress.SumAsync(b => b.ChunkBytes, ct) >= Limits.BytesInProgressMax) throw TooMuch();
    }

    private static RegistryException TooMuch() =>
        new(RegistryError.TooManyUploads,
        $"{Limits.BatchesInProgressMax} of your batches, or {Limits.BytesInProgressMax / Limits.UnitsBytesMax} GiB " +
        $"of " +
        $"their files, are open or being judged. Seal or discard some, or wait until some are decided.");

    // The chunk was not stored: either it is stored already, or it is not the next expected chunk.
    private static async Task RequireStoredAsync(RegistryContext db, Caller caller, SendChunksRequest chunk,
        byte[] checksum, CancellationToken ct)
    {
        var batch = await OwnAsync(db, caller, chunk.BatchNumber, ct);
        var here = await db.Set<UploadChunkRow>()
            .Where(c => c.BatchNumber == batch.Number && c.Sequence == (int)chunk.Sequence).Select(c => c.Digest)
            .SingleOrDefaultAsync(ct);
        if (here is not null && here.AsSpan().SequenceEqual(checksum)) return;

        if (batch.State is not BatchState.Open)
            throw new RegistryException(RegistryError.WrongState,
                $"Batch {batch.Number} is {BatchCertification.NameOf(batch.State)} and takes no chunks.",
                "batch_number",
                "an open batch");

        if (chunk.Sequence == batch.Chunks + 1 && batch.ChunkBytes + chunk.Data.Length > Limits.UnitsBytesMax)
            throw new RegistryException(RegistryError.FileInvalid,
                $"The file is larger than {Limits.UnitsBytesMax / (1024 * 1024 * 1024)} GiB. Split it into batches.",
                "data", $"at most {Limits.UnitsBytesMax} bytes");

        if (chunk.Sequence == batch.Chunks + 1) throw TooMuch();

        if (chunk.Sequence > batch.Chunks)
            throw new RegistryException(RegistryError.ChunkOutOfOrder,
                $"Chunk {batch.Chunks + 1} of batch {batch.Number} is wanted next, not {chunk.Sequence}.", "sequence",
                $"{batch.Chunks + 1}");

        throw new RegistryException(RegistryError.ChunkConflict,
            $"Chunk {chunk.Sequence} of batch {batch.Number} is here already, with other bytes. Nothing was changed.",
            "data", "the bytes that were sent first");
    }

    private static async Task<BatchRow> OwnAsync(RegistryContext db, Caller caller, ulong number,
        CancellationToken ct) =>
        await db.Batches.AsNoTracking()
            .SingleOrDefaultAsync(b => b.Number == number.ToBatchKey() && b.PartyId == (long)caller.PartyId, ct)
            ?? throw BatchCertification.NoBatch(number);

    private static byte[] Bytes(ByteString data) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(data.Memory, out var array) && array.Offset is 0
            && array.Count == array.Array!.Length ? array.Array : data.ToByteArray();

    private static RegistryException Reused(string reference) => new(RegistryError.ReferenceReused,
        $"Reference {reference} was used before with other content. Nothing was changed. Use a new reference.",
        "reference", "a reference not used before, or the same content");
}
