using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using AlarmKind = DeviceRegistry.Postgres.Schema.AlarmKind;

namespace DeviceRegistry.Registrar.Sightings;

/// <summary>Raises alarms about units: once for a unit and a reason, and journalled with the write that found out.</summary>
internal static class Alarms
{
    /// <summary>Why, and about which unit.</summary>
    public sealed record Subject(AlarmKind Kind, int BatchNumber, int Unit, long Imei);

    /// <summary>Raises those that were not raised before; how many.</summary>
    public static async Task<int> RaiseAsync(RegistryWrite write, IReadOnlyList<Subject> subjects, DateTime now, CancellationToken ct)
    {
        if (subjects.Count is 0) return 0;

        // 1. One for each unit and reason, however many of its IMEIs were seen, and none that is there already.
        var batches = subjects.Select(s => s.BatchNumber).Distinct().ToList();
        var units = subjects.Select(s => s.Unit).Distinct().ToList();
        var known = (await write.Db.Alarms.AsNoTracking().Where(a => batches.Contains(a.BatchNumber) && units.Contains(a.Unit)).Select(a => new { a.Kind, a.BatchNumber, a.Unit }).ToListAsync(ct))
            .Select(a => (a.Kind, a.BatchNumber, a.Unit)).ToHashSet();
        var fresh = subjects.DistinctBy(s => (s.Kind, s.BatchNumber, s.Unit)).Where(s => !known.Contains((s.Kind, s.BatchNumber, s.Unit))).ToList();
        if (fresh.Count is 0) return 0;

        // 2. By whom each was seen, as far as is known now.
        var imeis = fresh.Select(s => s.Imei).ToList();
        var seenBy = await write.Db.Sightings.AsNoTracking().Where(s => imeis.Contains(s.Identity)).ToDictionaryAsync(s => s.Identity, s => s.Operators, ct);
        var rows = fresh.Select(s => new AlarmRow
        {
            Kind = s.Kind, RaisedAt = now, BatchNumber = s.BatchNumber, Unit = s.Unit, Imei = s.Imei, Operators = seenBy.GetValueOrDefault(s.Imei, []),
        }).ToList();
        write.Db.Alarms.AddRange(rows);
        await write.Db.SaveChangesAsync(ct);

        // 3. The registry itself raises them, in entries of a size that every reader takes.
        foreach (var some in rows.Chunk(JournalChunk))
            write.Stage(JournalKind.AlarmsRaised, new AlarmsRaised { Alarms = (uint)some.Length }, new AlarmsRaisedPrivate { Alarms = { some.Select(ToWire) } }, actor: 0);
        return rows.Count;
    }

    private const int JournalChunk = 10_000;

    private static RaisedAlarm ToWire(AlarmRow row) => new()
    {
        AlarmNumber = (ulong)row.Number, Kind = (Contracts.V1.AlarmKind)row.Kind, BatchNumber = (ulong)row.BatchNumber, Unit = (uint)row.Unit, Imei = (ulong)row.Imei,
        Operators = { row.Operators.Select(o => (ulong)o) },
    };
}
