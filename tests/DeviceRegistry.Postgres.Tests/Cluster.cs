using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Npgsql;

[assembly: FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[assembly: Parallelizable(ParallelScope.Fixtures)]

namespace DeviceRegistry.Postgres.Tests;

/// <summary>One PostgreSQL cluster for the test run.</summary>
[SetUpFixture]
public sealed class Cluster
{
    public static TestCluster Shared { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task Start() => Shared = await TestCluster.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await Shared.DisposeAsync();
}

/// <summary>A separate database for each test fixture.</summary>
public abstract class OnDatabase
{
    protected string Name { get; private set; } = "";

    protected NpgsqlDataSource Service { get; private set; } = null!;

    [SetUp]
    public async Task Clone()
    {
        Name = await Cluster.Shared.CloneAsync();
        Service = NpgsqlDataSource.Create(
            Cluster.Shared.Server.ConnectionString(RegistryDatabase.ServiceRole, Name, poolSize: 200) + ";Timeout=60");
    }

    [TearDown]
    public async Task Drop()
    {
        await Service.DisposeAsync();
        await Cluster.Shared.DropAsync(Name);
    }

    protected NpgsqlDataSource As(string role) =>
        NpgsqlDataSource.Create(Cluster.Shared.Server.ConnectionString(role, Name) + ";Pooling=false");

    protected Task AsSuperuserAsync(string sql) => Cluster.Shared.ExecuteAsync(sql, Name);

    protected static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    protected static async Task<T> ScalarAsync<T>(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
