using DeviceRegistry.Contracts.V1;
using Npgsql;

namespace DeviceRegistry.Registrar.State;

/// <summary>Compares a table with the replayed table of the same name, by one statement that returns every
/// difference.</summary>
internal sealed class TableComparison(NpgsqlConnection connection, StateReport report)
{
    /// <summary>Maximum characters of a reported value.</summary>
    private const int ValueMax = 200;

    /// <summary>Compares a table; <paramref name="range"/> holds the parameters of its scope.</summary>
    public async Task CompareAsync(ReplayTable table, bool hasErased, CancellationToken ct, params object[] range)
    {
        var counts = report.Of(table.Name);
        counts.Rows += (ulong)await ScalarAsync($"SELECT count(*) FROM ({table.Replayed}) r", [], ct);
        if (hasErased)
            counts.Erased += (ulong)await ScalarAsync(
                $"SELECT count(*) FROM public.{table.Name} WHERE ({table.Scope}) AND {table.ErasedBy} IN "
                + $"(SELECT value FROM pg_temp.erased WHERE table_name = '{table.Name}')", range, ct);
        await ReportAsync(table.Name, Sql(table), range, ct);
    }

    /// <summary>Reports rows that should not exist; <paramref name="keysSql"/> selects their keys. Returns their
    /// number.</summary>
    public async Task<int> ReportUnexpectedAsync(string table, string keysSql, object[] parameters,
        CancellationToken ct) =>
        await ReportAsync(table,
            $"SELECT {(int)StateDifferenceKind.Unexpected}, k.key, '', '', '' FROM ({keysSql}) k (key)", parameters,
            ct);

    private async Task<int> ReportAsync(string table, string sql, object[] parameters, CancellationToken ct)
    {
        var count = 0;
        await using var command = Command(sql, parameters);
        await using var rows = await command.ExecuteReaderAsync(ct);
        for (; await rows.ReadAsync(ct); count++)
            await report.ReportAsync(
                new StateDifference
                {
                    Kind = (StateDifferenceKind)rows.GetInt32(0), Table = table, Key = rows.GetString(1),
                    Column = rows.GetString(2), InTable = rows.GetString(3), InJournal = rows.GetString(4),
                },
                ct);
        return count;
    }

    // t: the table, r: the replayed table, e: rows with an erased private part. Equal rows are dropped before any text
    // is built from them.
    private static string Sql(ReplayTable table)
    {
        var apart = $"interval '{Limits.RecordedTimeDifferenceMax.TotalSeconds} s'";
        var exact = table.Exact.Select(c => (Column: c, Differs: $"t.{c} IS DISTINCT FROM r.{c}"));
        var times = table.Times.Select(c => (Column: c, Differs: $"""
            NOT coalesce(t.{c} BETWEEN r.{c} - {apart} AND r.{c} + {apart}, t.{c} IS NULL AND r.{c} IS NULL)
            """));
        var columns = exact.Concat(times).ToList();
        var keys = string.Join(", ", table.Key.Select(k => $"coalesce(t.{k}, r.{k})::text"));
        var sameKey = string.Join(" AND ", table.Key.Select(k => $"r.{k} = t.{k}"));
        var differs = string.Join(" OR ", columns.Select(c => c.Differs).Append("t.has IS NULL")
            .Append("r.has IS NULL"));
        var values = columns.Select(c => $"({(int)StateDifferenceKind.Value}, '{c.Column}', t.{c.Column}::text, " +
            $"r.{c.Column}::text, t.has AND r.has AND ({c.Differs})" +
            $"{(table.Public.Contains(c.Column) ? "" : " AND e.value IS NULL")})");
        var missing = $"({(int)StateDifferenceKind.Missing}, '', NULL, NULL, t.has IS NULL" +
            $"{(table.KeepsKeys ? "" : " AND e.value IS NULL")})";
        var unknown = $"({(int)StateDifferenceKind.Unexpected}, '', NULL, NULL, r.has IS NULL AND e.value IS NULL)";
        return $"""
            SELECT c.kind, concat_ws('/', {keys}), c.name,
                left(coalesce(c.a, ''), {ValueMax}), left(coalesce(c.b, ''), {ValueMax})
            FROM (SELECT true AS has, x.* FROM public.{table.Name} x WHERE {table.Scope}) t
            FULL JOIN (SELECT true AS has, y.* FROM ({table.Replayed}) y) r ON {sameKey}
            LEFT JOIN (SELECT DISTINCT value FROM pg_temp.erased WHERE table_name = '{table.Name}') e
                ON e.value = coalesce(t.{table.ErasedBy}, r.{table.ErasedBy})
            CROSS JOIN LATERAL (VALUES
              {string.Join(",\n", values.Append(missing).Append(unknown))}) c (kind, name, a, b, differs)
            WHERE ({differs}) AND c.differs
            """;
    }

    private async Task<long> ScalarAsync(string sql, object[] parameters, CancellationToken ct)
    {
        await using var command = Command(sql, parameters);
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }

    private NpgsqlCommand Command(string sql, object[] parameters)
    {
        // No timeout: the caller can cancel.
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        foreach (var value in parameters) command.Parameters.Add(new() { Value = value });
        return command;
    }
}
