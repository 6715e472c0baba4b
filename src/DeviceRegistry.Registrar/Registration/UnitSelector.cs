using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using UnitRange = DeviceRegistry.Core.UnitRange;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>A parsed selection of units. <see cref="FindAsync"/> resolves it to units of a batch.</summary>
internal sealed record UnitSelector(
    IReadOnlyList<(Imei First, Imei Last)> Ranges, IReadOnlyList<Imei> Imeis, IReadOnlyList<string> Serials)
{
    /// <summary>Parses a selection; returns null if there is none.</summary>
    public static UnitSelector? From(UnitSelection? selection)
    {
        if (selection is null) return null;

        Inputs.Require(selection.ImeiRanges.Count <= Limits.SelectionRangesMax, "units.imei_ranges",
            $"at most {Limits.SelectionRangesMax} ranges");
        Inputs.Require(selection.Imeis.Count <= Limits.SelectionNamesMax, "units.imeis",
            $"at most {Limits.SelectionNamesMax} IMEIs");
        Inputs.Require(selection.SerialNumbers.Count <= Limits.SelectionNamesMax, "units.serial_numbers",
            $"at most {Limits.SelectionNamesMax} serial numbers");
        Inputs.Require(selection.ImeiRanges.Count + selection.Imeis.Count + selection.SerialNumbers.Count > 0, "units",
            "at least one range, IMEI or serial number; to mean all, leave it out");
        var ranges = selection.ImeiRanges.Select((r, i) =>
            (First: Inputs.Imei($"units.imei_ranges[{i}].first", r.First),
            Last: Inputs.Imei($"units.imei_ranges[{i}].last", r.Last))).ToList();
        for (var i = 0; i < ranges.Count; i++) Inputs.Require(ranges[i].First.Value <= ranges[i].Last.Value,
            $"units.imei_ranges[{i}].last", "an IMEI not before first");
        return new UnitSelector(
            ranges,
            [.. selection.Imeis.Select((text, i) => Inputs.Imei($"units.imeis[{i}]", text))],
            [.. selection.SerialNumbers.Select((text, i) => Inputs.SerialNumber($"units.serial_numbers[{i}]", text))]);
    }

    /// <summary>Resolves the selection to units. Throws NOT_FOUND if the batch lacks a listed IMEI, range or serial
    /// number.</summary>
    public async Task<IReadOnlyList<UnitRange>> FindAsync(RegistryContext db, BatchRow batch, CancellationToken ct)
    {
        var units = new List<UnitRange>();
        var ranges = Merged();
        if (ranges.Sum(r => r.Last - r.First + 1) <= Limits.RangesWalkedMax)
            foreach (var range in ranges) await AddShortAsync(db, batch, range, units, ct);
        else await AddWideAsync(db, batch, ranges, units, ct);

        if (Imeis.Count > 0)
        {
            var numbers = Imeis.Select(i => (long)i.Value).Distinct().ToList();
            var found = await db.Imeis.Where(i => numbers.Contains(i.Imei) && i.BatchNumber == batch.Number
                && i.RetiredAt == null).ToDictionaryAsync(i => i.Imei, i => i.Unit, ct);
            if (numbers.FirstOrDefault(n => !found.ContainsKey(n), -1) is >= 0 and var missing) throw NoUnit(batch,
                $"IMEI {new Imei((ulong)missing).Digits}", "units.imeis");
            units.AddRange(found.Values.Select(unit => new UnitRange(unit, unit)));
        }

        if (Serials.Count > 0)
        {
            var serials = Serials.Distinct(StringComparer.Ordinal).ToList();
            var found = await db.Devices.Where(d => d.PartyId == batch.PartyId && serials.Contains(d.SerialNumber)
                && d.BatchNumber == batch.Number).ToDictionaryAsync(d => d.SerialNumber, d => d.Unit, ct);
            if (serials.Find(s => !found.ContainsKey(s)) is { } missing) throw NoUnit(batch, $"serial number {missing}",
                "units.serial_numbers");
            units.AddRange(found.Values.Select(unit => new UnitRange(unit, unit)));
        }

        return UnitRuns.Ranges(units);
    }

    // Sorted and non-overlapping ranges.
    private List<(long First, long Last)> Merged()
    {
        var merged = new List<(long First, long Last)>();
        foreach (var (first, last) in Ranges.Select(r => (First: (long)r.First.Value, Last: (long)r.Last.Value))
            .Order())
            if (merged.Count > 0 && first <= merged[^1].Last) merged[^1] =
                (merged[^1].First, Math.Max(merged[^1].Last, last));
            else merged.Add((first, last));
        return merged;
    }

    // Short ranges: scans the index of all IMEIs.
    private static async Task AddShortAsync(RegistryContext db, BatchRow batch, (long First, long Last) range,
        List<UnitRange> units, CancellationToken ct)
    {
        var isEmpty = true;
        var found = db.Imeis.Where(i => i.Imei >= range.First && i.Imei <= range.Last && i.BatchNumber == batch.Number
            && i.RetiredAt == null).OrderBy(i => i.Imei).Select(i => i.Unit).AsAsyncEnumerable();
        await foreach (var unit in found.WithCancellation(ct))
        {
            Add(units, unit);
            isEmpty = false;
        }

        if (isEmpty) throw NoUnit(batch, range);
    }

    // Wide ranges: scans the units of the batch, ten million at most.
    private static async Task AddWideAsync(RegistryContext db, BatchRow batch,
        List<(long First, long Last)> ranges, List<UnitRange> units, CancellationToken ct)
    {
        var found = new bool[ranges.Count];
        var all = db.Devices.AsNoTracking().Where(d => d.BatchNumber == batch.Number).OrderBy(d => d.Unit)
            .Select(d => new { d.Unit, d.Imeis }).AsAsyncEnumerable();
        await foreach (var unit in all.WithCancellation(ct))
            foreach (var imei in unit.Imeis)
            {
                var at = ranges.BinarySearch((imei, long.MaxValue));
                if ((at >= 0 ? at : ~at - 1) is var before && (before < 0 || ranges[before].Last < imei)) continue;

                found[before] = true;
                Add(units, unit.Unit);
            }

        if (Array.IndexOf(found, false) is >= 0 and var empty) throw NoUnit(batch, ranges[empty]);
    }

    // Consecutive units of the file, and several IMEIs of one unit, usually follow one another.
    private static void Add(List<UnitRange> units, int unit)
    {
        if (units.Count > 0 && unit >= units[^1].First && unit <= units[^1].Last + 1) units[^1] =
            units[^1] with { Last = Math.Max(units[^1].Last, unit) };
        else units.Add(new UnitRange(unit, unit));
    }

    private static RegistryException NoUnit(BatchRow batch, (long First, long Last) range) =>
        NoUnit(batch, $"IMEI from {new Imei((ulong)range.First).Digits} to {new Imei((ulong)range.Last).Digits}",
            "units.imei_ranges");

    private static RegistryException NoUnit(BatchRow batch, string what, string field) =>
        new(RegistryError.NotFound, $"Batch {batch.Number} has no unit with {what}. Nothing was changed.", field,
            "what the batch has");
}
