using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;
using UnitState = DeviceRegistry.Core.UnitState;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Certification of registered batches by the regulator (proto/docs/state-machines.md).</summary>
internal sealed class BatchCertification(IdempotentWrites writes)
{
    /// <summary>Proposes certification, or confirms it if another person has proposed it.</summary>
    public Task<CertifyBatchResponse> CertifyAsync(Caller caller, CertifyBatchRequest request, CancellationToken ct) =>
        writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var batch = await LockAsync(write, request.BatchNumber, ct);
            switch (batch.State)
            {
                case BatchState.Valid:
                    batch.State = BatchState.CertificationProposed;
                    batch.ProposedBy = (long)caller.ActorId;
                    Stage(write, batch, JournalKind.BatchCertificationProposed);
                    break;
                case BatchState.CertificationProposed:
                    await write.Db.RequireAnotherPersonAsync(
                        caller, [batch.ProposedBy!.Value],
                        $"You proposed the certification of batch {batch.Number}; another person of the regulator " +
                        $"must confirm it.", ct);
                    batch.State = BatchState.Certified;
                    batch.CertifiedBy = (long)caller.ActorId;
                    var runs = await UnitLifecycle.RunsAsync(write.Db, batch.Number, ct);
                    await write.Db.SaveChangesAsync(ct);
                    await UnitLifecycle.SetRunsAsync(write.Connection, batch.Number,
                        runs.With(runs.In(UnitState.Declared), UnitState.Certified), ct);
                    Stage(write, batch, JournalKind.BatchCertified);
                    break;
                case BatchState.Open or BatchState.Validating or BatchState.Rejected or BatchState.DryRunPassed:
                    throw new RegistryException(RegistryError.WrongState,
                        $"Batch {batch.Number} is {NameOf(batch.State)}; only a registered batch can be certified.",
                        "batch_number", "a registered batch");
                default:
                    throw new RegistryException(RegistryError.WrongState,
                        $"Batch {batch.Number} is {NameOf(batch.State)} already.");
            }

            await write.Db.SaveChangesAsync(ct);
            return new CertifyBatchResponse { Batch = await batch.ToSummaryAsync(write.Db, ct) };
        }, ct);

    /// <summary>Locks and returns a batch: no other write changes it until the transaction ends. Throws NOT_FOUND if
    /// there is none.</summary>
    public static async Task<BatchRow> LockAsync(RegistryWrite write, ulong number, CancellationToken ct)
    {
        await write.LockBatchAsync(number.ToBatchKey(), ct);
        SyncPoints.Reached(SyncPoint.BatchLocked);
        return await write.Db.Batches.SingleOrDefaultAsync(b => b.Number == number.ToBatchKey(), ct)
            ?? throw NoBatch(number);
    }

    /// <summary>NOT_FOUND for a batch, identical for a missing batch and one of another party.</summary>
    public static RegistryException NoBatch(ulong number) =>
        new(RegistryError.NotFound, $"There is no batch {number}, or it is not yours.", "batch_number",
            "the number of a batch, as its receipt gives it");

    /// <summary>Name of a state as in the contract, in upper snake case.</summary>
    public static string NameOf(BatchState state) => StatusMapping.UpperSnake(state.ToString());

    private static void Stage(RegistryWrite write, BatchRow batch, JournalKind kind) =>
        write.Stage(kind, new BatchStep { BatchNumber = (ulong)batch.Number },
            subject: (SubjectKind.Batch, batch.Number));
}
