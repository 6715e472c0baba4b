using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>What happens to a batch after it is registered (DOMAIN 5.3).</summary>
internal sealed class BatchBook(Writes writes)
{
    /// <summary>Proposes certification, or confirms it if another person has proposed it.</summary>
    public Task<CertifyBatchResponse> CertifyAsync(Caller caller, CertifyBatchRequest request, CancellationToken ct) =>
        writes.OncePersonallyAsync(caller, request.Reference, request, async (write, ct) =>
        {
            await write.LockBatchAsync(request.BatchNumber.ToKey(), ct);
            SyncPoints.Reached(SyncPoint.BatchLocked);
            var batch = await FindAsync(write.Db, request.BatchNumber, ct);
            switch (batch.State)
            {
                case BatchState.Valid:
                    batch.State = BatchState.CertificationProposed;
                    batch.ProposedBy = (long)caller.ActorId;
                    Stage(write, batch, JournalKind.BatchCertificationProposed);
                    break;
                case BatchState.CertificationProposed:
                    await write.Db.RequireAnotherPersonAsync(
                        caller, [batch.ProposedBy!.Value], $"You proposed the certification of batch {batch.Number}; another person of the regulator must confirm it.", ct);
                    batch.State = BatchState.Certified;
                    batch.CertifiedBy = (long)caller.ActorId;
                    Stage(write, batch, JournalKind.BatchCertified);
                    break;
                default:
                    throw new RegistryException(RegistryError.WrongState, $"Batch {batch.Number} is {Word(batch.State)} already.");
            }

            return new CertifyBatchResponse { Batch = await batch.ToSummaryAsync(write.Db, ct) };
        }, ct);

    /// <summary>Releases a certified batch: from here its units answer COMPLIANT.</summary>
    public Task<ReleaseBatchResponse> ReleaseAsync(Caller caller, ReleaseBatchRequest request, CancellationToken ct) =>
        writes.OnceAsync(caller, request.Reference, request, async (write, ct) =>
        {
            await write.LockBatchAsync(request.BatchNumber.ToKey(), ct);
            SyncPoints.Reached(SyncPoint.BatchLocked);
            var batch = await FindAsync(write.Db, request.BatchNumber, ct);
            if (batch.PartyId != (long)caller.PartyId) throw NoBatch(request.BatchNumber);
            if (batch.State is not BatchState.Certified)
                throw new RegistryException(RegistryError.WrongState,
                    $"Batch {batch.Number} is {Word(batch.State)}; only a certified batch can be released.", "batch_number", "a certified batch");

            batch.State = BatchState.Released;
            var imeis = await write.Db.Imeis.AsNoTracking()
                .Where(i => write.Db.Devices.Any(d => d.BatchNumber == batch.Number && d.Id == i.DeviceId))
                .Select(i => i.Imei).OrderBy(i => i).ToListAsync(ct);
            foreach (var chunk in imeis.Chunk(JournalEntryRules.ChunkMax))
                Stage(write, batch, JournalKind.ImeisReleased, new ImeisReleased
                {
                    BatchNumber = request.BatchNumber, ImeiDeltas = { JournalEntryRules.ToDeltas(chunk.Select(i => (ulong)i)) },
                });

            return new ReleaseBatchResponse { Batch = await batch.ToSummaryAsync(write.Db, ct) };
        }, ct);

    /// <summary>NOT_FOUND for a batch, the same whether it does not exist or is another's.</summary>
    public static RegistryException NoBatch(ulong number) =>
        new(RegistryError.NotFound, $"There is no batch {number}, or it is not yours.", "batch_number", "the number of a batch, as its receipt gives it");

    private static async Task<BatchRow> FindAsync(RegistryContext db, ulong number, CancellationToken ct) =>
        await db.Batches.SingleOrDefaultAsync(b => b.Number == number.ToKey(), ct) ?? throw NoBatch(number);

    private static void Stage(RegistryWrite write, BatchRow batch, JournalKind kind, Google.Protobuf.IMessage? message = null) =>
        write.Stage(kind, message ?? new BatchStep { BatchNumber = (ulong)batch.Number }, subject: (SubjectKind.Batch, batch.Number));

    private static string Word(BatchState state) => StatusMapping.UpperSnake(state.ToString());
}
