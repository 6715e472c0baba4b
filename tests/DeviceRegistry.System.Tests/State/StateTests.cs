using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Registrar.State;
using DeviceRegistry.TestKit;
using Grpc.Core;
using Npgsql;

namespace DeviceRegistry.System.Tests.State;

/// <summary>Comparison of the tables with the journal: no difference after any change through the registry, and a
/// difference after any change made directly in the database.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class StateTests
{
    private const string Order = "(SELECT min(number) FROM orders WHERE state IN (10, 11))";

    private static StateWorld _world = null!;

    [OneTimeSetUp]
    public static async Task Start() => _world = await StateWorld.StartFullAsync();

    [OneTimeTearDown]
    public static async Task Stop() => await _world.DisposeAsync();

    [Test]
    public async Task The_tables_match_the_journal_after_every_kind_of_change()
    {
        var (differences, end) = await _world.VerifyAsync();

        Assert.That(differences, Is.Empty);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(end.Matches, Is.True);
            Assert.That(end.Differences, Is.EqualTo(0ul));
            Assert.That(end.ErasedEntries, Is.EqualTo(0ul));
            Assert.That(end.Position, Is.EqualTo(
                ulong.Parse(await _world.ValueAsync("SELECT max(position) FROM journal"),
                CultureInfo.InvariantCulture)));
        }

        Assert.That(end.Tables.Where(t => t.Rows is 0).Select(t => t.Name), Is.Empty,
            "every table has something to be compared");
        Assert.That(end.Tables.Select(t => t.Name), Is.EquivalentTo(ReplayTables.All.Select(t => t.Name)));
    }

    private static TestCaseData[] Tampering() =>
    [
        Case("parties", "UPDATE parties SET plmns = '{41099}' WHERE name = 'opco-c'",
        "SELECT 'parties ' || id || ' plmns: {41099} for {41011,41012}' FROM parties WHERE name = 'opco-c'"),
        Case("parties", "UPDATE parties SET name = 'opco-x' WHERE name = 'opco-c'",
            "SELECT 'parties ' || id || ' name: opco-x for opco-c' FROM parties WHERE name = 'opco-c'"),
        Case("actors", "UPDATE actors SET key_set_by = '{}' WHERE name = 'new-key'",
            "SELECT 'actors ' || id || ' key_set_by: {} for ' || key_set_by::text FROM actors WHERE name = 'new-key'"),
        Case("actors", "UPDATE actors SET revoked_keys = '{}' WHERE name = 'new-key'",
            "SELECT 'actors ' || id || ' revoked_keys: {} for ' || revoked_keys::text FROM actors WHERE name = " +
            "'new-key'"),
        Case("authorizations", "UPDATE authorizations SET quota_units = 5000 WHERE number = 'IMP-77'",
            "SELECT 'authorizations IMP-77 quota_units: 5000 for 500'"),
        Case("tac_mandates", "DELETE FROM tac_mandates WHERE tac = 35290699",
            "SELECT 'tac_mandates 35290699/' || party_id || ' missing' FROM tac_mandates WHERE tac = 35290699"),
        Case("changes",
            "UPDATE changes SET decided_by = (SELECT id FROM actors WHERE name = 'regulator-d') WHERE state = 3",
            "SELECT 'changes ' || number || ' decided_by: ' || (SELECT id FROM actors WHERE name = 'regulator-d') || " +
            "' for ' || decided_by FROM changes WHERE state = 3"),
        Case("policies", "UPDATE policies SET body = '' WHERE state = 1",
            "SELECT 'policies ' || version || ' body: \\x for ' || left(body::text, 200) FROM policies WHERE state = " +
            "1"),
        Case("policies", "UPDATE policies SET in_force_at = in_force_at - interval '1 day' WHERE version = 1",
            "SELECT 'policies ' || version || ' in_force_at: ' || in_force_at - interval '1 day' || ' for' FROM " +
            "policies WHERE version = 1"),
        Case("tacs", "UPDATE tacs SET device_type = 'Feature phone' WHERE tac = 35290699",
            "SELECT 'tacs 35290699 device_type: Feature phone for Smartphone'"),
        Case("tacs",
            "INSERT INTO tacs (tac, manufacturer, brand, model, device_type, bands, sim_slots) VALUES (99999999, " +
            "'a', 'b', 'c', 'd', 'e', 1)", "SELECT 'tacs 99999999 unknown'"),
        Case("batches", "UPDATE batches SET origin = 2 WHERE number = 1", "SELECT 'batches 1 origin: 2 for 1'"),
        Case("batches", "DELETE FROM batches WHERE state = 6",
            "SELECT 'batches ' || number || ' missing' FROM batches WHERE state = 6"),
        Case("batches", "UPDATE batches SET certified_under = 9 WHERE certified_under IS NOT NULL AND state = 10",
            "SELECT 'batches ' || number || ' certified_under: 9 for ' || certified_under FROM batches WHERE " +
            "certified_under IS NOT NULL AND state = 10"),
        Case("unit_runs", "UPDATE unit_runs SET state = 4 WHERE batch_number = 1 AND state = 5",
            "SELECT 'unit_runs 1/' || first_unit || ' state: 4 for 5' FROM unit_runs WHERE batch_number = 1 AND " +
            "state = 5"),
        Case("unit_runs", "UPDATE unit_runs SET since = since - interval '1 h' WHERE batch_number = 1 AND state = 5",
            "SELECT 'unit_runs 1/' || first_unit || ' since: ' || since - interval '1 h' || ' for' FROM unit_runs " +
            "WHERE batch_number = 1 AND state = 5"),
        Case("unit_runs", "UPDATE unit_runs SET imeis = 7 WHERE batch_number = 2 AND first_unit = 1",
            "SELECT 'unit_runs 2/1 imeis: 7 for 1'"),
        Case("devices", "UPDATE devices SET serial_number = 'STOLEN-1' WHERE batch_number = 1 AND unit = 1",
            "SELECT 'devices 1/1 serial_number: STOLEN-1 for ' || serial_number FROM devices WHERE batch_number = 1 " +
            "AND unit = 1"),
        Case("devices", "DELETE FROM devices WHERE batch_number = 1 AND unit = 3", "SELECT 'devices 1/3 missing'"),
        Case("devices",
            "INSERT INTO devices (batch_number, unit, party_id, serial_number, imeis) VALUES (1, 99, 1, 'SMUGGLED', " +
            "'{1}')", "SELECT 'devices 1/99 unknown'"),
        Case("devices",
            "INSERT INTO devices (batch_number, unit, party_id, serial_number, imeis) VALUES (900, 1, 1, 'SMUGGLED', " +
            "'{1}')", "SELECT 'devices 900/1 unknown'"),
        Case("imeis",
            "UPDATE imeis SET retired_at = NULL WHERE imei = (SELECT min(imei) FROM imeis WHERE retired_at IS NOT " +
            "NULL)",
            "SELECT 'imeis ' || imei || ' retired_at:  for' FROM imeis WHERE retired_at IS NOT NULL ORDER BY imei " +
            "LIMIT 1"),
        Case("imeis",
            "UPDATE imeis SET unit = 4 WHERE imei = (SELECT imeis[1] FROM devices WHERE batch_number = 1 AND unit = 5)",
            "SELECT 'imeis ' || imeis[1] || ' unit: 4 for 5' FROM devices WHERE batch_number = 1 AND unit = 5"),
        Case("imeis",
            "DELETE FROM imeis WHERE imei = (SELECT imeis[1] FROM devices WHERE batch_number = 1 AND unit = 5)",
            "SELECT 'imeis ' || imeis[1] || ' missing' FROM devices WHERE batch_number = 1 AND unit = 5"),
        Case("imeis", "INSERT INTO imeis (imei, batch_number, unit) VALUES (35290611999999, 1, 1)",
            "SELECT 'imeis 35290611999999 unknown'"),
        Case("imeis", "INSERT INTO imeis (imei, batch_number, unit) VALUES (35290611999999, 900, 1)",
            "SELECT 'imeis 35290611999999 unknown'"),
        Case("quarantined_units", "DELETE FROM quarantined_units WHERE batch_number = 3 AND unit = 2",
            "SELECT 'quarantined_units 3/2 missing'"),
        Case("alarms", "DELETE FROM alarms WHERE kind = 2",
            "SELECT 'alarms ' || number || ' missing' FROM alarms WHERE kind = 2"),
        Case("alarms", "UPDATE alarms SET operators = '{}' WHERE kind = 3",
            "SELECT 'alarms ' || number || ' operators: {} for ' || operators::text FROM alarms WHERE kind = 3"),
        Case("orders", $"UPDATE orders SET basis = 'none' WHERE number = {Order}",
            $"SELECT 'orders ' || number || ' basis: none for ' || basis FROM orders WHERE number = {Order}"),
        Case("orders", "UPDATE orders SET expires_at = expires_at + interval '1 day' WHERE expires_at > now()",
            "SELECT 'orders ' || number || ' expires_at: ' || expires_at + interval '1 day' || ' for ' || expires_at " +
            "FROM orders WHERE expires_at > now()"),
        Case("orders",
            "UPDATE orders SET approved_by = (SELECT id FROM actors WHERE name = 'regulator-d') WHERE state = 3",
            "SELECT 'orders ' || number || ' approved_by: ' || (SELECT id FROM actors WHERE name = 'regulator-d') || " +
            "' for ' || approved_by FROM orders WHERE state = 3"),
        Case("orders", "DELETE FROM orders WHERE state = 6",
            "SELECT 'orders ' || number || ' missing' FROM orders WHERE state = 6"),
        Case("orders", "UPDATE orders SET state = 8, ended_at = NULL WHERE state = 9",
            "SELECT string_agg('orders ' || number || w.w, E'\\n') FROM orders, (VALUES (' state: 8 for 9'), (' " +
            "ended_at:  for')) w (w) WHERE state = 9"),
        Case("order_items",
            $"DELETE FROM order_items WHERE order_number = {Order} AND value = (SELECT max(value) FROM order_items " +
            $"WHERE order_number = {Order})",
            $"SELECT 'order_items ' || order_number || '/1/' || max(value) || '/0 missing' FROM order_items WHERE " +
            $"order_number = {Order} GROUP BY order_number"),
        Case("order_items", $"INSERT INTO order_items (order_number, kind, value) VALUES ({Order}, 1, 35290611999998)",
            $"SELECT 'order_items ' || {Order} || '/1/35290611999998/0 unknown'"),
        Case("order_items",
            "UPDATE order_items SET party_id = (SELECT id FROM parties WHERE name = 'opco-b') WHERE kind = 6 AND " +
            "value = (SELECT min(value) FROM order_items WHERE kind = 6 AND value >= 0)",
            "SELECT concat_ws('/', 'order_items ' || order_number, kind, value, detail) || ' party_id: ' || (SELECT " +
            "id FROM parties WHERE name = 'opco-b') || ' for ' || party_id FROM order_items WHERE kind = 6 AND value " +
            ">= 0 ORDER BY value LIMIT 1"),
        Case("order_items",
            "INSERT INTO order_items (order_number, kind, value, detail, party_id) SELECT DISTINCT order_number, 6, " +
            "35290611999999, 77, party_id FROM order_items WHERE kind = 6 AND value >= 0",
            "SELECT DISTINCT 'order_items ' || order_number || '/6/35290611999999/77 unknown' FROM order_items WHERE " +
            "kind = 6"),
        Case("appeals", "UPDATE appeals SET findings = 'not heard' WHERE state = 3",
            "SELECT 'appeals ' || number || ' findings: not heard for heard' FROM appeals WHERE state = 3"),
        Case("appeals", "UPDATE appeals SET state = 3, measure = NULL WHERE state = 4",
            "SELECT string_agg('appeals ' || number || w.w, E'\\n') FROM appeals, LATERAL (VALUES (' state: 3 for " +
            "4'), (' measure:  for ' || measure)) w (w) WHERE state = 4"),
        Case("appeals", "DELETE FROM appeals WHERE state = 6",
            "SELECT 'appeals ' || number || ' missing' FROM appeals WHERE state = 6"),
        Case("batch_pieces", "UPDATE batch_pieces SET bytes = bytes || '\\x00' WHERE batch_number = 1",
            "SELECT 'batch_pieces 1/1 bytes: they are not what the batch''s entry has the digest of'"),
        Case("journal_private",
            "UPDATE journal_private SET private_bytes = '' WHERE payload_id = (SELECT p.id FROM journal_payloads p " +
            "WHERE p.kind = 26)",
            "SELECT 'journal_private ' || position || ' private_bytes: they are not what the entry has the digest " +
            "of' FROM journal j JOIN journal_payloads p ON p.id = j.payload_id AND p.kind = 26"),
        Case("journal", "UPDATE journal SET at = at + interval '1 microsecond' WHERE position = 5",
            "SELECT 'journal 5 hash: its hash does not match its contents and the entry before'"),
    ];

    [TestCaseSource(nameof(Tampering))]
    public async Task Exactly_the_changes_made_directly_in_the_database_are_named(string table, string sql,
        string expectedSql)
    {
        var expected = (await _world.ValueAsync(expectedSql)).Split('\n');

        var (differences, end) = await _world.TamperedAsync(sql, table);

        // The output shows times of the journal in microseconds; the beginning of the line identifies the value.
        Assert.That(differences.Select(d =>
            expected.FirstOrDefault(e => e.EndsWith(" for", StringComparison.Ordinal)
            && d.StartsWith(e, StringComparison.Ordinal)) ?? d), Is.EquivalentTo(expected));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(end.Matches, Is.False);
            Assert.That(end.Differences, Is.EqualTo((ulong)expected.Length));
            Assert.That(end.Tables.Single(t => t.Name == table).Differences, Is.EqualTo((ulong)expected.Length));
        }
    }

    [TestCase("p.kind = 1", "parties")]
    [TestCase("p.kind = 2", "actors")]
    [TestCase("p.kind IN (3, 4)", "authorizations tac_mandates")]
    [TestCase("p.kind = 5", "policies")]
    [TestCase("p.kind = 7", "tacs")]
    [TestCase("p.kind = 8", "batches devices imeis unit_runs")]
    [TestCase("p.kind IN (12, 19, 20)", "batches unit_runs")]
    [TestCase("p.kind = 21", "devices imeis")]
    [TestCase("p.kind = 22", "alarms quarantined_units")]
    [TestCase("p.kind = 23", "changes")]
    [TestCase("p.kind = 13", "order_items orders")]
    [TestCase("p.kind IN (26, 27, 28)", "orders")]
    [TestCase("p.kind IN (35, 37, 38)", "appeals")]
    public async Task Erased_private_parts_are_not_compared(string which, string tables)
    {
        var sql = $"DELETE FROM journal_private USING journal_payloads p WHERE p.id = payload_id AND {which}";
        var erased = ulong.Parse(await _world.ValueAsync(
            $"SELECT count(*) FROM journal_private JOIN journal_payloads p ON p.id = payload_id WHERE {which}"),
            CultureInfo.InvariantCulture);

        var (differences, end) = await _world.TamperedAsync(sql, "journal_private");

        Assert.That(differences, Is.Empty);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(end.Matches, Is.True);
            Assert.That(end.ErasedEntries, Is.EqualTo(erased));
        }

        Assert.That(string.Join(' ', end.Tables.Where(t => t.Erased > 0).Select(t => t.Name)), Is.EqualTo(tables));
    }

    [Test]
    public async Task The_public_part_is_compared_although_the_private_part_is_erased()
    {
        var (differences, _) = await _world.TamperedAsync(
            "DELETE FROM journal_private USING journal_payloads p WHERE p.id = payload_id AND p.kind = 2; UPDATE " +
            "actors SET active = true, name = 'renamed' WHERE name = 'retired'", "journal_private", "actors");

        Assert.That(differences, Is.EqualTo(
            [await _world.ValueAsync(
            "SELECT 'actors ' || id || ' active: true for false' FROM actors WHERE name = 'retired'")]));
    }

    [Test]
    public async Task An_erased_piece_of_a_units_file_is_no_difference()
    {
        var (differences, end) = await _world.TamperedAsync("DELETE FROM batch_pieces WHERE batch_number = 2",
            "batch_pieces");

        Assert.That(differences, Is.Empty);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(end.Matches, Is.True);
            Assert.That(end.ErasedPieces, Is.EqualTo(1ul));
            Assert.That(end.Tables.Single(t => t.Name is "devices").Erased, Is.EqualTo(3ul));
        }
    }

    [Test]
    public async Task The_named_differences_are_limited_but_all_are_counted()
    {
        await _world.ExecuteAsync("UPDATE tacs SET bands = 'none'");
        var (two, end) = await _world.VerifyAsync(most: 2);
        await _world.ExecuteAsync("UPDATE tacs SET bands = CASE tac WHEN 35290699 THEN 'UMTS B1' ELSE 'LTE B3' END");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(two.Count, Is.EqualTo(2));
            Assert.That(end.Differences, Is.EqualTo(4ul));
        }
    }

    [Test]
    public async Task Verification_runs_one_at_a_time_without_blocking_writes()
    {
        await using var connection = new NpgsqlConnection(Registry.Cluster.Server.AdminConnectionString(_world.Database)
            + ";Pooling=false");
        await connection.OpenAsync();
        var held = await connection.BeginTransactionAsync();
        await using (var hold = new NpgsqlCommand("LOCK TABLE quarantined_units",
            connection)) await hold.ExecuteNonQueryAsync();

        // The first verification waits in its middle and is cancelled by its client; the next one then waits at the
        // same place.
        using (_world.Begin()) await WaitsAsync();
        await Registry.UntilAsync(async _ => await _world.ValueAsync(WaitingSql) is "0");
        var second = VerifyOnceFreeAsync();
        await WaitsAsync();
        var refusal = await Registry.RefusalOfAsync(() => _world.VerifyAsync());
        var written = await _world.Orders("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()));
        await held.RollbackAsync();
        var (differences, end) = await second;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("VERIFICATION_IN_PROGRESS"));
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.ResourceExhausted));
            Assert.That(differences, Is.EqualTo(Array.Empty<string>()));
            Assert.That(written.JournalPosition > 0, Is.True);
        }

        Assert.That(end.Position, Is.LessThan(written.JournalPosition), "as of the moment it began");
    }

    [Test]
    public async Task An_unknown_kind_of_entry_is_named()
    {
        await using var world = await StateWorld.StartAsync();
        await world.ExecuteAsync(
            "SELECT journal_stage('00000000-0000-0000-0000-000000000077', 77, false, 0, '\\x0801', '', '{}', '{}'); " +
            "SELECT journal_append('{00000000-0000-0000-0000-000000000077}')");
        var position = await world.ValueAsync("SELECT max(position) FROM journal");

        var (differences, end) = await world.VerifyAsync();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(differences, Is.EqualTo(
                (string[])[$"journal {position} kind: entry {position} of kind 77 is not known to this version"]));
            Assert.That(end.Matches, Is.False);
        }
    }

    [Test]
    public async Task Every_table_and_column_is_compared_or_excluded_with_a_reason()
    {
        var known = ReplayTables.All.SelectMany(t => t.Key.Concat(t.Exact).Concat(t.Times)
            .Concat(t.NotCompared.Select(l => l.Column)).Select(c => $"{t.Name}.{c}"));
        var left = string.Join("', '", ReplayTables.NotCompared.Select(t => t.Table));

        var all = await _world.ValueAsync(
            $"SELECT string_agg(table_name || '.' || column_name, E'\\n') FROM information_schema.columns WHERE " +
            $"table_schema = 'public' AND table_name NOT IN ('{left}')");

        Assert.That(known, Is.EquivalentTo(all.Split('\n')));
    }

    private const string WaitingSql =
        "SELECT count(*) FROM pg_locks WHERE relation = 'quarantined_units'::regclass AND NOT granted";

    private static Task WaitsAsync() => Registry.UntilAsync(async _ => await _world.ValueAsync(WaitingSql) is not "0");

    // The first verification ends a moment after its client cancels it.
    private static async Task<(IReadOnlyList<string> Differences, StateSummary End)> VerifyOnceFreeAsync()
    {
        while (true)
            try
            {
                return await _world.VerifyAsync();
            }
            catch (RpcException refusal) when (Registry.ReasonOf(refusal) is "VERIFICATION_IN_PROGRESS")
            {
                await Task.Yield();
            }
    }

    private static TestCaseData Case(string table, string sql, string expectedSql) =>
        new TestCaseData(table, sql, expectedSql).SetArgDisplayNames(table, sql.Length > 60 ? sql[..60] : sql);
}
