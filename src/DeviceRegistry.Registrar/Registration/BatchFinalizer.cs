using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Parties;
using DeviceRegistry.Registrar.Sightings;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using AlarmKind = DeviceRegistry.Postgres.Schema.AlarmKind;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;
using UnitRange = DeviceRegistry.Core.UnitRange;
using UnitState = DeviceRegistry.Core.UnitState;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Ends a sealed batch in one of three ways: registered, rejected, or validated only (dry run). Each is one
/// small transaction, independent of the size of the batch.</summary>
internal sealed class BatchFinalizer(IdempotentWrites writes, PolicyCommands policies, TimeProvider time)
{
    /// <summary>Registers a batch whose units are stored; on commit they become visible to all callers. Calls
    /// <paramref name="requireUnblocked"/> when no order can be armed until the transaction ends.</summary>
    public async Task<BatchReceipt> RegisterAsync(
        BatchRow batch, ParsedBatch contents, Func<RegistryWrite, CancellationToken, Task> requireUnblocked,
        CancellationToken ct)
    {
        var policy = await policies.GetAsync(ct);
        return await writes.ExecuteAsync<BatchReceipt>(
            new WriteClaim((ulong)batch.SealedBy!.Value, (ulong)batch.PartyId, batch.Reference, batch.Digest),
            async (write, ct) =>
        {
            // 1. Check and lock the authorization, so that no other batch uses up its quota meanwhile.
            await BatchAuthorization.RequireAsync(write.Db, batch, contents.Units, alone: true, ct);
            SyncPoints.Reached(SyncPoint.BatchAuthorized);

            // 2. Quarantine units seen before. From here sightings wait for the commit.
            await WriteLock.Sightings.ShareAsync(write.Connection, ct);
            var quarantined = await QuarantinedAsync(write.Db, batch.Number, ct);
            await Alarms.RaiseOfQuarantineAsync(write, batch.Number, time.Now(), ct);

            // 3. Check for orders armed since the validation: their arming did not cover these units, and the
            // validation did not compare these units with them. From here approvals wait too.
            await write.LockAsync(WriteLock.Subjects, ct);
            await requireUnblocked(write, ct);
            SyncPoints.Reached(SyncPoint.BatchCovered);

            // 4. Switch the batch to registered.
            var row = await write.Db.Batches.SingleAsync(b => b.Number == batch.Number, ct);
            (row.State, row.RegisteredAt) = (BatchState.Valid, time.Now());
            Count(row, contents);
            await write.Db.SaveChangesAsync(ct);
            await UnitLifecycle.SetRunsAsync(write.Connection, row.Number,
                UnitRuns.Whole(contents.Units, UnitState.Declared)
                .With(quarantined, UnitState.Quarantined), ct);

            // 5. Journal the registration, and certify the batch if the policy does so for its party.
            await StageAsync(write, row, quarantined, ct);
            if (quarantined.Count is 0) await CertifyByPolicyAsync(write, row, policy, ct);
            return new BatchReceipt
            {
                BatchNumber = (ulong)row.Number, Units = (uint)row.Units, Imeis = (uint)row.Imeis,
                ContentHash = ByteString.CopyFrom(row.ContentHash),
                QuarantinedUnits = (uint)quarantined.Sum(r => r.Count),
            };
        }, ct);
    }

    // Lists each unit once, however many of its IMEIs were seen.
    private static async Task<IReadOnlyList<UnitRange>> QuarantinedAsync(RegistryContext db, int number,
        CancellationToken ct)
    {
        var units = db.QuarantinedUnits.Where(q => q.BatchNumber == number).Select(q => q.Unit).Distinct().Order()
            .AsAsyncEnumerable();
        var ranges = new List<UnitRange>();
        await foreach (var unit in units.WithCancellation(ct))
            if (ranges.Count > 0 && ranges[^1].Last + 1 == unit) ranges[^1] = ranges[^1] with { Last = unit };
            else ranges.Add(new UnitRange(unit, unit));
        return ranges;
    }

    /// <summary>Rejects a batch: none of it is registered. The error report stays until the rejected batch
    /// expires.</summary>
    public Task RejectAsync(BatchRow batch, RegistryException why, int lineErrors, CancellationToken ct) =>
        EndAsync(batch, async (write, row, ct) =>
    {
        (row.State, row.LineErrors, row.RejectReason, row.RejectMessage) =
            (BatchState.Rejected, lineErrors, StatusMapping.CodeOf(why.Error), why.Message);
        (row.RejectField, row.RejectExpected) = (why.Field, why.Expected);
        row.ExpiresAt = await ExpiryAsync(ct);
        if (row.DryRun) return;

        write.Stage(JournalKind.BatchRejected, new BatchStep { BatchNumber = (ulong)row.Number },
            new BatchRejectedPrivate
            {
                Header = HeaderOf(row), PartyId = (ulong)row.PartyId, Reason = row.RejectReason,
                LineErrors = (uint)lineErrors,
            }, (SubjectKind.Batch, row.Number));
    }, ct);

    /// <summary>Ends a dry run that found no errors.</summary>
    public Task CompleteDryRunAsync(BatchRow batch, ParsedBatch contents, CancellationToken ct) =>
        EndAsync(batch, async (_, row, ct) =>
    {
        row.State = BatchState.DryRunPassed;
        Count(row, contents);
        row.ExpiresAt = await ExpiryAsync(ct);
    }, ct);

    // Idempotent: if an earlier attempt committed but its result was lost, the batch is no longer in VALIDATING.
    private async Task EndAsync(BatchRow batch, Func<RegistryWrite, BatchRow, CancellationToken, Task> end,
        CancellationToken ct) =>
        await writes.ExecuteUnreferencedAsync((ulong)batch.SealedBy!.Value, async (write, ct) =>
        {
            await write.LockBatchAsync(batch.Number, ct);
            var row = await write.Db.Batches.SingleAsync(b => b.Number == batch.Number, ct);
            if (row.State is BatchState.Validating) await end(write, row, ct);
            return true;
        }, ct);

    private async Task<DateTime> ExpiryAsync(CancellationToken ct) =>
        time.Now() + PolicyMapping.RejectedBatchKept((await policies.GetAsync(ct)).Policy);

    private static void Count(BatchRow row, ParsedBatch contents) =>
        (row.Units, row.Imeis, row.ImeisPerUnit, row.ContentHash) =
            (contents.Units, contents.Imeis, contents.ImeisPerUnit, contents.ContentHash);

    private static async Task StageAsync(RegistryWrite write, BatchRow row, IReadOnlyList<UnitRange> quarantined,
        CancellationToken ct)
    {
        var digests = await write.Db.Set<BatchPieceRow>().AsNoTracking().Where(p => p.BatchNumber == row.Number)
            .OrderBy(p => p.Piece).Select(p => p.Digest).ToListAsync(ct);
        write.Stage(JournalKind.BatchDeclared, new BatchStep { BatchNumber = (ulong)row.Number },
            new BatchDeclaredPrivate
            {
                Header = HeaderOf(row), PartyId = (ulong)row.PartyId, Units = (uint)row.Units, Imeis = (uint)row.Imeis,
                ContentHash = ByteString.CopyFrom(row.ContentHash),
                PieceDigests = { digests.Select(d => ByteString.CopyFrom(d)) },
                Quarantined = { quarantined.Select(r => r.ToWire()) },
            }, (SubjectKind.Batch, row.Number));
    }

    // A rule of the policy certifies the batches of listed parties; two people approved that rule.
    private static async Task CertifyByPolicyAsync(RegistryWrite write, BatchRow row, GetPolicyResponse policy,
        CancellationToken ct)
    {
        if (policy.Policy.AutoCertified.All(p => p.PartyId != (ulong)row.PartyId)) return;

        (row.State, row.CertifiedUnder) = (BatchState.Certified, (long)policy.Version);
        await UnitLifecycle.SetRunsAsync(write.Connection, row.Number, UnitRuns.Whole(row.Units, UnitState.Certified),
            ct);
        write.Stage(JournalKind.BatchCertified,
            new BatchStep { BatchNumber = (ulong)row.Number, CertifiedUnder = policy.Version },
            subject: (SubjectKind.Batch, row.Number), actor: 0);
    }

    private static BatchHeader HeaderOf(BatchRow row) => new()
    {
        Reference = row.Reference, Authorization = row.AuthorizationNumber,
        ProducedOn = row.ProducedOn.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture),
        Origin = (DeviceOrigin)row.Origin, Model = row.Model, DeclaredUnits = (uint)row.DeclaredUnits,
        FileDigest = ByteString.CopyFrom(row.FileDigest), DryRun = row.DryRun,
    };
}
