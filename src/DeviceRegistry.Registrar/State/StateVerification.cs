using System.Data;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace DeviceRegistry.Registrar.State;

/// <summary>Replays the journal into temporary tables and compares them with the real ones, all in one database
/// snapshot and by reads only, so that no writer waits. Memory holds one page of entries or one piece of a batch,
/// whatever the size of the registry; the temporary tables are dropped at the end of their transaction.</summary>
/// <remarks>Code that writes the real rows is not used here: the verification has its own. Code that parses entries is
/// shared.</remarks>
internal sealed class StateVerification(NpgsqlDataSource database, Resilience resilience)
{
    // The service role's limit on idle transactions protects the journal lock, which this transaction never takes.
    // Sorts may use that much memory instead of disk.
    private const string SettingsSql =
        "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL work_mem = '64MB'; SET LOCAL jit = off; SET " +
        "LOCAL client_min_messages = warning";

    // Without constraints: rows from a tampered journal shall be compared, not rejected.
    private const string TablesSql = """
        CREATE TEMPORARY TABLE erased (table_name text NOT NULL, value bigint NOT NULL) ON COMMIT DROP;
        CREATE TEMPORARY TABLE pieces (batch_number int NOT NULL, piece int NOT NULL, digest bytea NOT NULL)
            ON COMMIT DROP;
        CREATE TEMPORARY TABLE swaps (position bigint NOT NULL, at timestamptz NOT NULL, batch_number int NOT NULL,
            unit int NOT NULL, retired bigint[] NOT NULL, imeis bigint[] NOT NULL) ON COMMIT DROP;
        CREATE TEMPORARY TABLE comparable (number int NOT NULL, least int NOT NULL, most int NOT NULL) ON COMMIT DROP;
        CREATE TEMPORARY TABLE imei_counts (number int NOT NULL, matched bigint NOT NULL) ON COMMIT DROP;
        CREATE INDEX ON pg_temp.pieces (batch_number);
        CREATE TEMPORARY TABLE order_named (order_number bigint NOT NULL, kind smallint NOT NULL, imei bigint NOT NULL,
            detail bigint NOT NULL, party_id bigint NOT NULL) ON COMMIT DROP;
        CREATE TEMPORARY TABLE order_units (order_number bigint NOT NULL, batch_number int NOT NULL, unit int NOT NULL,
            serial_number text NOT NULL) ON COMMIT DROP;
        CREATE INDEX ON pg_temp.order_named (order_number);
        CREATE INDEX ON pg_temp.order_units (order_number);
        """;

    // IMEIs that orders cover, alone or with a subscriber, in both table and journal, but that neither the draft lists
    // nor belong to a unit it lists: inserted between signing and arming.
    private const string UnexpectedItemsSql = """
        SELECT concat_ws('/', i.order_number, i.kind, i.value, i.detail) FROM public.order_items i
        WHERE (i.kind = 1 OR (i.kind = 6 AND i.value >= 0))
            AND (i.order_number, i.kind, i.value, i.detail, coalesce(i.party_id, 0)) IN (SELECT order_number, kind,
            value, detail, coalesce(party_id, 0) FROM pg_temp.order_items)
          AND i.order_number NOT IN (SELECT value FROM pg_temp.erased WHERE table_name = 'order_items')
          AND NOT EXISTS (SELECT FROM pg_temp.order_named d
              WHERE (d.order_number, d.kind, d.detail, d.party_id) = (i.order_number, i.kind, i.detail,
              coalesce(i.party_id, 0)) AND d.imei = i.value)
          AND NOT EXISTS (
            SELECT FROM public.imeis e JOIN pg_temp.order_named d
                ON (d.order_number, d.kind, d.detail, d.party_id) = (i.order_number, i.kind, i.detail,
                coalesce(i.party_id, 0)) JOIN public.imeis n ON n.imei = d.imei
            WHERE e.imei = i.value AND (n.batch_number, n.unit) = (e.batch_number, e.unit))
          AND NOT EXISTS (
            SELECT FROM public.imeis e JOIN pg_temp.order_units u ON u.order_number = i.order_number
                AND u.batch_number = e.batch_number
            LEFT JOIN public.devices v ON v.batch_number = e.batch_number AND v.unit = e.unit
            WHERE i.kind = 1 AND e.imei = i.value AND (u.unit = e.unit OR (u.unit = 0
                AND v.serial_number = u.serial_number)))
        """;

    // A rejected batch is deleted after a while, without an entry.
    private const string VanishedSql =
        "DELETE FROM pg_temp.batches WHERE state = 3 AND number NOT IN (SELECT number FROM public.batches)";
    private const string HeadSql = "SELECT coalesce(max(position), 0) FROM public.journal";

    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Runs a verification. Throws at once if another one is running.</summary>
    public async Task VerifyAsync(StateReport report, CancellationToken ct)
    {
        if (!await _turn.WaitAsync(0, ct))
            throw new RegistryException(RegistryError.VerificationInProgress,
                "The tables are being compared with the journal already. Ask again when that is done: it reads " +
                "everything there is.");

        try
        {
            await VerifyAloneAsync(report, ct);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task VerifyAloneAsync(StateReport report, CancellationToken ct)
    {
        // 1. Two connections with the same snapshot: one reads while the other holds the temporary tables.
        await using var tables = await OpenAsync(ct);

        // Statements prepared while the names meant the real tables would go on reading those.
        tables.UnprepareAll();
        await using var transaction = await tables.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
        var snapshot = (string)(await ScalarAsync(tables, "SELECT pg_export_snapshot()", ct))!;
        await using var reading = await OpenAsync(ct);
        await using var same = await reading.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
        await ExecuteAsync(reading, $"SET TRANSACTION SNAPSHOT '{snapshot}'; SET TRANSACTION READ ONLY; {SettingsSql}",
            ct);
        await ExecuteAsync(tables,
            $"{SettingsSql}; {TablesSql}; {string.Concat(ReplayTables.All.Select(Fresh))} ALTER TABLE pg_temp.tacs " +
            $"ADD position bigint", ct);

        // 2. Replay the journal.
        var (replay, journal) = await ReplayAsync(tables, transaction, reading, report, ct);

        // 3. Compare the units, then the other tables.
        var comparison = new TableComparison(tables, report);
        await new UnitReplay(tables, reading, comparison, report).RunAsync(replay.ErasedTables, ct);
        await same.RollbackAsync(ct);
        for (var i = 0; i < ReplayTables.Whole.Count; i++)
        {
            await report.ReportAsync(StatePhase.Tables, (ulong)i, (ulong)ReplayTables.Whole.Count, ct);
            await ExecuteAsync(tables, $"ANALYZE pg_temp.{ReplayTables.Whole[i].Name}", ct);
            await comparison.CompareAsync(ReplayTables.Whole[i],
                replay.ErasedTables.Contains(ReplayTables.Whole[i].Name), ct);
        }

        await comparison.ReportUnexpectedAsync("order_items", UnexpectedItemsSql, [], ct);
        await report.ReportAsync(StatePhase.Tables, (ulong)ReplayTables.Whole.Count, (ulong)ReplayTables.Whole.Count,
            ct);
        await report.EndAsync(journal.End.Position, journal.End.Hash, ct);
    }

    private static async Task<(Replay Replay, JournalPages Journal)> ReplayAsync(
        NpgsqlConnection tables, NpgsqlTransaction transaction, NpgsqlConnection reading, StateReport report,
        CancellationToken ct)
    {
        var head = (ulong)(long)(await ScalarAsync(tables, HeadSql, ct))!;
        var journal = new JournalPages(reading, report);
        var replay = new Replay(tables, transaction, report, await ReasonsAsync(tables, transaction, ct));
        await report.ReportAsync(StatePhase.Journal, 0, head, ct);
        await foreach (var page in journal.ReadAsync(ct))
        {
            await replay.TakeAsync(page, ct);
            await report.ReportAsync(StatePhase.Journal, page[^1].Position, head, ct);
        }

        await ExecuteAsync(tables, VanishedSql, ct);
        return (replay, journal);
    }

    private static async Task<List<OrderReasonRow>> ReasonsAsync(NpgsqlConnection tables, NpgsqlTransaction transaction,
        CancellationToken ct)
    {
        await using var db = new RegistryContext(new DbContextOptionsBuilder<RegistryContext>()
            .UseNpgsql(tables).Options);
        await db.Database.UseTransactionAsync(transaction, ct);
        return await db.OrderReasons.AsNoTracking().ToListAsync(ct);
    }

    private static string Fresh(ReplayTable table) =>
        $"CREATE TEMPORARY TABLE {table.Name} (LIKE public.{table.Name}) ON COMMIT DROP; " +
            $"{(table.Name is "imeis" or "devices" or "order_items" or "alarms" ? ""
                : $"CREATE INDEX ON pg_temp.{table.Name} ({string.Join(", ", table.Key)});")} ";

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken ct) =>
        await resilience.Reach.ExecuteAsync(async token => await database.OpenConnectionAsync(token), ct);

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(ct);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(ct);
    }
}
