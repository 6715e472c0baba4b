using System.Diagnostics;
using DeviceRegistry.Postgres.Embedded;
using DeviceRegistry.Postgres.Schema;
using Npgsql;

namespace DeviceRegistry.TestKit;

/// <summary>The PostgreSQL of a test run: one private cluster, a migrated template database, and a separate database
/// for each fixture.</summary>
/// <remarks>deploy/test.sh sets the paths in the environment; without them, the binaries of the machine are used and
/// the cluster is in a temporary folder.</remarks>
public sealed class TestCluster : IAsyncDisposable
{
    private const string Template = "registry_template";
    private readonly string _ownFolder;

    private TestCluster(ClusterOptions places, EmbeddedPostgres server, string ownFolder)
    {
        Places = places;
        Server = server;
        _ownFolder = ownFolder;
    }

    /// <summary>Paths of the cluster.</summary>
    public ClusterOptions Places { get; }

    public EmbeddedPostgres Server { get; }

    /// <summary>Starts the cluster and creates the template. Benchmarks need a durable cluster, tests a fast
    /// one.</summary>
    public static async Task<TestCluster> StartAsync(bool throwAway = true)
    {
        var ownFolder = "";
        var places = Named() ?? InTemporaryFolder(out ownFolder);
        var cluster = new TestCluster(places,
            await EmbeddedPostgres.StartAsync(places, throwAway, CancellationToken.None), ownFolder);
        await cluster.ExecuteAsync($"DROP DATABASE IF EXISTS {Template} WITH (FORCE)");
        await RegistryDatabase.CreateAsync(cluster.Server.AdminConnectionString(), Template, CancellationToken.None);
        await RegistryDatabase.MigrateAsync(cluster.Server.ConnectionString(RegistryDatabase.OwnerRole, Template),
            CancellationToken.None);
        NpgsqlConnection.ClearAllPools();                  // A template with open connections cannot be copied.
        return cluster;
    }

    /// <summary>Creates an empty, migrated database and returns its name.</summary>
    public async Task<string> CloneAsync()
    {
        var name = $"test_{Guid.NewGuid():N}";
        await ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {Template} OWNER {RegistryDatabase.OwnerRole}");
        return name;
    }

    /// <summary>Creates a database without tables and returns its name.</summary>
    public async Task<string> CreateAsync()
    {
        var name = $"test_{Guid.NewGuid():N}";
        await ExecuteAsync($"CREATE DATABASE {name} OWNER {RegistryDatabase.OwnerRole}");
        return name;
    }

    /// <summary>Copies a database without connections.</summary>
    public async Task<string> CopyAsync(string database)
    {
        var name = $"test_{Guid.NewGuid():N}";
        await ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {database} OWNER {RegistryDatabase.OwnerRole}");
        return name;
    }

    public Task DropAsync(string database) => ExecuteAsync($"DROP DATABASE IF EXISTS {database} WITH (FORCE)");

    /// <summary>Runs a statement as the cluster's superuser.</summary>
    public async Task ExecuteAsync(string sql, string database = "postgres")
    {
        await using var connection = new NpgsqlConnection(Server.AdminConnectionString(database)
            + $";Pooling=false;Timeout={(int)Patience.Event.TotalSeconds}");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>SIGKILL to every process of PostgreSQL.</summary>
    public async Task KillAsync()
    {
        var postmaster = (await File.ReadAllLinesAsync(Path.Combine(Places.Data, "postmaster.pid")))[0];
        using (var kill = Process.Start("kill", ["-KILL", postmaster])) await kill.WaitForExitAsync();

        // The child processes notice and exit; while one of them runs, a new postmaster would refuse to start.
        while (Directory.Exists($"/proc/{postmaster}") || ChildrenLeft())
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        bool ChildrenLeft() => Directory.EnumerateDirectories("/proc").Any(p => WorksIn(p, Places.Data));
    }

    /// <summary>SIGSTOP to every process of PostgreSQL: it accepts connections and does not answer.</summary>
    public Task PauseAsync() => SignalAsync("STOP");

    /// <summary>SIGCONT.</summary>
    public Task ResumeAsync() => SignalAsync("CONT");

    private async Task SignalAsync(string signal)
    {
        var all = Directory.EnumerateDirectories("/proc").Where(p => WorksIn(p, Places.Data))
            .Select(p => Path.GetFileName(p)!);
        using var kill = Process.Start("kill", ["-" + signal, .. all]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Starts PostgreSQL again after a kill; it recovers by itself.</summary>
    public Task ReviveAsync() => Server.EnsureRunningAsync(CancellationToken.None);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        if (_ownFolder.Length > 0) Directory.Delete(_ownFolder, recursive: true);
    }

    private static bool WorksIn(string process, string folder)
    {
        try
        {
            return Directory.ResolveLinkTarget(Path.Combine(process, "cwd"),
                returnFinalTarget: false)?.FullName == folder;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static ClusterOptions? Named()
    {
        string Of(string name) => Environment.GetEnvironmentVariable("DEVICEREGISTRY_" + name) ?? "";
        return Of("PGBIN").Length > 0 && Of("PGDATA").Length > 0 && Of("PGSOCKET").Length > 0
            ? new ClusterOptions(Of("PGBIN"), Of("PGDATA"), Of("PGSOCKET"), Of("PGUSER"))
            : null;
    }

    private static ClusterOptions InTemporaryFolder(out string folder)
    {
        var binaries = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin"))
                .LastOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
            : null;
        if (binaries is null) throw new InvalidOperationException(
            "No PostgreSQL here. Run the tests through deploy/test.sh, which gets one.");

        // A short path, for the limit of a socket path, and below /tmp, which PostgreSQL's own user can access.
        folder = Directory.CreateTempSubdirectory("drt").FullName;
        var places = new ClusterOptions(binaries, Path.Combine(folder, "data"), Path.Combine(folder, "s"),
            Environment.IsPrivilegedProcess ? "postgres" : "");
        Directory.CreateDirectory(places.Data);
        Directory.CreateDirectory(places.Sockets);
        if (places.OsUser.Length > 0) Process.Start("chown", ["-R", places.OsUser, folder]).WaitForExit();
        return places;
    }
}
