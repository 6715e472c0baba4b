using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;
using UnitRange = DeviceRegistry.Core.UnitRange;
using UnitState = DeviceRegistry.Core.UnitState;

namespace DeviceRegistry.Registrar.Registration;

internal readonly record struct ChangedUnits(int Units, int Imeis);

/// <summary>State changes of registered units: released, recalled, retired, removed from quarantine
/// (proto/docs/state-machines.md). A call without a selection changes all units of the batch whose state permits it;
/// with a selection, every selected unit must permit it.</summary>
internal sealed class UnitLifecycle(IdempotentWrites writes)
{
    private const string SetRunsSql = "SELECT batch_set_runs($1, $2, $3, $4)";

    private const string ImeisSql = """
        SELECT d.imeis FROM unnest($2, $3) AS r (first_unit, last_unit) JOIN devices d ON d.batch_number = $1
            AND d.unit BETWEEN r.first_unit AND r.last_unit
        """;

    /// <summary>Releases units: from the commit on, checks return COMPLIANT for them.</summary>
    public Task<ReleaseBatchResponse> ReleaseAsync(Caller caller, ReleaseBatchRequest request, CancellationToken ct)
    {
        var selector = UnitSelector.From(request.Units);
        return writes.ExecuteAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var batch = await OwnAsync(write, caller, request.BatchNumber, ct);
            if (batch.State is < BatchState.Certified or BatchState.Recalled)
                throw new RegistryException(RegistryError.WrongState,
                    $"Batch {batch.Number} is {BatchCertification.NameOf(batch.State)}; only a certified batch can " +
                    $"be released.",
                    "batch_number", "a certified batch");

            var changed = await ChangeAsync(write, batch, selector, [UnitState.Certified], UnitState.Released, "", ct);
            return new ReleaseBatchResponse
            {
                Batch = await batch.ToSummaryAsync(write.Db, ct),
                Units = (uint)changed.Units, Imeis = (uint)changed.Imeis
            };
        }, ct);
    }

    public Task<RecallBatchResponse> RecallAsync(Caller caller, RecallBatchRequest request, CancellationToken ct)
    {
        var selector = UnitSelector.From(request.Units);
        var reason = Inputs.Printable("reason", request.Reason, 500);
        return writes.ExecuteAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var batch = await OwnAsync(write, caller, request.BatchNumber, ct);
            if (batch.State is < BatchState.Certified or BatchState.Recalled)
                throw new RegistryException(RegistryError.WrongState,
                    $"Batch {batch.Number} is {BatchCertification.NameOf(batch.State)}; only a certified batch can " +
                    $"be recalled.",
                    "batch_number", "a certified batch");

            var changed = await ChangeAsync(write, batch, selector, [UnitState.Certified, UnitState.Released],
                UnitState.Recalled, reason, ct);
            return new RecallBatchResponse
            {
                Batch = await batch.ToSummaryAsync(write.Db, ct),
                Units = (uint)changed.Units, Imeis = (uint)changed.Imeis
            };
        }, ct);
    }

    /// <summary>Retires units permanently.</summary>
    public Task<RetireUnitsResponse> RetireAsync(Caller caller, RetireUnitsRequest request, CancellationToken ct)
    {
        var selector = UnitSelector.From(request.Units);
        Inputs.Require(selector is not null, "units", "the units to retire");
        var reason = Inputs.Printable("reason", request.Reason, 500);
        return writes.ExecuteAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var batch = await OwnAsync(write, caller, request.BatchNumber, ct);
            if (batch.State < BatchState.Valid)
                throw new RegistryException(RegistryError.WrongState,
                    $"Batch {batch.Number} is {BatchCertification.NameOf(batch.State)}; it is not registered.",
                    "batch_number",
                    "a registered batch");

            var changed = await ChangeAsync(
                write, batch, selector, [UnitState.Declared, UnitState.Quarantined, UnitState.Certified,
                UnitState.Released, UnitState.Recalled], UnitState.Retired, reason, ct);
            return new RetireUnitsResponse
            {
                Batch = await batch.ToSummaryAsync(write.Db, ct),
                Units = (uint)changed.Units, Imeis = (uint)changed.Imeis
            };
        }, ct);
    }

    /// <summary>Removes units from quarantine: they get the state of the rest of their batch. Called by a change that
    /// two people approved.</summary>
    public static async Task ClearAsync(RegistryWrite write, ClearQuarantineRequest request, CancellationToken ct)
    {
        var batch = await BatchCertification.LockAsync(write, request.BatchNumber, ct);
        var to = batch.State is BatchState.Recalled ? UnitState.Recalled : batch.State >= BatchState.Certified
            ? UnitState.Certified : UnitState.Declared;
        await ChangeAsync(write, batch, UnitSelector.From(request.Units), [UnitState.Quarantined], to, request.Reason,
            ct);
    }

    /// <summary>States of a batch's units, as runs of consecutive units.</summary>
    public static async Task<UnitRuns> RunsAsync(RegistryContext db, int batch, CancellationToken ct) =>
        UnitRuns.Of((await db.UnitRuns.AsNoTracking().Where(r => r.BatchNumber == batch).OrderBy(r => r.FirstUnit)
            .ToListAsync(ct)).Select(r => new UnitRun(r.FirstUnit, r.LastUnit, r.State)));

    /// <summary>Stores the states of a batch's units.</summary>
    public static async Task SetRunsAsync(NpgsqlConnection connection, int batch, UnitRuns runs, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(SetRunsSql, connection)
        {
            Parameters =
            {
                new() { Value = batch }, new() { Value = runs.All.Select(r => r.First).ToArray() },
                new() { Value = runs.All.Select(r => r.Last).ToArray() },
                new() { Value = runs.All.Select(r => (short)r.State).ToArray() },
            },
        };
        await command.ExecuteNonQueryAsync(ct);
    }

    private static async Task<BatchRow> OwnAsync(RegistryWrite write, Caller caller, ulong number, CancellationToken ct)
    {
        var batch = await BatchCertification.LockAsync(write, number, ct);
        return batch.PartyId == (long)caller.PartyId ? batch : throw BatchCertification.NoBatch(number);
    }

    private static async Task<ChangedUnits> ChangeAsync(
        RegistryWrite write, BatchRow batch, UnitSelector? selector, UnitState[] from, UnitState to, string reason,
        CancellationToken ct)
    {
        // 1. Select the units. Every unit of a selection must have a permitted state; without a selection, those in a
        // permitted state are taken.
        var runs = await RunsAsync(write.Db, batch.Number, ct);
        var units = selector is null ? runs.In(from) : await selector.FindAsync(write.Db, batch, ct);
        if (units.Count is 0)
            throw new RegistryException(RegistryError.WrongState,
                $"Batch {batch.Number} has no unit that is {NamesOf(from)}.", "batch_number",
                $"a batch with units that are {NamesOf(from)}");
        foreach (var run in runs.Within(units))
            if (!from.Contains(run.State)) throw await WrongStateAsync(write.Db, batch, run, from, ct);
        SyncPoints.Reached(SyncPoint.UnitsSelected);

        // 2. Compute the states of the units and of the batch.
        var after = runs.With(units, to);
        batch.State = StateOf(batch, after, wholeIsRecalled: to is UnitState.Recalled && selector is null);

        // 3. Stage the entries for nodes: IMEIs that are released or cease to be, in sorted chunks, sent to the
        // database before the journal lock is taken.
        var imeis = await StageAsync(write, batch, runs, units, to, reason, ct);
        SyncPoints.Reached(SyncPoint.UnitsStaged);

        // 4. Write the rows.
        await write.Db.SaveChangesAsync(ct);
        await SetRunsAsync(write.Connection, batch.Number, after, ct);
        return new ChangedUnits(units.Sum(u => u.Count), imeis);
    }

    private static BatchState StateOf(BatchRow batch, UnitRuns runs, bool wholeIsRecalled)
    {
        if (wholeIsRecalled || batch.State is BatchState.Recalled) return BatchState.Recalled;
        if (batch.State < BatchState.Certified) return batch.State;
        if (runs.In(UnitState.Declared, UnitState.Quarantined,
            UnitState.Certified).Count is 0) return BatchState.Closed;
        return runs.In(UnitState.Released).Count > 0 || batch.State is BatchState.Released or BatchState.Closed
            ? BatchState.Released : batch.State;
    }

    // The public part has the IMEIs that networks need; which units they belong to is private. The last entry carries
    // the private part, together with the last chunk of IMEIs if there is one.
    private static async Task<int> StageAsync(
        RegistryWrite write, BatchRow batch, UnitRuns runs, IReadOnlyList<UnitRange> units, UnitState to, string reason,
        CancellationToken ct)
    {
        var changed = new UnitsChangedPrivate
        {
            BatchNumber = (ulong)batch.Number, Units = { units.Select(u => u.ToWire()) },
            State = (Contracts.V1.UnitState)to, Reason = reason,
            BatchState = (Contracts.V1.BatchState)batch.State,
        };
        var subject = (SubjectKind.Batch, (long)batch.Number);
        var onMarket = to is UnitState.Released ? units
            : to is UnitState.Recalled or UnitState.Retired
                ? UnitRuns.Ranges(runs.Within(units).Where(r => r.State is UnitState.Released)
                .Select(r => new UnitRange(r.First, r.Last)))
            : [];
        var count = 0;
        List<ulong>? last = null;
        await foreach (var chunk in ChunksAsync(write.Connection, batch, onMarket, ct))
        {
            if (last is not null) await StageChunkAsync(last, privatePart: null);
            count += chunk.Count;
            last = chunk;
        }

        if (last is not null) await StageChunkAsync(last, changed);
        else write.Stage(JournalKind.UnitsChanged, new BatchStep { BatchNumber = (ulong)batch.Number }, changed,
            subject);
        return onMarket.Sum(u => u.Count) == units.Sum(u => u.Count) ? count
            : await CountAsync(write.Connection, batch, units, ct);

        Task StageChunkAsync(List<ulong> imeis, IMessage? privatePart)
        {
            imeis.Sort();
            var deltas = JournalEntryRules.ToDeltas(imeis);
            return to is UnitState.Released
                ? write.StageNowAsync(JournalKind.ImeisReleased,
                    new ImeisReleased { BatchNumber = (ulong)batch.Number, ImeiDeltas = { deltas } }, privatePart,
                    subject,
                    ct)
                : write.StageNowAsync(JournalKind.ImeisRetired,
                    new ImeisRetired { BatchNumber = (ulong)batch.Number, ImeiDeltas = { deltas } }, privatePart,
                    subject,
                    ct);
        }
    }

    // Each chunk is read completely before the next entry is staged: a connection runs one statement at a time.
    private static async IAsyncEnumerable<List<ulong>> ChunksAsync(
        NpgsqlConnection connection, BatchRow batch, IReadOnlyList<UnitRange> units,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var piece in Pieces(units, JournalEntryRules.ChunkMax / (batch.ImeisPerUnit ?? UnitRecord.ImeisMax)))
        {
            var imeis = new List<ulong>();
            await using (var command = Command(connection, batch.Number, piece))
            await using (var reader = await command.ExecuteReaderAsync(ct))
                while (await reader.ReadAsync(ct)) imeis.AddRange(reader.GetFieldValue<long[]>(0)
                .Select(i => (ulong)i));
            if (imeis.Count > 0) yield return imeis;
        }
    }

    // As many units per piece as have IMEIs for one entry.
    private static IEnumerable<List<UnitRange>> Pieces(IReadOnlyList<UnitRange> units, int unitsMax)
    {
        var (piece, room) = (new List<UnitRange>(), unitsMax);
        foreach (var range in units)
            for (var first = range.First; first <= range.Last;)
            {
                var last = Math.Min(range.Last, first + room - 1);
                piece.Add(new UnitRange(first, last));
                room -= last - first + 1;
                first = last + 1;
                if (room > 0) continue;

                yield return piece;
                (piece, room) = ([], unitsMax);
            }

        if (piece.Count > 0) yield return piece;
    }

    private static async Task<int> CountAsync(
        NpgsqlConnection connection, BatchRow batch, IReadOnlyList<UnitRange> units, CancellationToken ct)
    {
        if (batch.ImeisPerUnit is { } each) return each * units.Sum(u => u.Count);

        var count = 0;
        await foreach (var chunk in ChunksAsync(connection, batch, units, ct)) count += chunk.Count;
        return count;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, int batch, IReadOnlyList<UnitRange> units) =>
        new(ImeisSql, connection)
        {
            Parameters = { new() { Value = batch }, new() { Value = units.Select(u => u.First).ToArray() },
            new() { Value = units.Select(u => u.Last).ToArray() } },
        };

    private static async Task<RegistryException> WrongStateAsync(RegistryContext db, BatchRow batch, UnitRun run,
        UnitState[] from, CancellationToken ct)
    {
        var serial = await db.Devices.Where(d => d.BatchNumber == batch.Number && d.Unit == run.First)
            .Select(d => d.SerialNumber).SingleAsync(ct);
        return new RegistryException(RegistryError.WrongState,
            $"Unit {serial} of batch {batch.Number} is {StatusMapping.UpperSnake(run.State.ToString())}, not " +
            $"{NamesOf(from)}. Nothing was changed.", "units", $"units that are {NamesOf(from)}");
    }

    private static string NamesOf(UnitState[] states) =>
        string.Join(" or ", states.Select(s => StatusMapping.UpperSnake(s.ToString())));
}
