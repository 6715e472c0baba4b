using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;
using UnitRange = DeviceRegistry.Core.UnitRange;
using UnitState = DeviceRegistry.Core.UnitState;

namespace DeviceRegistry.Registrar.State;

/// <summary>Replays entries about batches, the states of their units, and the policy that certifies some of them.
/// <see cref="UnitReplay"/> reads the units themselves later.</summary>
internal sealed class BatchReplay
{
    private static readonly MessageParser<BatchStep> Step = BatchStep.Parser.WithDiscardUnknownFields(true);
    private long _policy;

    /// <summary>Replays a policy that was proposed or came into force.</summary>
    public async Task TakePolicyAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        if (entry.Kind is JournalKind.PolicyProposed)
        {
            var version = entry.Read(PolicyStep.Parser).Version.ToKey();
            if (await page.Db.Policies.FindAsync([version], ct) is not null) throw new StateMismatchException(
                $"policy version {version} was proposed before");

            page.Db.Policies.Add(new PolicyRow
            {
                Version = version, State = PolicyState.Proposed, Body = entry.Private
                ?? [], ProposedBy = entry.Actor
            });
            if (entry.IsErased) page.Erase("policies", version);
            return;
        }

        _policy = entry.Read(PolicyInForce.Parser).Version.ToKey();
        var row = await page.Db.Policies.FindAsync([_policy], ct)
            ?? throw new StateMismatchException($"no entry before it proposed policy version {_policy}");
        (row.State, row.ApprovedBy, row.InForceAt) = (PolicyState.InForce, entry.Actor, entry.At);
    }

    public Task TakeAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        switch (entry.Kind)
        {
            case JournalKind.BatchDeclared:
                Declare(page, entry);
                return Task.CompletedTask;
            case JournalKind.BatchRejected:
                Reject(page, entry);
                return Task.CompletedTask;
            case JournalKind.BatchCertificationProposed:
                var proposed = page.Batch(entry.Read(Step).BatchNumber);
                (proposed.State, proposed.ProposedBy) = (BatchState.CertificationProposed, entry.Actor);
                return Task.CompletedTask;
            case JournalKind.BatchCertified:
                return CertifyAsync(page, entry, ct);
            case JournalKind.BoardSwapped:
                Swap(page, entry);
                return Task.CompletedTask;
            default:
                return ChangeAsync(page, entry, ct);
        }
    }

    private static void Declare(ReplayPage page, ReplayedEntry entry)
    {
        var number = entry.Read(Step).BatchNumber;
        var message = entry.ReadPrivate(BatchDeclaredPrivate.Parser);
        var row = Add(page, number, message.Header ?? new BatchHeader(), (long)message.PartyId, entry,
            BatchState.Valid);
        (row.Units, row.Imeis, row.ContentHash, row.RegisteredAt) =
            ((int)message.Units, (int)message.Imeis, message.ContentHash.ToByteArray(), entry.At);
        if (entry.IsErased)
        {
            EraseStates(page, row.Number);
            EraseUnits(page, row.Number);
            return;
        }

        var runs = UnitRuns.Whole(row.Units, UnitState.Declared)
            .With(Ranges(message.Quarantined), UnitState.Quarantined);
        page.SetRuns(row.Number, [.. runs.All.Select(r => new DatedRun(r.First, r.Last, r.State, entry.At))]);
        for (var i = 0; i < message.PieceDigests.Count; i++)
        {
            page.Added.Pieces.AddRow(3);
            page.Added.Pieces.AddInt(row.Number);
            page.Added.Pieces.AddInt(i + 1);
            page.Added.Pieces.AddBytes(message.PieceDigests[i].Span);
        }
    }

    private static void Reject(ReplayPage page, ReplayedEntry entry)
    {
        var number = entry.Read(Step).BatchNumber;
        var message = entry.ReadPrivate(BatchRejectedPrivate.Parser);
        var row = Add(page, number, message.Header ?? new BatchHeader(), (long)message.PartyId, entry,
            BatchState.Rejected);
        (row.RejectReason, row.LineErrors) = (message.Reason, (int)message.LineErrors);
        if (entry.IsErased) page.Erase("batches", row.Number);
    }

    private static BatchRow Add(ReplayPage page, ulong number, BatchHeader header, long party, ReplayedEntry entry,
        BatchState state)
    {
        if (page.BatchOrNone(number) is not null) throw new StateMismatchException(
            $"batch {number} was decided before");

        var row = new BatchRow
        {
            Number = number.ToBatchKey(), PartyId = party, Reference = header.Reference, DryRun = header.DryRun,
            AuthorizationNumber = header.Authorization,
            ProducedOn = entry.IsErased ? default : Inputs.Date("produced_on", header.ProducedOn),
            Origin = (Origin)header.Origin, Model = header.Model, DeclaredUnits = (int)header.DeclaredUnits,
            Digest = [], FileDigest = header.FileDigest.ToByteArray(), State = state, SealedBy = entry.Actor,
            OpenedAt = entry.At,
        };
        page.Db.Batches.Add(row);
        return row;
    }

    // Certified by two people, or by a rule of the policy instead.
    private async Task CertifyAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        var message = entry.Read(Step);
        var row = page.Batch(message.BatchNumber);
        row.State = BatchState.Certified;
        if (entry.Actor is 0) row.CertifiedUnder = message.CertifiedUnder > 0 ? message.CertifiedUnder.ToKey()
            : _policy;
        else row.CertifiedBy = entry.Actor;
        await SetAsync(page, row, runs => runs.In(UnitState.Declared), UnitState.Certified, entry, ct);
    }

    private static async Task ChangeAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        // An entry with IMEIs for nodes only; the last entry of the same write lists the units.
        if (entry.Private is null && !entry.IsErased) return;

        if (entry.IsErased)
        {
            EraseStates(page, page.Batch(entry.Read(Step).BatchNumber).Number);
            return;
        }

        var message = entry.ReadPrivate(UnitsChangedPrivate.Parser);
        var row = page.Batch(message.BatchNumber);
        await SetAsync(page, row, _ => Ranges(message.Units), (UnitState)message.State, entry, ct);
        row.State = (BatchState)message.BatchState;
    }

    private static async Task SetAsync(
        ReplayPage page, BatchRow row, Func<UnitRuns, IReadOnlyList<UnitRange>> which, UnitState state,
        ReplayedEntry entry, CancellationToken ct)
    {
        var before = await page.RunsAsync(row.Number, ct);
        if (before.Count is 0) return;                                             // its declaration was erased

        var runs = UnitRuns.Of(before.Select(r => new UnitRun(r.First, r.Last, r.State)));
        var after = runs.With(which(runs), state);
        page.SetRuns(row.Number, Dated(before, after.All, entry.At));
    }

    // Time since when a run is in its state, computed as batch_set_runs (registration.sql) does: the earliest time
    // since when one of its units has had this state without interruption.
    private static List<DatedRun> Dated(List<DatedRun> before, IReadOnlyList<UnitRun> after, DateTime now)
    {
        var dated = new List<DatedRun>(after.Count);
        var at = 0;
        foreach (var run in after)
        {
            while (at + 1 < before.Count && before[at + 1].First <= run.First) at++;
            var since = DateTime.MaxValue;
            for (var i = at; i < before.Count && before[i].First <= run.Last; i++)
                if (before[i].State == run.State && before[i].Since < since) since = before[i].Since;
            dated.Add(new DatedRun(run.First, run.Last, run.State, since < DateTime.MaxValue ? since : now));
        }

        return dated;
    }

    private static void Swap(ReplayPage page, ReplayedEntry entry)
    {
        var batch = page.Batch(entry.Read(Step).BatchNumber).Number;
        if (entry.IsErased)
        {
            EraseUnits(page, batch);
            return;
        }

        var message = entry.ReadPrivate(BoardSwappedPrivate.Parser);
        var to = page.Added.Swaps;
        to.AddRow(6);
        to.AddBigint((long)entry.Position);
        to.AddTime(entry.At);
        to.AddInt(batch);
        to.AddInt((int)message.Unit);
        to.AddBigints([.. message.RetiredImeis.Select(i => (long)i)]);
        to.AddBigints([.. message.Imeis.Select(i => (long)i)]);
    }

    private static IReadOnlyList<UnitRange> Ranges(IEnumerable<Contracts.V1.UnitRange> message) =>
        [.. message.Select(r => new UnitRange((int)r.First, (int)r.Last))];

    private static void EraseStates(ReplayPage page, int batch)
    {
        page.Erase("batches", batch);
        page.Erase("unit_runs", batch);
    }

    private static void EraseUnits(ReplayPage page, int batch)
    {
        page.Erase("devices", batch);
        page.Erase("imeis", batch);
    }
}
