using System.Diagnostics;
using Npgsql;

namespace DeviceRegistry.Postgres.Embedded;

/// <summary>Where a private cluster finds its binaries and keeps its files.</summary>
/// <param name="Binaries">Folder of initdb, pg_ctl and postgres.</param>
/// <param name="Data">Data folder, made by initdb if empty.</param>
/// <param name="Sockets">Folder of the Unix socket: the only way in, open to its owner alone.</param>
/// <param name="OsUser">User to run PostgreSQL as; empty: the current one, which must not be root.</param>
public sealed record ClusterOptions(string Binaries, string Data, string Sockets, string OsUser);

/// <summary>A private PostgreSQL cluster on a Unix socket, started and stopped with the process that owns it.</summary>
/// <remarks>The postmaster has a session of its own (pg_ctl sees to that), so Ctrl-C reaches the owner first and the
/// owner stops it. If the owner is killed, the next start finds the cluster running and takes it over.</remarks>
public sealed class EmbeddedPostgres : IAsyncDisposable
{
    private const string AdminRole = "registry_admin";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private readonly ClusterOptions _places;
    private readonly bool _throwAway;
    private readonly FileStream _claim;

    private EmbeddedPostgres(ClusterOptions places, bool throwAway, FileStream claim) =>
        (_places, _throwAway, _claim) = (places, throwAway, claim);

    /// <summary>Makes the cluster if there is none, and starts it. <paramref name="throwAway"/> trades safety for
    /// speed: tests only.</summary>
    public static async Task<EmbeddedPostgres> StartAsync(ClusterOptions places, bool throwAway, CancellationToken ct)
    {
        if (places.OsUser.Length is 0 && Environment.IsPrivilegedProcess)
            throw new InvalidOperationException(
                "PostgreSQL does not run as root. Name an ordinary user for it in DEVICEREGISTRY_PGUSER.");

        var cluster = new EmbeddedPostgres(places, throwAway, Claim(places));
        try
        {
            if (!File.Exists(Path.Combine(places.Data, "PG_VERSION"))
                || cluster.WasCutShort) await cluster.InitialiseAsync(ct);
            await cluster.EnsureRunningAsync(ct);
            return cluster;
        }
        catch
        {
            await cluster._claim.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the cluster if it does not run: at first, and after it was killed.</summary>
    public async Task EnsureRunningAsync(CancellationToken ct)
    {
        // Status 0: a postmaster of an owner that was killed is still there; it is as good as a new one.
        if (await TryRunAsync("pg_ctl", ["status", "-D", _places.Data], ct) is not { Code: 0 }) await LaunchAsync(ct);
    }

    /// <summary>Connection string of a role in a database.</summary>
    public string ConnectionString(string role, string database, int poolSize = 64) => new NpgsqlConnectionStringBuilder
    {
        Host = _places.Sockets,
        Username = role,
        Database = database,
        MaxPoolSize = poolSize,
        Timeout = 5,
        ApplicationName = "device-registry",
    }.ConnectionString;

    /// <summary>Connection string of the cluster's owner, for setting databases up.</summary>
    public string AdminConnectionString(string database = "postgres") =>
        ConnectionString(AdminRole, database, poolSize: 4);

    /// <summary>Stops the cluster; connections are cut, committed work is safe.</summary>
    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await TryRunAsync("pg_ctl", ["stop", "-D", _places.Data, "-m", "fast", "-w"], CancellationToken.None);
        await _claim.DisposeAsync();
    }

    private bool WasCutShort => File.Exists(HalfMade) && !File.Exists(Path.Combine(_places.Data, "postmaster.opts"));

    // Beside the data folder, which belongs to PostgreSQL.
    private string HalfMade => _places.Data.TrimEnd('/') + ".being-made";

    // One owner at a time: a second one would take the cluster over, and stop it under the first when it ends.
    private static FileStream Claim(ClusterOptions places)
    {
        try
        {
            return new FileStream(places.Data.TrimEnd('/') + ".owner", FileMode.OpenOrCreate, FileAccess.ReadWrite,
                FileShare.None);
        }
        catch (IOException fault) when (fault is not (DirectoryNotFoundException or FileNotFoundException))
        {
            throw new InvalidOperationException(
                $"Another server is using the database in {places.Data}. Stop it first, or give this one a state " +
                $"folder of its own (DEVICEREGISTRY_STATE).");
        }
    }

    private async Task InitialiseAsync(CancellationToken ct)
    {
        // Only a kill in the middle of initdb leaves the mark: such a cluster never held anything and is made anew. One
        // that was ever started is never touched, whatever stands beside it.
        if (WasCutShort && Directory.Exists(_places.Data))
            foreach (var entry in Directory.EnumerateFileSystemEntries(_places.Data))
                if (Directory.Exists(entry)) Directory.Delete(entry, recursive: true);
                else File.Delete(entry);
        if (Directory.Exists(_places.Data) && Directory.EnumerateFileSystemEntries(_places.Data).Any())
            throw new InvalidOperationException(
                $"{_places.Data} is not empty and holds no PostgreSQL cluster. Look at it, and empty it or name " +
                $"another folder.");
        await File.WriteAllTextAsync(HalfMade, "", ct);

        // Trust is right here: the socket's folder lets in its owner only, and there is no other way in.
        // initdb cleans up after itself when it fails, so the mark goes whatever it says.
        var (code, output) = await TryRunAsync("initdb",
            ["-D", _places.Data, "-U", AdminRole, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions"], ct);
        File.Delete(HalfMade);
        if (code is not 0) throw new InvalidOperationException(
            $"initdb failed with code {code} in {_places.Data}.\n{output}");
    }

    private async Task LaunchAsync(CancellationToken ct)
    {
        var settings = new List<string>
        {
            "listen_addresses=", $"unix_socket_directories={_places.Sockets}", "max_connections=250",
            "shared_buffers=256MB", "log_min_messages=warning",
        };

        // Safe against a killed PostgreSQL, which tests kill, though not against a machine that loses power.
        if (_throwAway) settings.AddRange(["fsync=off", "full_page_writes=off"]);
        var options = string.Join(' ', settings.Select(s => $"-c {s}"));
        await RunAsync("pg_ctl", ["start", "-D", _places.Data, "-l", Path.Combine(_places.Data, "postgres.log"), "-w",
            "-t", "60", "-o", options], ct);
    }

    private async Task RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        var (code, output) = await TryRunAsync(program, arguments, ct);
        if (code is not 0)
            throw new InvalidOperationException(
                $"{program} failed with code {code}. The cluster is in {_places.Data}, its log in postgres.log " +
                $"there.\n{output}");
    }

    private async Task<(int Code, string Output)> TryRunAsync(string program, IReadOnlyList<string> arguments,
        CancellationToken ct)
    {
        var path = Path.Combine(_places.Binaries, program);
        var start = _places.OsUser.Length is 0
            ? new ProcessStartInfo(path, arguments)
            : new ProcessStartInfo("runuser", ["-u", _places.OsUser, "--", path, .. arguments]);
        start.WorkingDirectory = "/";
        start.RedirectStandardError = true;
        start.RedirectStandardOutput = true;
        using var process = Process.Start(start)
            ?? throw new InvalidOperationException($"{path} could not be started.");

        // The postmaster writes to its log and holds neither pipe, so both end with the program.
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(StartLimit + TimeSpan.FromSeconds(10));
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output + await errors);
    }
}
