using System.Globalization;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Npgsql;

[assembly: FixtureLifeCycle(LifeCycle.InstancePerTestCase)]

namespace DeviceRegistry.Faults.Tests;

/// <summary>The PostgreSQL of the run. One fixture after another: whoever kills it kills it for all.</summary>
[SetUpFixture]
public sealed class Ground
{
    public static TestCluster Cluster { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task Start() => Cluster = await TestCluster.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await Cluster.DisposeAsync();
}

/// <summary>Rows of a table, counted and hashed.</summary>
internal sealed record TableState(long Rows, string Digest);

/// <summary>A registry to break: a server process that can be held at its sync points, and a wire to its database that
/// can be cut.</summary>
internal sealed class World : IAsyncDisposable
{
    private readonly string _folder;
    private readonly string _database;
    private readonly Dictionary<(RegistryProcess, string), CallInvoker> _callers = [];
    private int _references;
    private long _segments;

    private World(string folder, string database, FaultInjectingProxy wire) =>
        (_folder, _database, Wire) = (folder, database, wire);

    public RegistryProcess Server { get; private set; } = null!;

    public Breakpoint Hold { get; } = new();

    /// <summary>Between the server and PostgreSQL.</summary>
    public FaultInjectingProxy Wire { get; }

    /// <summary>Every write that was acknowledged, with its answer.</summary>
    public List<(Func<World, Task<IMessage>> Send, IMessage Answer)> Ledger { get; } = [];

    public static async Task<World> CreateAsync(string? database = null)
    {
        var folder = Directory.CreateTempSubdirectory("drf").FullName;
        var world = new World(folder, database ?? await Ground.Cluster.CloneAsync(),
            FaultInjectingProxy.ToPostgres(Ground.Cluster.Places.Sockets, folder));
        await world.StartAsync("--demo");

        // From here every write does the same each time: the list is known, and the node has reported before.
        await (await WriteKind.ImportTacs.PrepareAsync(world))(world);
        await (await WriteKind.ReportSightings.PrepareAsync(world))(world);
        return world;
    }

    /// <summary>Starts the server, as it was.</summary>
    public async Task StartAsync(params string[] more)
    {
        var connection = new NpgsqlConnectionStringBuilder(
            Ground.Cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, _database)) { Host = _folder };
        Server = await RegistryProcess.StartAsync(Path.Combine(_folder, "state"), Hold.Environment,
            ["--database", connection.ConnectionString, .. more]);
    }

    /// <summary>SIGKILL, and a new start.</summary>
    public async Task KillAndStartAsync()
    {
        await Server.KillAsync();
        Hold.Release();
        await Server.DisposeAsync();
        await StartAsync();
    }

    /// <summary>To the database beside the wire, as the cluster's owner.</summary>
    public string AdminConnectionString => Ground.Cluster.Server.AdminConnectionString(_database) + ";Pooling=false";

    public string NewReference() =>
        string.Create(CultureInfo.InvariantCulture, $"fault-{Interlocked.Increment(ref _references)}");

    /// <summary>Number of a segment of core-a1's sightings.</summary>
    public ulong NewSegment() => (ulong)Interlocked.Increment(ref _segments);

    /// <summary>Calls as somebody, to the server that runs now.</summary>
    public CallInvoker As(string identity)
    {
        lock (_callers)
        {
            var server = Server;
            if (!_callers.TryGetValue((server, identity), out var caller)) _callers[(server, identity)] = caller =
                server.Channel("registrar", identity).CreateCallInvoker();
            return caller;
        }
    }

    /// <summary>The same, signing what they draft and approve.</summary>
    public CallInvoker Signing(string identity) => new Client.OrderSigner(As(identity), Server.Certificate(identity));

    /// <summary>What PostgreSQL holds, asked beside the wire. Where nodes stand is no state of the registry, nor are
    /// files that were judged: they are dropped a moment later.</summary>
    public async Task<SortedDictionary<string, TableState>> StateAsync()
    {
        await using var connection = new NpgsqlConnection(AdminConnectionString);
        await connection.OpenAsync();
        var tables = new List<string>();
        await using (var names = new NpgsqlCommand(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('node_positions', " +
            "'order_applied', 'order_refused', 'upload_chunks', '__EFMigrationsHistory')", connection))
        await using (var reader = await names.ExecuteReaderAsync())
            while (await reader.ReadAsync()) tables.Add(reader.GetString(0));

        var state = new SortedDictionary<string, TableState>(StringComparer.Ordinal);
        foreach (var table in tables)
        {
            await using var digest = new NpgsqlCommand(
                $"SELECT count(*), coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '') FROM " +
                $"{WithoutTheClock(table)} t", connection);
            await using var reader = await digest.ExecuteReaderAsync();
            await reader.ReadAsync();
            state[table] = new TableState(reader.GetInt64(0), reader.GetString(1));
        }

        return state;
    }

    /// <summary>The newest position of the journal.</summary>
    public async Task<ulong> HeadAsync()
    {
        await using var connection = new NpgsqlConnection(AdminConnectionString);
        await connection.OpenAsync();
        await using var head = new NpgsqlCommand("SELECT max(position) FROM journal", connection);
        return (ulong)(long)(await head.ExecuteScalarAsync())!;
    }

    /// <summary>Who waits until all that was committed before is on a standby.</summary>
    public async Task<long> WaitingForStandbyAsync()
    {
        await using var connection = new NpgsqlConnection(AdminConnectionString);
        await connection.OpenAsync();
        await using var waiting = new NpgsqlCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep' AND " +
            "query LIKE '%pg_logical_emit_message%'", connection);
        return (long)(await waiting.ExecuteScalarAsync())!;
    }

    // The registry notes by itself, a moment after a node has said where it stands, that an order is enforced, and
    // where in the journal it was armed: no part of the write that armed it.
    private static string WithoutTheClock(string table) => table switch
    {
        "orders" =>
            "(SELECT (to_jsonb(o) - 'enforced_at' - 'armed_position') || jsonb_build_object('state', CASE WHEN " +
            "o.state = 11 THEN 10 ELSE o.state END) FROM orders o)",
        "journal_payloads" => $"(SELECT p.* FROM journal_payloads p WHERE NOT {ByTheClock})",
        "journal" or "journal_subjects" or "journal_private" =>
            $"(SELECT x.* FROM {table} x JOIN journal_payloads p ON p.id = x.payload_id WHERE NOT {ByTheClock})",
        _ => table,
    };

    private const string ByTheClock = "p.kind IN (31, 32, 33)";

    /// <summary>Runs a statement beside the wire, as the cluster's owner.</summary>
    public Task ExecuteAsync(string sql) => Ground.Cluster.ExecuteAsync(sql, _database);

    /// <summary>Waits until the registry has nothing left to note by itself, which would pass the points of a write in
    /// place of the one that is meant.</summary>
    public async Task SettledAsync()
    {
        await using var connection = new NpgsqlConnection(AdminConnectionString);
        await connection.OpenAsync();
        await using var unsettled = new NpgsqlCommand("SELECT EXISTS (SELECT FROM orders WHERE state = 10)",
            connection);
        using var most = new CancellationTokenSource(Patience.Event, TimeProvider.System);
        while ((bool)(await unsettled.ExecuteScalarAsync(most.Token))!)
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, most.Token);
    }

    /// <summary>A write was acknowledged.</summary>
    public void Acknowledged(WriteKind kind, Func<World, Task<IMessage>> send, IMessage answer)
    {
        if (kind.IsRemembered) Ledger.Add((send, answer));
    }

    /// <summary>Sends until there is an answer; a server or database that is away or coming is asked again.</summary>
    public async Task<IMessage> AnsweredAsync(Func<World, Task<IMessage>> send, CancellationToken ct)
    {
        while (true)
            try
            {
                return await send(this);
            }
            catch (RpcException fault) when (fault.StatusCode is StatusCode.Unavailable)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, ct);
            }
    }

    /// <summary>Nothing acknowledged is lost: every write of the ledger, sent again, gets its first answer, and the
    /// chain is whole.</summary>
    public async Task AssertLedgerHoldsAsync(CancellationToken ct)
    {
        foreach (var (send, answer) in Ledger) Assert.That(await AnsweredAsync(send, ct), Is.EqualTo(answer));
        await AssertChainIsWholeAsync(ct);
    }

    /// <summary>The journal has every entry, and each follows the one before.</summary>
    public async Task AssertChainIsWholeAsync(CancellationToken ct)
    {
        var entries = new List<JournalEntry>();
        using var feed = new FeedService.FeedServiceClient(As("auditor-a"))
            .Subscribe(new SubscribeRequest(), cancellationToken: ct);
        await foreach (var part in feed.ResponseStream.ReadAllAsync(ct)) entries.AddRange(part.Entries.Entries);
        var (end, broken, fault) = JournalEntryRules.Walk(entries);
        Assert.That((broken, fault), Is.EqualTo(((JournalEntry?)null, "")));
        Assert.That(entries.Count(e =>
            (JournalKind)e.Kind is not (JournalKind.OrderInForce or JournalKind.OrderExpired
            or JournalKind.OrderEnforced)), Is.EqualTo((await StateAsync())["journal"].Rows));
        Assert.That((int)end.Position, Is.EqualTo(entries.Count));
    }

    public async ValueTask DisposeAsync()
    {
        Hold.Dispose();
        await Server.DisposeAsync();
        await Wire.DisposeAsync();
        await Ground.Cluster.DropAsync(_database);
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>Comparing what the tables hold.</summary>
internal static class TableStates
{
    private static readonly string[] Counting = ["journal", "journal_payloads", "receipts", "unit_runs", "alarms"];

    /// <summary>The tables that say what is registered and recorded; a batch on its way is in none of them.</summary>
    public static IEnumerable<KeyValuePair<string, TableState>> WhatCounts(
        this SortedDictionary<string, TableState> state) => state.Where(t => Counting.Contains(t.Key));

    /// <summary>Rows added to each table that changed; 0 where rows were changed alone.</summary>
    public static IReadOnlyDictionary<string, long> AddedTo(
        this SortedDictionary<string, TableState> after, SortedDictionary<string, TableState> before) =>
        after.Where(t => t.Value != before[t.Key]).ToDictionary(t => t.Key, t => t.Value.Rows - before[t.Key].Rows);
}
