using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Npgsql;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Compares what a batch holds with what the registry knows: every check of DOMAIN 5.3 that its lines do not
/// answer by themselves. It marks what is wrong; whether that matters, its caller decides.</summary>
internal sealed class BatchValidator(NpgsqlConnection connection, BatchRow batch, ParsedBatch contents, BatchFile file,
    BatchProgress progress)
{
    /// <summary>What is known of its TACs.</summary>
    public IReadOnlyDictionary<uint, TacFact> Tacs { get; private set; } = new Dictionary<uint, TacFact>();

    /// <summary>Compares everything.</summary>
    public async Task JudgeAsync(int imeisMax, DateTime now, CancellationToken ct)
    {
        // 1. TACs: a handful, whose verdict holds for every unit that uses them.
        Tacs = await ValidationQueries.TacsAsync(connection, contents.Tacs, batch.PartyId, batch.ProducedOn, now, ct);
        JudgeTacs();
        JudgeCounts(imeisMax);

        // 2. IMEIs, piece by piece along the sorted keys.
        for (var at = 0; at < contents.Imeis; at += Limits.PieceImeis)
        {
            progress.At(BatchPhase.Checking, at, contents.Imeis);
            var piece = contents.Piece(at);
            foreach (var taken in await ValidationQueries.TakenAsync(connection, piece, ct)) Flaw(taken,
                ErrorReason.ImeiTaken);
            foreach (var blocked in await ValidationQueries.BlockedAsync(connection, piece, ct)) Flaw(blocked,
                ErrorReason.ImeiBlocked);
        }

        // 3. Serial numbers, of which the file has to be read again where they may be somebody's.
        await JudgeSerialsAsync(ct);
    }

    /// <summary>Orders name what they did not when it was compared. Whether that is anything of this batch.</summary>
    public bool BlockSince(IReadOnlyCollection<(OrderItemKind Kind, long Value, long Detail)> subjects)
    {
        var before = contents.Flawed;
        foreach (var (_, imei, _) in subjects.Where(s => s.Kind is OrderItemKind.Imei or OrderItemKind.Pair
            && s.Value >= 0)) Flaw(imei, ErrorReason.ImeiBlocked);

        var ranges = subjects.Where(s => s.Kind is OrderItemKind.Range
            && contents.Tacs.Contains(new Imei((ulong)s.Value).Tac.Value))
            .Select(s => (First: (ulong)s.Value, Last: (ulong)s.Detail)).ToList();
        if (ranges.Count > 0)
            foreach (var key in contents.Keys)
                if (contents.ImeiOf(key).Value is var number
                    && ranges.Exists(r => r.First <= number && number <= r.Last))
                    contents.Flaw(ParsedBatch.UnitOf(key),
                        new UnitLineError(ErrorReason.ImeiBlocked, ParsedBatch.SlotOf(key)));

        var barred = subjects.Where(s => s.Kind is OrderItemKind.Tac).Select(s => (uint)s.Value).ToHashSet();
        if (contents.Tacs.Any(barred.Contains))
            foreach (var key in contents.Keys)
                if (barred.Contains(contents.ImeiOf(key).Tac.Value)) contents.Flaw(ParsedBatch.UnitOf(key),
                    new UnitLineError(ErrorReason.TacBarred, ParsedBatch.SlotOf(key)));
        return contents.Flawed > before;
    }

    private void JudgeTacs()
    {
        var needsMandate = batch.Origin is Origin.LocalAssembly;
        var verdicts = contents.Tacs.Select(t => Tacs[t].WhyNot(needsMandate, batch.Model)).ToArray();
        if (verdicts.All(v => v is ErrorReason.None)) return;

        foreach (var key in contents.Keys)
            if (verdicts[ParsedBatch.RankOf(key)] is var why and not ErrorReason.None) contents.Flaw(
                ParsedBatch.UnitOf(key), new UnitLineError(why, ParsedBatch.SlotOf(key)));
    }

    // As many as the model has SIM slots, where the list says how many; never more than a unit can have.
    private void JudgeCounts(int imeisMax)
    {
        var slots = contents.Tacs.Select(t => (byte)Tacs[t].SimSlots).ToArray();
        var ofUnit = new byte[contents.Units];
        foreach (var key in contents.Keys) ofUnit[ParsedBatch.UnitOf(key)] =
            Math.Max(ofUnit[ParsedBatch.UnitOf(key)], slots[ParsedBatch.RankOf(key)]);
        for (var unit = 0; unit < contents.Units; unit++)
            if (contents.CountOf(unit) > imeisMax
                || (ofUnit[unit] > 0 && ofUnit[unit] != contents.CountOf(unit))) contents.Flaw(unit,
                new UnitLineError(ErrorReason.ImeiCountMismatch, 1));
    }

    // A number of the file may stand in it twice: the registry has something against each.
    private void Flaw(long number, ErrorReason why)
    {
        var imei = new Imei((ulong)number);
        for (var at = contents.Find(imei); at >= 0 && at < contents.Imeis
            && contents.ImeiOf(contents.Keys[at]) == imei; at++)
            contents.Flaw(ParsedBatch.UnitOf(contents.Keys[at]),
                new UnitLineError(why, ParsedBatch.SlotOf(contents.Keys[at])));
    }

    private async Task JudgeSerialsAsync(CancellationToken ct)
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
            if (taken.Contains(serial)) contents.Flaw(unit, new UnitLineError(ErrorReason.SerialTaken));
        serials.Suspects.Clear();
    }

    /// <summary>Reads serial numbers: finds those that the file repeats, and gathers those that may be another
    /// unit's.</summary>
    private sealed class SerialSink(ParsedBatch contents, HashSet<int> suspectPieces) : IUnitsSink
    {
        // Only of numbers whose hash repeats, which are few unless the file is bad.
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
                if (mayRepeat && !_repeatable.Add(serial)) contents.Flaw(_unit,
                    new UnitLineError(ErrorReason.DuplicateSerialInFile));
                if (suspect) Suspects.Add((serial, _unit));
            }

            _unit++;
        }

        public void Refuse(int line, UnitLineError flaw, ReadOnlySpan<byte> value)
        {
        }
    }
}
