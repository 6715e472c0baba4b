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

/// <summary>The three ends of a sealed batch: registered, rejected, or only judged. Each is one small transaction,
/// whatever the size of the batch.</summary>
internal sealed class BatchFinalizer(IdempotentWrites writes, PolicyCommands policies, TimeProvider time)
{
    /// <summary>Registers a batch whose units are stored: from here they count for everyone. <paramref
    /// name="requireUnblocked"/> is asked once no order can be armed until the end.</summary>
    public async Task<BatchReceipt> RegisterAsync(
        BatchRow batch, ParsedBatch contents, Func<RegistryWrite, CancellationToken, Task> requireUnblocked,
        CancellationToken ct)
    {
        var policy = await policies.GetAsync(ct);
        return await writes.OnceAsync<BatchReceipt>(
            new WriteClaim((ulong)batch.SealedBy!.Value, (ulong)batch.PartyId, batch.Reference, batch.Digest),
            async (write, ct) =>
        {
            // 1. The right to register so many, which no other batch can use up in between.
            await BatchAuthorization.RequireAsync(write.Db, batch, contents.Units, alone: true, ct);
            SyncPoints.Reached(SyncPoint.BatchAuthorized);

            // 2. What was seen before: from here sightings wait for the commit.
            await WriteLock.Sightings.ShareAsync(write.Connection, ct);
            var quarantined = await QuarantinedAsync(write.Db, batch.Number, ct);
            await Alarms.RaiseOfQuarantineAsync(write, batch.Number, time.Now(), ct);

            // 3. An order armed since the comparison has not seen these units, nor they it. From here approvals wait
            // too.
            await write.LockAsync(WriteLock.Subjects, ct);
            await requireUnblocked(write, ct);
            SyncPoints.Reached(SyncPoint.BatchCovered);

            // 4. The flip.
            var row = await write.Db.Batches.SingleAsync(b => b.Number == batch.Number, ct);
            (row.State, row.RegisteredAt) = (BatchState.Valid, time.Now());
            Count(row, contents);
            await write.Db.SaveChangesAsync(ct);
            await UnitLifecycle.SetRunsAsync(write.Connection, row.Number,
                UnitRuns.Whole(contents.Units, UnitState.Declared)
                .With(quarantined, UnitState.Quarantined), ct);

            // 5. Who registered what; and the certificate, where the policy gives it.
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

    // Each unit once, however many of its IMEIs were seen.
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

    /// <summary>Rejects a batch: nothing of it is registered, and the fault report stays for a while.</summary>
    public Task RejectAsync(BatchRow batch, RegistryException why, int lineErrors, CancellationToken ct) =>
        EndAsync(batch, async (write, row, ct) =>
    {
        (row.State, row.LineErrors, row.RejectReason, row.RejectMessage) =
            (BatchState.Rejected, lineErrors, StatusMapping.CodeOf(why.Error), why.Message);
        (row.RejectField, row.RejectExpected) = (why.Field, why.Expected);
        row.ExpiresAt = await ForgottenAtAsync(ct);
        if (row.DryRun) return;

        write.Stage(JournalKind.BatchRejected, new BatchStep { BatchNumber = (ulong)row.Number },
            new BatchRejectedPrivate
        {
            Header = HeaderOf(row), PartyId = (ulong)row.PartyId, Reason = row.RejectReason,
            LineErrors = (uint)lineErrors,
        }, (SubjectKind.Batch, row.Number));
    }, ct);

    /// <summary>Ends a dry run that found nothing wrong.</summary>
    public Task CheckAsync(BatchRow batch, ParsedBatch contents, CancellationToken ct) =>
        EndAsync(batch, async (_, row, ct) =>
    {
        row.State = BatchState.DryRunPassed;
        Count(row, contents);
        row.ExpiresAt = await ForgottenAtAsync(ct);
    }, ct);

    // Once: an end that was committed and not told is found.
    private async Task EndAsync(BatchRow batch, Func<RegistryWrite, BatchRow, CancellationToken, Task> end,
        CancellationToken ct) =>
        await writes.DoAsync((ulong)batch.SealedBy!.Value, async (write, ct) =>
        {
            await write.LockBatchAsync(batch.Number, ct);
            var row = await write.Db.Batches.SingleAsync(b => b.Number == batch.Number, ct);
            if (row.State is BatchState.Validating) await end(write, row, ct);
            return true;
        }, ct);

    private async Task<DateTime> ForgottenAtAsync(CancellationToken ct) =>
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

    // DOMAIN 5.3: certified by a rule of the policy, in the place of two people who approved that rule.
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
