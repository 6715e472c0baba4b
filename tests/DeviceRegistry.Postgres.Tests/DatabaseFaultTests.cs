using Npgsql;

namespace DeviceRegistry.Postgres.Tests;

public sealed class DatabaseFaultTests : OnDatabase
{
    // What a failure means: the database is unavailable now (UNAVAILABLE), out of resources (UNAVAILABLE), a race
    // (retried), or an internal error.
    [TestCase("08000", "not now")]
    [TestCase("08006", "not now")]
    [TestCase("25006", "not now")]
    [TestCase("25P03", "not now")]
    [TestCase("28000", "not now")]
    [TestCase("28P01", "not now")]
    [TestCase("55P03", "not now")]
    [TestCase("57014", "not now")]
    [TestCase("57P01", "not now")]
    [TestCase("57P02", "not now")]
    [TestCase("57P03", "not now")]
    [TestCase("57P04", "not now")]
    [TestCase("57P05", "not now")]
    [TestCase("53100", "no means")]
    [TestCase("53200", "no means")]
    [TestCase("53300", "no means")]
    [TestCase("23505", "race")]
    [TestCase("40P01", "race")]
    [TestCase("22012", "ours")]
    [TestCase("23514", "ours")]
    [TestCase("25P02", "ours")]
    [TestCase("42501", "ours")]
    [TestCase("42P01", "ours")]
    [TestCase("DR001", "ours")]
    public async Task Each_sqlstate_has_one_meaning(string state, string expected)
    {
        var fault = await Assert.ThrowsAsync<PostgresException>(() =>
            ExecuteAsync(Service, $"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"));

        Assert.That(MeaningOf(new InvalidOperationException("as EF wraps it", fault)), Is.EqualTo(expected));
    }

    [TestCase("SET default_transaction_read_only = on", "INSERT INTO receipts VALUES (1, 'r', '', '', NULL)", "25006")]
    [TestCase("SET statement_timeout = 50", "SELECT pg_sleep(30)", "57014")]
    public async Task A_statement_ended_by_the_server_is_not_an_internal_error(string setting, string sql, string state)
    {
        await using var connection = await Service.OpenConnectionAsync();
        await ExecuteAsync(connection, setting);

        var fault = (await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(connection, sql)))!;

        Assert.That(fault.SqlState, Is.EqualTo(state));
        Assert.That(MeaningOf(fault), Is.EqualTo("not now"));
    }

    [Test]
    public async Task A_statement_cancelled_by_the_caller_is_not_a_database_fault()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        await using var command = Service.CreateCommand("SELECT pg_sleep(30)");

        var fault = (await Assert.CatchAsync<OperationCanceledException>(() =>
            command.ExecuteNonQueryAsync(limit.Token)))!;

        Assert.That(fault.InnerException, Is.InstanceOf<PostgresException>());
        Assert.That(MeaningOf(fault), Is.EqualTo("ours"));
    }

    [Test]
    public async Task A_connection_cut_during_a_statement_is_lost()
    {
        await using var connection = await Service.OpenConnectionAsync();
        var work = DatabaseFault.OnAsync(connection, async () =>
        {
            await ExecuteAsync(connection, "SELECT pg_sleep(30)");
            return true;
        });

        await TerminateAsync(connection.ProcessID);

        var fault = (await Assert.CatchAsync<NpgsqlException>(() => work))!;
        Assert.That(MeaningOf(fault), Is.EqualTo("not now"));
        Assert.That(DatabaseFault.IsLost(connection), Is.True);
    }

    [Test]
    public async Task The_next_statement_on_a_lost_connection_is_a_database_fault()
    {
        await using var connection = await Service.OpenConnectionAsync();
        await CutAsync(connection);

        await Assert.ThrowsAsync<InvalidOperationException>(() => ExecuteAsync(connection, "SELECT 1"));
        var fault = (await Assert.CatchAsync<NpgsqlException>(() => DatabaseFault.OnAsync(connection, async () =>
        {
            await ExecuteAsync(connection, "SELECT 1");
            return true;
        })))!;

        Assert.That(fault.InnerException, Is.InstanceOf<InvalidOperationException>());
        Assert.That(MeaningOf(fault), Is.EqualTo("not now"));
    }

    // Npgsql 10.0.0 sometimes throws the first of these from NpgsqlConnector.ResetCancellation.
    [TestCase(typeof(ObjectDisposedException))]
    [TestCase(typeof(EndOfStreamException))]
    public async Task A_driver_exception_on_a_lost_connection_is_a_database_fault(Type thrown)
    {
        await using var connection = await Service.OpenConnectionAsync();
        await CutAsync(connection);

        var fault = (await Assert.CatchAsync<NpgsqlException>(() =>
            DatabaseFault.OnAsync<bool>(connection, () => throw New(thrown))))!;

        Assert.That(fault.InnerException, Is.TypeOf(thrown));
        Assert.That(MeaningOf(fault), Is.EqualTo("not now"));
    }

    [TestCase(typeof(ObjectDisposedException))]
    [TestCase(typeof(EndOfStreamException))]
    public async Task A_driver_exception_on_an_open_connection_is_an_internal_error(Type thrown)
    {
        await using var connection = await Service.OpenConnectionAsync();

        var fault = (await Assert.CatchAsync(() => DatabaseFault.OnAsync<bool>(connection, () => throw New(thrown))))!;

        Assert.That(fault, Is.TypeOf(thrown));
        Assert.That(MeaningOf(fault), Is.EqualTo("ours"));
    }

    [Test]
    public async Task A_port_without_a_listener_is_unreachable()
    {
        await using var nowhere = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=x;Timeout=2");

        var fault = (await Assert.CatchAsync<NpgsqlException>(async () => await nowhere.OpenConnectionAsync()))!;

        Assert.That(MeaningOf(fault), Is.EqualTo("not now"));
    }

    private static string MeaningOf(Exception fault) =>
        DatabaseFault.IsOutOfReach(fault) ? "not now" : DatabaseFault.LacksMeans(fault) ? "no means"
        : DatabaseFault.IsRace(fault) ? "race" : "ours";

    private static Exception New(Type type) =>
        type == typeof(ObjectDisposedException) ? new ObjectDisposedException("ManualResetEventSlim")
        : new EndOfStreamException();

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    // Cuts the connection and lets the driver notice it.
    private async Task CutAsync(NpgsqlConnection connection)
    {
        await TerminateAsync(connection.ProcessID);
        await Assert.CatchAsync<NpgsqlException>(() => ExecuteAsync(connection, "SELECT 1"));
    }

    private Task TerminateAsync(int process) => AsSuperuserAsync($"SELECT pg_terminate_backend({process}, 10000)");
}
