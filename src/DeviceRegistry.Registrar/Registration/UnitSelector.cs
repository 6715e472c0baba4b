using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using UnitRange = DeviceRegistry.Core.UnitRange;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>A selection of units, each field read. <see cref="FindAsync"/> says which units of a batch it means.</summary>
internal sealed record UnitSelector(IReadOnlyList<(Imei First, Imei Last)> Ranges, IReadOnlyList<Imei> Imeis, IReadOnlyList<string> Serials)
{
    /// <summary>Reads a selection; null if there is none.</summary>
    public static UnitSelector? From(UnitSelection? selection)
    {
        if (selection is null) return null;

        Inputs.Require(selection.ImeiRanges.Count <= Limits.SelectionRangesMax, "units.imei_ranges", $"at most {Limits.SelectionRangesMax} ranges");
        Inputs.Require(selection.Imeis.Count <= Limits.SelectionNamesMax, "units.imeis", $"at most {Limits.SelectionNamesMax} IMEIs");
        Inputs.Require(selection.SerialNumbers.Count <= Limits.SelectionNamesMax, "units.serial_numbers", $"at most {Limits.SelectionNamesMax} serial numbers");
        Inputs.Require(selection.ImeiRanges.Count + selection.Imeis.Count + selection.SerialNumbers.Count > 0, "units", "at least one range, IMEI or serial number; to mean all, leave it out");
        var ranges = selection.ImeiRanges.Select((r, i) => (First: Inputs.Imei($"units.imei_ranges[{i}].first", r.First), Last: Inputs.Imei($"units.imei_ranges[{i}].last", r.Last))).ToList();
        for (var i = 0; i < ranges.Count; i++) Inputs.Require(ranges[i].First.Value <= ranges[i].Last.Value, $"units.imei_ranges[{i}].last", "an IMEI not before first");
        return new UnitSelector(
            ranges,
            [.. selection.Imeis.Select((text, i) => Inputs.Imei($"units.imeis[{i}]", text))],
            [.. selection.SerialNumbers.Select((text, i) => Inputs.SerialNumber($"units.serial_numbers[{i}]", text))]);
    }

    /// <summary>The units it means. What the batch does not have is NOT_FOUND.</summary>
    public async Task<IReadOnlyList<UnitRange>> FindAsync(RegistryContext db, BatchRow batch, CancellationToken ct)
    {
        var units = new List<int>();
        foreach (var (first, last) in Ranges)
        {
            var found = await db.Imeis.Where(i => i.Imei >= (long)first.Value && i.Imei <= (long)last.Value && i.BatchNumber == batch.Number && i.RetiredAt == null).Select(i => i.Unit).ToListAsync(ct);
            if (found.Count is 0) throw NoUnit(batch, $"IMEI from {first.Digits} to {last.Digits}", "units.imei_ranges");
            units.AddRange(found);
        }

        if (Imeis.Count > 0)
        {
            var numbers = Imeis.Select(i => (long)i.Value).Distinct().ToList();
            var found = await db.Imeis.Where(i => numbers.Contains(i.Imei) && i.BatchNumber == batch.Number && i.RetiredAt == null).ToDictionaryAsync(i => i.Imei, i => i.Unit, ct);
            if (numbers.FirstOrDefault(n => !found.ContainsKey(n), -1) is >= 0 and var missing) throw NoUnit(batch, $"IMEI {new Imei((ulong)missing).Digits}", "units.imeis");
            units.AddRange(found.Values);
        }

        if (Serials.Count > 0)
        {
            var serials = Serials.Distinct(StringComparer.Ordinal).ToList();
            var found = await db.Devices.Where(d => d.PartyId == batch.PartyId && serials.Contains(d.SerialNumber) && d.BatchNumber == batch.Number).ToDictionaryAsync(d => d.SerialNumber, d => d.Unit, ct);
            if (serials.Find(s => !found.ContainsKey(s)) is { } missing) throw NoUnit(batch, $"serial number {missing}", "units.serial_numbers");
            units.AddRange(found.Values);
        }

        units.Sort();
        return UnitRuns.Ranges(units.Select(u => new UnitRange(u, u)));
    }

    private static RegistryException NoUnit(BatchRow batch, string what, string field) =>
        new(RegistryError.NotFound, $"Batch {batch.Number} has no unit with {what}. Nothing was changed.", field, "what the batch has");
}
