using System.Diagnostics;
using DeviceRegistry.TestKit;
using Npgsql;

namespace DeviceRegistry.Benchmarks;

/// <summary>A synchronous standby of a cluster: a second PostgreSQL that flushes every commit before the primary
/// confirms it, over a connection with latency. It shares disk and cores with the primary.</summary>
internal sealed class Standby : IAsyncDisposable
{
    private readonly TestCluster _cluster;
    private readonly string _folder;
    private readonly FaultInjectingProxy _wire;

    private Standby(TestCluster cluster, string folder, FaultInjectingProxy wire) =>
        (_cluster, _folder, _wire) = (cluster, folder, wire);

    private string Data => Path.Combine(_folder, "data");

    /// <summary>Copies the cluster and starts replication. <paramref name="away"/> is the delay from the primary to the
    /// standby; the way back has no delay.</summary>
    public static async Task<Standby> FollowAsync(TestCluster cluster, TimeSpan away)
    {
        var folder = Directory.CreateTempSubdirectory("drs").FullName;
        var standby = new Standby(cluster, folder,
            FaultInjectingProxy.ToPostgres(cluster.Places.Sockets, folder, away));
        if (cluster.Places.OsUser.Length > 0) Process.Start("chown", ["-R", cluster.Places.OsUser, folder])
            .WaitForExit();
        standby.Run("pg_basebackup", "-h", folder, "-U",
            new NpgsqlConnectionStringBuilder(cluster.Server.AdminConnectionString()).Username!, "-D", standby.Data,
            "-X", "stream", "-c", "fast", "-R");
        var sockets = Path.Combine(folder, "s");
        Directory.CreateDirectory(sockets);
        if (cluster.Places.OsUser.Length > 0) Process.Start("chown", ["-R", cluster.Places.OsUser, sockets])
            .WaitForExit();
        standby.Run("pg_ctl", "start", "-D", standby.Data, "-l", Path.Combine(folder, "log"), "-w", "-o",
            $"-c listen_addresses= -c unix_socket_directories={sockets} -c max_connections=250 -c " +
            $"cluster_name=standby");
        await cluster.ExecuteAsync("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
        await cluster.ExecuteAsync("SELECT pg_reload_conf()");
        return standby;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _cluster.ExecuteAsync("ALTER SYSTEM RESET synchronous_standby_names");
        await _cluster.ExecuteAsync("SELECT pg_reload_conf()");
        Run("pg_ctl", "stop", "-D", Data, "-m", "immediate", "-w");
        await _wire.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private void Run(string program, params string[] arguments)
    {
        var (user, path) = (_cluster.Places.OsUser, Path.Combine(_cluster.Places.Binaries, program));
        var start = user.Length is 0 ? new ProcessStartInfo(path, arguments)
            : new ProcessStartInfo("runuser", ["-u", user, "--", path, .. arguments]);
        (start.WorkingDirectory, start.RedirectStandardOutput) = ("/", true);
        using var process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode is not 0) throw new InvalidOperationException($"{program} ended with {process.ExitCode}");
    }
}
