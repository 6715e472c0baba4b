using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Npgsql;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Compares the contents of a batch with the registry: every check of a line that needs more than the line
/// itself (proto/docs/errors.md, line errors). Records the errors; the caller decides what follows from them.</summary>
internal sealed class BatchValidator(NpgsqlConnection connection, BatchRow batch, ParsedBatch contents, BatchFile file,
    BatchProgress progress)
{
    /// <summary>Registry data of each TAC in the batch; set by the validation.</summary>
    public IReadOnlyDictionary<uint, TacFact> Tacs { get; private set; } = new Dictionary<uint, TacFact>();

    /// <summary>Runs all comparisons.</summary>
    public async Task ValidateAsync(int imeisMax, DateTime now, CancellationToken ct)
    {
        // 1. TACs: few, and the result holds for every unit with that TAC.
        Tacs = await ValidationQueries.TacsAsync(connection, contents.Tacs, batch.PartyId, batch.ProducedOn, now, ct);
        CheckTacs();
        CheckCounts(imeisMax);

        // 2. IMEIs, piece by piece in sorted order.
        for (var at = 0; at < contents.Imeis; at += Limits.PieceImeis)
        {
            progress.At(BatchPhase.Checking, at, contents.Imeis);
            var piece = contents.Piece(at);
            foreach (var taken in await ValidationQueries.TakenAsync(connection, piece, ct)) AddError(taken,
                ErrorReason.ImeiTaken);
            foreach (var blocked in await ValidationQueries.BlockedAsync(connection, piece, ct)) AddError(blocked,
                ErrorReason.ImeiBlocked);
        }

        // 3. Serial numbers. The file is read again where they may be registered or repeated.
        await CheckSerialsAsync(ct);
    }

    /// <summary>Applies the subjects of orders that were armed after the validation. Returns whether they cover any
    /// unit of this batch that had no error before.</summary>
    public bool AddBlocked(IReadOnlyCollection<(OrderItemKind Kind, long Value, long Detail)> subjects)
    {
        var before = contents.InvalidUnits;
        foreach (var (_, imei, _) in subjects.Where(s => s.Kind is OrderItemKind.Imei or OrderItemKind.Pair
            && s.Value >= 0)) AddError(imei, ErrorReason.ImeiBlocked);

        var ranges = subjects.Where(s => s.Kind is OrderItemKind.Range
            && contents.Tacs.Contains(new Imei((ulong)s.Value).Tac.Value))
            .Select(s => (First: (ulong)s.Value, Last: (ulong)s.Detail)).ToList();
        if (ranges.Count > 0)
            foreach (var key in contents.Keys)
                if (contents.ImeiOf(key).Value is var number
                    && ranges.Exists(r => r.First <= number && number <= r.Last))
                    contents.AddError(ParsedBatch.UnitOf(key),
                        new UnitLineError(ErrorReason.ImeiBlocked, ParsedBatch.SlotOf(key)));

        var barred = subjects.Where(s => s.Kind is OrderItemKind.Tac).Select(s => (uint)s.Value).ToHashSet();
        if (contents.Tacs.Any(barred.Contains))
            foreach (var key in contents.Keys)
                if (barred.Contains(contents.ImeiOf(key).Tac.Value)) contents.AddError(ParsedBatch.UnitOf(key),
                    new UnitLineError(ErrorReason.TacBarred, ParsedBatch.SlotOf(key)));
        return contents.InvalidUnits > before;
    }

    private void CheckTacs()
    {
        var needsMandate = batch.Origin is Origin.LocalAssembly;
        var verdicts = contents.Tacs.Select(t => Tacs[t].ErrorFor(needsMandate, batch.Model)).ToArray();
        if (verdicts.All(v => v is ErrorReason.None)) return;

        foreach (var key in contents.Keys)
            if (verdicts[ParsedBatch.RankOf(key)] is var why and not ErrorReason.None) contents.AddError(
                ParsedBatch.UnitOf(key), new UnitLineError(why, ParsedBatch.SlotOf(key)));
    }

    // The number of IMEIs must equal the model's SIM slots if the TAC list has them, and may never exceed the policy's
    // maximum.
    private void CheckCounts(int imeisMax)
    {
        var slots = contents.Tacs.Select(t => (byte)Tacs[t].SimSlots).ToArray();
        var ofUnit = new byte[contents.Units];
        foreach (var key in contents.Keys) ofUnit[ParsedBatch.UnitOf(key)] =
            Math.Max(ofUnit[ParsedBatch.UnitOf(key)], slots[ParsedBatch.RankOf(key)]);
        for (var unit = 0; unit < contents.Units; unit++)
            if (contents.CountOf(unit) > imeisMax
                || (ofUnit[unit] > 0 && ofUnit[unit] != contents.CountOf(unit))) contents.AddError(unit,
                new UnitLineError(ErrorReason.ImeiCountMismatch, 1));
    }

    // The file may contain the same IMEI twice; the error applies to each occurrence.
    private void AddError(long number, ErrorReason why)
    {
        var imei = new Imei((ulong)number);
        for (var at = contents.Find(imei); at >= 0 && at < contents.Imeis
            && contents.ImeiOf(contents.Keys[at]) == imei; at++)
            contents.AddError(ParsedBatch.UnitOf(contents.Keys[at]),
                new UnitLineError(why, ParsedBatch.SlotOf(contents.Keys[at])));
    }

    private async Task CheckSerialsAsync(CancellationToken ct)
    {
        var suspects = new HashSet<int>();
        for (var piece = 0; piece < contents.SerialRanges.Count; piece++)
        {
            var (low, high) = contents.SerialRanges[piece];
            if (await ValidationQueries.HasSerialsAsync(connection, batch.PartyId, Encoding.ASCII.GetString(low),
                Encoding.ASCII.GetString(high), ct)) suspects.Add(piece);
        }

        if (suspects.Count is 0 && !contents.MayRepeatSerials()) return;

        var serials = new SerialSink(contents, suspects);
        await file.ReadAsync(serials, async (reader, _) =>
        {
            progress.At(BatchPhase.Checking, contents.Imeis + reader.Units, contents.Imeis + contents.Units);
            if (serials.Suspects.Count < Limits.PieceUnits) return;
            await CompareAsync(serials, ct);
        }, ct);
        await CompareAsync(serials, ct);
    }

    private async Task CompareAsync(SerialSink serials, CancellationToken ct)
    {
        var taken = await ValidationQueries.SerialsAsync(connection, batch.PartyId,
            [.. serials.Suspects.Select(s => s.Serial).Distinct(StringComparer.Ordinal)], ct);
        foreach (var (serial, unit) in serials.Suspects)
            if (taken.Contains(serial)) contents.AddError(unit, new UnitLineError(ErrorReason.SerialTaken));
        serials.Suspects.Clear();
    }

    /// <summary>Reads serial numbers: records those that the file repeats, and collects those that may be
    /// registered.</summary>
    private sealed class SerialSink(ParsedBatch contents, HashSet<int> suspectPieces) : IUnitsSink
    {
        // Only serial numbers whose hash repeats, which are few unless the file is invalid.
        private readonly HashSet<string> _repeatable = new(StringComparer.Ordinal);
        private int _unit;

        public List<(string Serial, int Unit)> Suspects { get; } = [];

        public void Take(int line, in UnitRecord unit)
        {
            var mayRepeat = contents.MayRepeat(ParsedBatch.HashOf(unit.Serial));
            var suspect = suspectPieces.Contains(_unit / Limits.PieceUnits);
            if (mayRepeat || suspect)
            {
                var serial = Encoding.ASCII.GetString(unit.Serial);
                if (mayRepeat && !_repeatable.Add(serial)) contents.AddError(_unit,
                    new UnitLineError(ErrorReason.DuplicateSerialInFile));
                if (suspect) Suspects.Add((serial, _unit));
            }

            _unit++;
        }

        public void Reject(int line, UnitLineError error, ReadOnlySpan<byte> value)
        {
        }
    }
}
