using DeviceRegistry.Contracts.V1;
using Npgsql;
using AlarmKind = DeviceRegistry.Postgres.Schema.AlarmKind;

namespace DeviceRegistry.Registrar.State;

/// <summary>Replays entries about alarms, and from them the quarantined units: each of those has an alarm
/// SEEN_BEFORE_REGISTRATION.</summary>
internal static class AlarmReplay
{
    // If the private part was erased, the alarm numbers are unknown: table rows raised around that time are not
    // compared.
    private const string RaisedAroundSql = """
        INSERT INTO pg_temp.erased (table_name, value)
        SELECT 'alarms', number FROM public.alarms WHERE raised_at BETWEEN $1 AND $2
        UNION ALL SELECT DISTINCT 'quarantined_units', batch_number FROM public.alarms WHERE raised_at BETWEEN $1 AND $2
            AND kind = 1
        """;

    public static async Task TakeAsync(ReplayPage page, ReplayedEntry entry, NpgsqlConnection connection,
        CancellationToken ct)
    {
        if (entry.IsErased)
        {
            page.Added.ErasedTables.UnionWith(["alarms", "quarantined_units"]);
            await using var erase = new NpgsqlCommand(RaisedAroundSql, connection)
            {
                CommandTimeout = 0,
                Parameters = { new() { Value = entry.At - Limits.RecordedTimeDifferenceMax },
                new() { Value = entry.At + Limits.RecordedTimeDifferenceMax } },
            };
            await erase.ExecuteNonQueryAsync(ct);
            return;
        }

        foreach (var alarm in entry.ReadPrivate(AlarmsRaisedPrivate.Parser).Alarms.Where(a => a.BatchNumber > 0)) Add(
            page, entry.At, alarm);
    }

    private static void Add(ReplayPage page, DateTime at, RaisedAlarm alarm)
    {
        var to = page.Added.Alarms;
        to.AddRow(7);
        to.AddBigint((long)alarm.AlarmNumber);
        to.AddSmallint((short)alarm.Kind);
        to.AddTime(at);
        to.AddInt((int)alarm.BatchNumber);
        to.AddInt((int)alarm.Unit);
        to.AddBigint((long)alarm.Imei);
        to.AddBigints([.. alarm.Operators.Select(o => (long)o)]);
        if ((AlarmKind)alarm.Kind is not AlarmKind.SeenBeforeRegistration) return;

        page.Added.Quarantined.AddRow(3);
        page.Added.Quarantined.AddInt((int)alarm.BatchNumber);
        page.Added.Quarantined.AddInt((int)alarm.Unit);
        page.Added.Quarantined.AddBigint((long)alarm.Imei);
    }
}
