using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Orders;
using Microsoft.EntityFrameworkCore;
using UnitState = DeviceRegistry.Core.UnitState;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Replaces a board in repair: the unit's old IMEIs are retired permanently, and the new ones inherit its
/// registration (proto/docs/state-machines.md).</summary>
internal sealed class BoardSwap(IdempotentWrites writes, TimeProvider time)
{
    public Task<SwapBoardResponse> SwapAsync(Caller caller, SwapBoardRequest request, CancellationToken ct)
    {
        var imei = Inputs.Imei("imei", request.Imei);
        var reason = Inputs.Printable("reason", request.Reason, 500);
        Inputs.Require(request.NewImeis.Count is >= 1 and <= UnitRecord.ImeisMax, "new_imeis",
            $"1 to {UnitRecord.ImeisMax} IMEIs");
        var fresh = request.NewImeis.Select((text, i) => Inputs.Imei($"new_imeis[{i}]", text)).ToArray();
        return writes.ExecuteAsync(caller, request.Reference, request, async (write, ct) =>
        {
            // 1. Find the unit, for its owner only, and lock its batch.
            var place = await write.Db.Imeis.AsNoTracking()
                .SingleOrDefaultAsync(i => i.Imei == (long)imei.Value && i.RetiredAt == null, ct) ?? throw NoUnit();
            var batch = await BatchCertification.LockAsync(write, (ulong)place.BatchNumber, ct);
            var unit = await write.Db.Devices.SingleOrDefaultAsync(d => d.BatchNumber == place.BatchNumber
                && d.Unit == place.Unit, ct);
            if (batch.State < Postgres.Schema.BatchState.Valid || batch.PartyId != (long)caller.PartyId || unit is null
                || !unit.Imeis.Contains((long)imei.Value)) throw NoUnit();
            var state = (await UnitLifecycle.RunsAsync(write.Db, batch.Number, ct)).StateOf(unit.Unit);
            if (state is not (UnitState.Declared or UnitState.Certified or UnitState.Released))
                throw new RegistryException(RegistryError.WrongState,
                    $"Unit {unit.SerialNumber} is {StatusMapping.UpperSnake(state.ToString())}; its board cannot be " +
                    $"swapped.", "imei", "a unit that is declared, certified or released");

            // 2. Reject units covered by an order, and apply a batch line's checks to the new IMEIs. From here no order
            // is armed and no sighting accepted until the commit.
            await WriteLock.Sightings.ShareAsync(write.Connection, ct);
            await write.LockAsync(WriteLock.Subjects, ct);
            if (await OrderEffects.IsBlockedAsync(write.Db, unit.Imeis, time.Now(), ct))
                throw new RegistryException(RegistryError.UnitBlocked,
                    $"An order in force covers unit {unit.SerialNumber}; its board cannot be swapped.", "imei",
                    "a unit without an order in force");
            await RequireValidAsync(write, batch, unit, fresh, ct);
            SyncPoints.Reached(SyncPoint.SwapJudged);

            // 3. Keep the old IMEIs as retired IMEIs of the unit.
            var old = unit.Imeis;
            var now = time.Now();
            await write.Db.Imeis.Where(i => old.Contains(i.Imei))
                .ExecuteUpdateAsync(set => set.SetProperty(i => i.RetiredAt, now), ct);
            unit.Imeis = [.. fresh.Select(i => (long)i.Value)];
            write.Db.Imeis.AddRange(fresh.Select(i =>
                new ImeiRow { Imei = (long)i.Value, BatchNumber = batch.Number, Unit = unit.Unit }));
            Stage(write, batch, unit, old, reason, isOnMarket: state is UnitState.Released);
            return new SwapBoardResponse
            {
                BatchNumber = (ulong)batch.Number, SerialNumber = unit.SerialNumber,
                Imeis = { fresh.Select(i => i.Digits) }, RetiredImeis = { old.Select(i => new Imei((ulong)i).Digits) },
            };
        }, ct);
    }

    private async Task RequireValidAsync(RegistryWrite write, BatchRow batch, DeviceRow unit, Imei[] fresh,
        CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(time.Now());
        Inputs.Require(fresh.Length == unit.Imeis.Length, "new_imeis",
            $"{unit.Imeis.Length} IMEIs, as many as the unit has");
        var tacs = await ValidationQueries.TacsAsync(write.Connection, fresh.Select(i => i.Tac.Value).Distinct(),
            batch.PartyId, today, time.Now(), ct);
        var sorted = fresh.Select(i => (long)i.Value).Order().ToArray();
        var blocked = await ValidationQueries.BlockedAsync(write.Connection, sorted, ct);
        var seen = await ValidationQueries.SeenAsync(write.Connection, sorted, ct);

        // Includes batches that are not registered yet: at registration they would find the IMEI taken.
        var taken = await write.Db.Imeis.Where(i => sorted.Contains(i.Imei)).Select(i => i.Imei).ToListAsync(ct);
        for (var i = 0; i < fresh.Length; i++)
        {
            var (imei, tac, number) = (fresh[i], tacs[fresh[i].Tac.Value], (long)fresh[i].Value);
            var why = UnitRecord.IsImplausible(imei) ? ErrorReason.ImeiImplausible
                : tac.ErrorFor(batch.Origin is Origin.LocalAssembly, batch.Model) is var unfit and not ErrorReason.None
                    ? unfit
                : taken.Contains(number) ? ErrorReason.ImeiTaken
                : blocked.Contains(number) ? ErrorReason.ImeiBlocked
                : Array.IndexOf(fresh, imei) < i ? ErrorReason.DuplicateImeiInFile
                : ErrorReason.None;
            if (why is not ErrorReason.None)
                throw RegistryException.BadField($"new_imeis[{i}]",
                    $"{ErrorReport.Expected(why, imei, tac, batch.Model)} " +
                    $"[{StatusMapping.UpperSnake(why.ToString())}]");
            Inputs.Require(!seen.Contains(number), $"new_imeis[{i}]", "an IMEI that no network has seen [IMEI_SEEN]");
        }
    }

    // Nodes receive IMEIs only, and only those of released units.
    private static void Stage(RegistryWrite write, BatchRow batch, DeviceRow unit, long[] old, string reason,
        bool isOnMarket)
    {
        var subject = (SubjectKind.Batch, (long)batch.Number);
        write.Stage(JournalKind.BoardSwapped, new BatchStep { BatchNumber = (ulong)batch.Number },
            new BoardSwappedPrivate
            {
                Unit = (uint)unit.Unit, RetiredImeis = { old.Select(i => (ulong)i) },
                Imeis = { unit.Imeis.Select(i => (ulong)i) }, Reason = reason,
            }, subject);
        if (!isOnMarket) return;

        write.Stage(JournalKind.ImeisRetired,
            new ImeisRetired { BatchNumber = (ulong)batch.Number, ImeiDeltas = { Deltas(old) } }, subject: subject);
        write.Stage(JournalKind.ImeisReleased,
            new ImeisReleased { BatchNumber = (ulong)batch.Number, ImeiDeltas = { Deltas(unit.Imeis) } },
            subject: subject);
    }

    private static IEnumerable<ulong> Deltas(long[] imeis) =>
        JournalEntryRules.ToDeltas(imeis.Order().Select(i => (ulong)i));

    private static RegistryException NoUnit() =>
        new(RegistryError.NotFound, "No unit of yours has that IMEI now. Nothing was changed.", "imei",
            "an IMEI of a unit that you registered");
}
