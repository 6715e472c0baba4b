using System.Diagnostics;
using Npgsql;

namespace DeviceRegistry.Postgres.Embedded;

/// <summary>Folders and operating-system user of a private cluster.</summary>
/// <param name="Binaries">Folder of initdb, pg_ctl and postgres.</param>
/// <param name="Data">Data folder; initdb fills it if it is empty.</param>
/// <param name="Sockets">Folder of the Unix socket, accessible to its owner only. The cluster has no other
/// listener.</param>
/// <param name="OsUser">User that runs PostgreSQL; empty for the current user, who must not be root.</param>
public sealed record ClusterOptions(string Binaries, string Data, string Sockets, string OsUser);

/// <summary>A private PostgreSQL cluster on a Unix socket, started and stopped with the process that owns it.</summary>
/// <remarks>pg_ctl starts the postmaster in its own session, so Ctrl-C reaches only the owner, and the owner stops the
/// postmaster. If the owner is killed, the next start finds the cluster running and uses it.</remarks>
public sealed class EmbeddedPostgres : IAsyncDisposable
{
    private const string AdminRole = "registry_admin";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private readonly ClusterOptions _options;
    private readonly bool _throwAway;
    private readonly FileStream _ownerLock;

    private EmbeddedPostgres(ClusterOptions options, bool throwAway, FileStream ownerLock) =>
        (_options, _throwAway, _ownerLock) = (options, throwAway, ownerLock);

    /// <summary>Creates the cluster if there is none, and starts it. <paramref name="throwAway"/> turns off fsync and
    /// full-page writes, for tests only.</summary>
    public static async Task<EmbeddedPostgres> StartAsync(ClusterOptions options, bool throwAway, CancellationToken ct)
    {
        if (options.OsUser.Length is 0 && Environment.IsPrivilegedProcess)
            throw new InvalidOperationException(
                "PostgreSQL does not run as root. Name an ordinary user for it in DEVICEREGISTRY_PGUSER.");

        var cluster = new EmbeddedPostgres(options, throwAway, TakeOwnerLock(options));
        try
        {
            if (!File.Exists(Path.Combine(options.Data, "PG_VERSION"))
                || cluster.WasInitInterrupted) await cluster.InitialiseAsync(ct);
            await cluster.EnsureRunningAsync(ct);
            return cluster;
        }
        catch
        {
            await cluster._ownerLock.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the cluster if it does not run, for example after it was killed.</summary>
    public async Task EnsureRunningAsync(CancellationToken ct)
    {
        // Status 0: the postmaster of an owner that was killed still runs; use it.
        if (await TryRunAsync("pg_ctl", ["status", "-D", _options.Data], ct) is not { Code: 0 }) await LaunchAsync(ct);
    }

    /// <summary>Connection string of a role in a database.</summary>
    public string ConnectionString(string role, string database, int poolSize = 64) => new NpgsqlConnectionStringBuilder
    {
        Host = _options.Sockets,
        Username = role,
        Database = database,
        MaxPoolSize = poolSize,
        Timeout = 5,
        ApplicationName = "device-registry",
    }.ConnectionString;

    /// <summary>Connection string of the cluster's owner, for creating databases.</summary>
    public string AdminConnectionString(string database = "postgres") =>
        ConnectionString(AdminRole, database, poolSize: 4);

    /// <summary>Stops the cluster: closes its connections, keeps all committed transactions.</summary>
    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await TryRunAsync("pg_ctl", ["stop", "-D", _options.Data, "-m", "fast", "-w"], CancellationToken.None);
        await _ownerLock.DisposeAsync();
    }

    private bool WasInitInterrupted =>
        File.Exists(InitMarker) && !File.Exists(Path.Combine(_options.Data, "postmaster.opts"));

    // Next to the data folder, because PostgreSQL owns the contents of that folder.
    private string InitMarker => _options.Data.TrimEnd('/') + ".being-made";

    // One owner at a time: a second owner would use the same cluster and stop it while the first still needs it.
    private static FileStream TakeOwnerLock(ClusterOptions options)
    {
        try
        {
            return new FileStream(options.Data.TrimEnd('/') + ".owner", FileMode.OpenOrCreate, FileAccess.ReadWrite,
                FileShare.None);
        }
        catch (IOException fault) when (fault is not (DirectoryNotFoundException or FileNotFoundException))
        {
            throw new InvalidOperationException(
                $"Another server is using the database in {options.Data}. Stop it first, or give this one a state " +
                $"folder of its own (DEVICEREGISTRY_STATE).");
        }
    }

    private async Task InitialiseAsync(CancellationToken ct)
    {
        // Only a kill during initdb leaves the marker file: that cluster never held data, so create it again. A
        // cluster that was ever started is never deleted, even if the marker file exists.
        if (WasInitInterrupted && Directory.Exists(_options.Data))
            foreach (var entry in Directory.EnumerateFileSystemEntries(_options.Data))
                if (Directory.Exists(entry)) Directory.Delete(entry, recursive: true);
                else File.Delete(entry);
        if (Directory.Exists(_options.Data) && Directory.EnumerateFileSystemEntries(_options.Data).Any())
            throw new InvalidOperationException(
                $"{_options.Data} is not empty and holds no PostgreSQL cluster. Look at it, and empty it or name " +
                $"another folder.");
        await File.WriteAllTextAsync(InitMarker, "", ct);

        // Trust authentication is safe here: only the owner can access the folder of the socket, and the cluster has no
        // other listener. A failed initdb removes its own files, so delete the marker file whatever the exit code.
        var (code, output) = await TryRunAsync("initdb",
            ["-D", _options.Data, "-U", AdminRole, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions"], ct);
        File.Delete(InitMarker);
        if (code is not 0) throw new InvalidOperationException(
            $"initdb failed with code {code} in {_options.Data}.\n{output}");
    }

    private async Task LaunchAsync(CancellationToken ct)
    {
        var settings = new List<string>
        {
            "listen_addresses=", $"unix_socket_directories={_options.Sockets}", "max_connections=250",
            "shared_buffers=256MB", "log_min_messages=warning",
        };

        // Data survives a kill of PostgreSQL, which tests do, but not a power failure of the machine.
        if (_throwAway) settings.AddRange(["fsync=off", "full_page_writes=off"]);
        var arguments = string.Join(' ', settings.Select(s => $"-c {s}"));
        await RunAsync("pg_ctl", ["start", "-D", _options.Data, "-l", Path.Combine(_options.Data, "postgres.log"), "-w",
            "-t", "60", "-o", arguments], ct);
    }

    private async Task RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        var (code, output) = await TryRunAsync(program, arguments, ct);
        if (code is not 0)
            throw new InvalidOperationException(
                $"{program} failed with code {code}. The cluster is in {_options.Data}, its log in postgres.log " +
                $"there.\n{output}");
    }

    private async Task<(int Code, string Output)> TryRunAsync(string program, IReadOnlyList<string> arguments,
        CancellationToken ct)
    {
        var path = Path.Combine(_options.Binaries, program);
        var start = _options.OsUser.Length is 0
            ? new ProcessStartInfo(path, arguments)
            : new ProcessStartInfo("runuser", ["-u", _options.OsUser, "--", path, .. arguments]);
        start.WorkingDirectory = "/";
        start.RedirectStandardError = true;
        start.RedirectStandardOutput = true;
        using var process = Process.Start(start)
            ?? throw new InvalidOperationException($"{path} could not be started.");

        // The postmaster writes to its log and holds neither pipe open, so both pipes end when the program exits.
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(StartLimit + TimeSpan.FromSeconds(10));
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output + await errors);
    }
}
