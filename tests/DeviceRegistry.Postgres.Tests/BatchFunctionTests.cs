using Npgsql;

namespace DeviceRegistry.Postgres.Tests;

/// <summary>What the service may delete: the functions check the state of the batch, whatever the caller.</summary>
public sealed class BatchFunctionTests : OnDatabase
{
    // Batch 1 is registered with three units of 2, 1 and 2 IMEIs; 2 is in validation, 3 is open, 4 was rejected. Each
    // has a chunk.
    [SetUp]
    public Task Batches() => ExecuteAsync(Service, """
        INSERT INTO parties (id, name, kind, active, plmns) OVERRIDING SYSTEM VALUE
          VALUES (1, 'pta', 1, true, '{}'), (2, 'maker', 4, true, '{}');
        INSERT INTO actors (id, name, party_id, kind, active, key, revoked_keys, key_set_by) OVERRIDING SYSTEM VALUE
          VALUES (1, 'maker-a', 2, 1, true, '', '{}', '{}');
        INSERT INTO authorizations (number, party_id, kind, valid_from, valid_until, legal_basis, state, quota_units)
          VALUES ('M', 2, 1, '2021-01-01', '2031-01-01', 'law', 1, 0);
        INSERT INTO batches (number, party_id, reference, dry_run, authorization_number, produced_on, origin, model,
          declared_units, digest, file_digest, units, imeis, content_hash, state,
            opened_by, opened_at, expires_at, chunks, chunk_bytes, sealed_by, stored_units, stored_imeis, withdrawing,
              reject_reason, reject_message, reject_field, reject_expected, line_errors, registered_at)
          OVERRIDING SYSTEM VALUE SELECT n, 2, 'B' || n, false, 'M', '2026-01-01', 1, 'X', 3, '', '', 3, 5, '', s, 1,
            now(), CASE WHEN s IN (1, 3, 4) THEN now() END, 1, 1,
            CASE WHEN s > 1 THEN 1 END, 0, 0, false, '', '', '', '', 0, CASE WHEN s >= 5 THEN now() END
              FROM (VALUES (1, 5), (2, 2), (3, 1), (4, 3)) b (n, s);
        INSERT INTO devices (batch_number, unit, party_id, serial_number, imeis)
          VALUES (1, 1, 2, 'a', '{11,12}'), (1, 2, 2, 'b', '{21}'), (1, 3, 2, 'c', '{31,32}'), (2, 1, 2, 'd', '{41}');
        INSERT INTO imeis (imei, batch_number, unit) SELECT unnest(imeis), batch_number, unit FROM devices;
        INSERT INTO upload_chunks (batch_number, sequence, bytes, digest) SELECT number, 1, 'x', 'x' FROM batches;
        SELECT batch_set_runs(1, '{1}', '{3}', '{1}');
        """);

    [TestCase("SELECT batch_withdraw_imeis(1, '{11}')", "batch 1 is not being validated")]
    [TestCase("SELECT batch_withdraw_units(1, 1, 3)", "batch 1 is not being validated")]
    [TestCase("SELECT batch_set_runs(2, '{1}', '{3}', '{1}')", "batch 2 is not registered")]
    [TestCase("SELECT batch_set_runs(1, '{1}', '{2}', '{1}')", "the runs of batch 1 cover 2 of 3 units")]
    [TestCase("SELECT batch_set_runs(1, '{1,3}', '{1,3}', '{1,2}')", "the runs of batch 1 have a gap at unit 3")]
    [TestCase("SELECT batch_set_runs(1, '{1,2}', '{2,3}', '{1,2}')", "the runs of batch 1 have a gap at unit 2")]
    [TestCase("SELECT batch_set_runs(1, '{}', '{}', '{}')", "the runs of batch 1 cover 0 of 3 units")]
    public void A_call_that_is_not_allowed_fails_with_its_message(string statement, string words) =>
        Assert.That(async () => await ExecuteAsync(Service, statement),
            Throws.TypeOf<PostgresException>().With.Property(nameof(PostgresException.MessageText)).EqualTo(words));

    [Test]
    public async Task Runs_count_the_imeis_of_units_with_different_numbers_of_imeis()
    {
        await ExecuteAsync(Service, "SELECT batch_set_runs(1, '{1,2}', '{1,3}', '{4,1}')");

        Assert.That(await ScalarAsync<string>(Service,
            "SELECT string_agg(concat_ws(':', first_unit, last_unit, state, imeis), ' ' ORDER BY first_unit) FROM " +
            "unit_runs WHERE batch_number = 1"), Is.EqualTo("1:1:4:2 2:3:1:3"));
    }

    [Test]
    public async Task Runs_keep_the_time_of_the_last_change_of_their_units()
    {
        await AsSuperuserAsync("UPDATE unit_runs SET since = '2020-01-01'");
        await ExecuteAsync(Service, "SELECT batch_set_runs(1, '{1,2,3}', '{1,2,3}', '{1,4,1}')");
        var split = await SincesAsync();
        await AsSuperuserAsync("UPDATE unit_runs SET since = '2021-01-01' WHERE state = 4");
        await ExecuteAsync(Service, "SELECT batch_set_runs(1, '{1,2}', '{1,3}', '{1,4}')");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(split, Is.EqualTo("1:2020 2:now 3:2020"));
            Assert.That(await SincesAsync(), Is.EqualTo("1:2020 2:2021"));
        }

        Assert.That(await ScalarAsync<long>(Service, "SELECT sum(imeis) FROM unit_runs"), Is.EqualTo(5));
        Task<string> SincesAsync() => ScalarAsync<string>(Service,
            "SELECT string_agg(concat_ws(':', first_unit, CASE WHEN since > now() - interval '1 hour' THEN 'now' " +
            "ELSE extract(year FROM since)::text END), ' ' ORDER BY first_unit) FROM unit_runs")!;
    }

    [Test]
    public async Task A_batch_is_discarded_only_if_it_is_still_expired()
    {
        Assert.That(await ScalarAsync<bool>(Service, "SELECT batch_discard(3, now() - interval '1 day')"), Is.False);
        Assert.That(await ScalarAsync<bool>(Service, "SELECT batch_discard(3, now() + interval '1 day')"), Is.True);
    }

    [Test]
    public async Task Stored_rows_are_removed_only_for_a_batch_in_validation()
    {
        await ExecuteAsync(Service, "SELECT batch_withdraw_imeis(2, '{11,41}')");
        await ExecuteAsync(Service, "SELECT batch_withdraw_units(2, 1, 3)");

        Assert.That(await ScalarAsync<string>(Service, "SELECT string_agg(imei::text, ' ' ORDER BY imei) FROM imeis"),
            Is.EqualTo("11 12 21 31 32"));
        Assert.That(await ScalarAsync<long>(Service, "SELECT count(*) FROM devices"), Is.EqualTo(3));
    }

    [TestCase(1, false, 4)]
    [TestCase(2, false, 4)]
    [TestCase(3, true, 3)]
    [TestCase(4, true, 3)]
    [TestCase(9, false, 4)]
    public async Task Only_an_open_or_rejected_batch_is_discarded(int number, bool discarded, long left)
    {
        Assert.That(await ScalarAsync<bool>(Service, $"SELECT batch_discard({number})"), Is.EqualTo(discarded));
        Assert.That(await ScalarAsync<long>(Service, "SELECT count(*) FROM batches"), Is.EqualTo(left));
        Assert.That(await ScalarAsync<long>(Service, "SELECT count(*) FROM upload_chunks"), Is.EqualTo(left));
    }

    [Test]
    public async Task Files_are_deleted_only_after_their_batch_is_decided()
    {
        for (var number = 1; number <= 4; number++) await ExecuteAsync(Service, $"SELECT batch_drop_file({number})");

        Assert.That(await ScalarAsync<string>(Service,
            "SELECT string_agg(batch_number::text, ' ' ORDER BY batch_number) FROM upload_chunks"), Is.EqualTo("2 3"));
    }
}
