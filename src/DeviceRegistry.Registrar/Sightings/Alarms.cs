using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using AlarmKind = DeviceRegistry.Postgres.Schema.AlarmKind;

namespace DeviceRegistry.Registrar.Sightings;

/// <summary>Raises alarms about units: one per unit and reason, journalled in the write that detected it.
/// Orders/EnforcementWatch raises those about operators and nodes.</summary>
internal static class Alarms
{
    /// <summary>Kind of an alarm and the unit it is about.</summary>
    public sealed record Subject(AlarmKind Kind, int BatchNumber, int Unit, long Imei);

    /// <summary>Raises the alarms that were not raised before; returns their number.</summary>
    public static async Task<int> RaiseAsync(RegistryWrite write, IReadOnlyList<Subject> subjects, DateTime now,
        CancellationToken ct)
    {
        if (subjects.Count is 0) return 0;

        // 1. Keep one alarm per unit and reason, however many of its IMEIs were seen, and none that exists already.
        var batches = subjects.Select(s => s.BatchNumber).Distinct().ToList();
        var units = subjects.Select(s => s.Unit).Distinct().ToList();
        var known = (await write.Db.Alarms.AsNoTracking()
            .Where(a => batches.Contains(a.BatchNumber!.Value) && units.Contains(a.Unit!.Value))
            .Select(a => new { a.Kind, a.BatchNumber, a.Unit }).ToListAsync(ct))
            .Select(a => (a.Kind, a.BatchNumber!.Value, a.Unit!.Value)).ToHashSet();
        var fresh = subjects.DistinctBy(s => (s.Kind, s.BatchNumber, s.Unit))
            .Where(s => !known.Contains((s.Kind, s.BatchNumber, s.Unit))).ToList();
        if (fresh.Count is 0) return 0;

        // 2. Add the operators known so far to have seen the unit.
        var imeis = fresh.Select(s => s.Imei).ToList();
        var seenBy = await write.Db.Sightings.AsNoTracking().Where(s => imeis.Contains(s.Identity))
            .ToDictionaryAsync(s => s.Identity, s => s.Operators, ct);
        var rows = fresh.Select(s => new AlarmRow
        {
            Kind = s.Kind, RaisedAt = now, BatchNumber = s.BatchNumber, Unit = s.Unit, Imei = s.Imei,
            Operators = seenBy.GetValueOrDefault(s.Imei, []),
        }).ToList();
        write.Db.Alarms.AddRange(rows);
        await write.Db.SaveChangesAsync(ct);

        // 3. Journal the alarms with the registry as actor, in entries small enough for every reader.
        foreach (var some in rows.Chunk(JournalChunk)) await StageAsync(write, some, ct);
        return rows.Count;
    }

    /// <summary>Raises an alarm for each quarantined unit of a batch that is about to be registered, without limit on
    /// their number.</summary>
    public static async Task RaiseOfQuarantineAsync(RegistryWrite write, int batch, DateTime now, CancellationToken ct)
    {
        for (var last = 0; ;)
        {
            var rows = await RaiseAfterAsync(write, batch, last, now, ct);
            if (rows.Count > 0) await StageAsync(write, rows, ct);
            if (rows.Count < JournalChunk) return;

            last = rows[^1].Unit!.Value;
        }
    }

    private const int JournalChunk = 10_000;

    private const string OfQuarantineSql = """
        WITH units AS (
          SELECT DISTINCT ON (q.unit) q.unit, q.imei FROM quarantined_units q WHERE q.batch_number = $1 AND q.unit > $2
              ORDER BY q.unit, q.imei LIMIT $3),
        raised AS (
          INSERT INTO alarms (kind, raised_at, batch_number, unit, imei, operators)
          SELECT $4, $5, $1, u.unit, u.imei, coalesce(s.operators, '{}') FROM units u LEFT JOIN sightings s
              ON s.identity = u.imei ORDER BY u.unit
          RETURNING number, unit, imei, operators)
        SELECT number, unit, imei, operators FROM raised ORDER BY unit
        """;

    private static async Task<List<AlarmRow>> RaiseAfterAsync(RegistryWrite write, int batch, int unit, DateTime now,
        CancellationToken ct)
    {
        var rows = new List<AlarmRow>();
        await using var command = new NpgsqlCommand(OfQuarantineSql, write.Connection)
        {
            Parameters =
            {
                new() { Value = batch }, new() { Value = unit }, new() { Value = JournalChunk },
                new() { Value = (short)AlarmKind.SeenBeforeRegistration }, new() { Value = now },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
            rows.Add(new AlarmRow
            {
                Number = reader.GetInt64(0), Kind = AlarmKind.SeenBeforeRegistration, RaisedAt = now,
                BatchNumber = batch, Unit = reader.GetInt32(1), Imei = reader.GetInt64(2),
                Operators = reader.GetFieldValue<long[]>(3),
            });
        return rows;
    }

    /// <summary>Journals alarms whose rows are written, with the registry as actor.</summary>
    public static Task StageAsync(RegistryWrite write, IReadOnlyCollection<AlarmRow> some, CancellationToken ct) =>
        write.StageNowAsync(
        JournalKind.AlarmsRaised, new AlarmsRaised { Alarms = (uint)some.Count },
            new AlarmsRaisedPrivate { Alarms = { some.Select(ToWire) } }, subject: null, ct, actor: 0);

    private static RaisedAlarm ToWire(AlarmRow row) => new()
    {
        AlarmNumber = (ulong)row.Number, Kind = (Contracts.V1.AlarmKind)row.Kind,
        BatchNumber = (ulong)(row.BatchNumber ?? 0), Unit = (uint)(row.Unit ?? 0), Imei = (ulong)(row.Imei ?? 0),
        Operators = { row.Operators.Select(o => (ulong)o) },
        PartyId = (ulong)(row.PartyId ?? 0), Node = (ulong)(row.ActorId ?? 0), Orders = (ulong)(row.Orders ?? 0),
        OrderNumber = (ulong)(row.OrderNumber ?? 0),
        Since = row.Since is { } since ? Timestamp.FromDateTime(since) : null, ClockSkewMs = row.ClockSkewMs ?? 0,
    };
}
