using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace DeviceRegistry.Postgres.Tests;

public sealed class RoleTests : OnDatabase
{
    [TestCase("UPDATE journal SET hash = '' ")]
    [TestCase("DELETE FROM journal")]
    [TestCase("TRUNCATE journal")]
    [TestCase(
        "INSERT INTO journal (position, epoch, at, payload_id, hash) VALUES (1, 1, now(), gen_random_uuid(), '')")]
    [TestCase("UPDATE journal_payloads SET actor = 0")]
    [TestCase("DELETE FROM journal_payloads")]
    [TestCase("UPDATE journal_private SET private_bytes = ''")]
    [TestCase("DELETE FROM journal_private")]
    [TestCase("UPDATE journal_subjects SET subject = 0")]
    [TestCase("UPDATE journal_epochs SET epoch = 2")]
    [TestCase("INSERT INTO journal_epochs (epoch, reason) VALUES (2, 'mine')")]
    [TestCase("UPDATE receipts SET answer = ''")]
    [TestCase("DELETE FROM receipts")]
    [TestCase("DELETE FROM orders")]
    [TestCase("DELETE FROM order_items")]
    [TestCase("DELETE FROM imeis")]
    [TestCase("UPDATE imeis SET batch_number = 0")]
    [TestCase("UPDATE imeis SET unit = 0")]
    [TestCase("DELETE FROM devices")]
    [TestCase("UPDATE devices SET party_id = 0")]
    [TestCase("UPDATE devices SET serial_number = ''")]
    [TestCase("UPDATE unit_runs SET state = 4")]
    [TestCase("INSERT INTO unit_runs (batch_number, first_unit, last_unit, state, imeis) VALUES (1, 1, 1, 4, 1)")]
    [TestCase("DELETE FROM unit_runs")]
    [TestCase("UPDATE batch_pieces SET bytes = ''")]
    [TestCase("DELETE FROM batch_pieces")]
    [TestCase("DELETE FROM fault_pages")]
    [TestCase("DELETE FROM upload_chunks")]
    [TestCase("UPDATE upload_chunks SET bytes = ''")]
    [TestCase("DELETE FROM quarantined_units")]
    [TestCase("DELETE FROM sightings")]
    [TestCase("DELETE FROM alarms")]
    [TestCase("UPDATE alarms SET unit = 0")]
    [TestCase("UPDATE alarms SET raised_at = now()")]
    [TestCase("DELETE FROM order_refused")]
    [TestCase("DELETE FROM changes")]
    [TestCase("DELETE FROM batches")]
    [TestCase(
        "INSERT INTO order_reasons (code, order_class, valid_from, check_reason, gsma_code) VALUES ('MINE', 1, " +
        "'2026-01-01', 3, '')")]
    public void The_service_role_cannot_execute(string statement) =>
        AssertRefused(RegistryDatabase.ServiceRole, statement);

    [TestCase("CREATE TABLE mine (id int)")]
    [TestCase("ALTER TABLE journal ADD COLUMN mine int")]
    [TestCase("DROP TABLE journal")]
    [TestCase("ALTER TABLE orders DROP CONSTRAINT order_four_eyes")]
    [TestCase(
        "CREATE OR REPLACE FUNCTION journal_append(staged uuid[]) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'")]
    [TestCase("ALTER TABLE journal DISABLE TRIGGER ALL")]
    public void The_service_role_has_no_ddl(string statement) => AssertRefused(RegistryDatabase.ServiceRole, statement);

    [TestCase("INSERT INTO parties (name, kind, active, plmns) VALUES ('x', 1, true, '{}')")]
    [TestCase("UPDATE orders SET state = 1")]
    [TestCase("SELECT batch_discard(1)")]
    [TestCase("SELECT bytes FROM upload_chunks")]
    [TestCase("SELECT bytes FROM batch_pieces")]
    [TestCase("SELECT private_bytes FROM journal_private")]
    [TestCase("SELECT journal_append('{}')")]
    public void The_reader_role_cannot_execute(string statement) =>
        AssertRefused(RegistryDatabase.ReaderRole, statement);

    [Test]
    public async Task The_model_and_the_migrations_agree()
    {
        await using var context = new RegistryContext(new DbContextOptionsBuilder<RegistryContext>()
            .UseNpgsql(Service).Options);

        Assert.That(context.Database.HasPendingModelChanges(), Is.False);
    }

    [Test]
    public async Task No_foreign_key_deletes_or_changes_rows_by_cascade()
    {
        await using var owner = As(RegistryDatabase.OwnerRole);

        Assert.That(await ScalarAsync<long>(owner, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'"),
            Is.GreaterThan(10));
        Assert.That(await ScalarAsync<long>(owner,
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND confdeltype NOT IN ('a', 'r')"), Is.Zero);
    }

    [Test]
    public async Task Migrating_a_migrated_database_changes_nothing()
    {
        await using var owner = As(RegistryDatabase.OwnerRole);
        const string Shape =
            "SELECT md5(string_agg(table_name || column_name || data_type, ',' ORDER BY table_name, " +
            "ordinal_position)) FROM information_schema.columns WHERE table_schema = 'public'";
        var before = await ScalarAsync<string>(owner, Shape);

        await RegistryDatabase.MigrateAsync(Cluster.Shared.Server.ConnectionString(RegistryDatabase.OwnerRole, Name),
            CancellationToken.None);

        Assert.That(await ScalarAsync<string>(owner, Shape), Is.EqualTo(before));
    }

    private void AssertRefused(string role, string statement)
    {
        using var database = As(role);

        Assert.That(
            async () => await ExecuteAsync(database, statement),
            Throws.TypeOf<PostgresException>().With.Property(nameof(PostgresException.SqlState))
                .EqualTo(PostgresErrorCodes.InsufficientPrivilege));
    }
}
