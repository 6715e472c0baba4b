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

/// <summary>The PostgreSQL cluster of the run. Fixtures run one after another, because a test that kills PostgreSQL
/// kills it for all.</summary>
[SetUpFixture]
public sealed class TestPostgres
{
    public static TestCluster Cluster { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task Start() => Cluster = await TestCluster.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await Cluster.DisposeAsync();
}

/// <summary>Number and digest of the rows of a table.</summary>
internal sealed record TableState(long Rows, string Digest);

/// <summary>A registry for fault injection: a server process that stops at a chosen sync point, and a proxy to its
/// database that can be cut.</summary>
internal sealed class World : IAsyncDisposable
{
    private readonly string _folder;
    private readonly string _database;
    private readonly Dictionary<(RegistryProcess, string), CallInvoker> _callers = [];
    private int _references;
    private long _segments;

    private World(string folder, string database, FaultInjectingProxy proxy) =>
        (_folder, _database, Proxy) = (folder, database, proxy);

    public RegistryProcess Server { get; private set; } = null!;

    public Breakpoint Breakpoint { get; } = new();

    /// <summary>Proxy between the server and PostgreSQL.</summary>
    public FaultInjectingProxy Proxy { get; }

    /// <summary>Every acknowledged write, with its answer.</summary>
    public List<(Func<World, Task<IMessage>> Send, IMessage Answer)> Ledger { get; } = [];

    public static async Task<World> CreateAsync(string? database = null)
    {
        var folder = Directory.CreateTempSubdirectory("drf").FullName;
        var world = new World(folder, database ?? await TestPostgres.Cluster.CloneAsync(),
            FaultInjectingProxy.ToPostgres(TestPostgres.Cluster.Places.Sockets, folder));
        await world.StartAsync("--demo");

        // From here on every write of a kind does the same: the TAC list is imported, and the node has reported before.
        await (await WriteKind.ImportTacs.PrepareAsync(world))(world);
        await (await WriteKind.ReportSightings.PrepareAsync(world))(world);
        return world;
    }

    /// <summary>Starts the server with the folder and database it had before.</summary>
    public async Task StartAsync(params string[] more)
    {
        var connection = new NpgsqlConnectionStringBuilder(
            TestPostgres.Cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, _database))
        { Host = _folder };
        Server = await RegistryProcess.StartAsync(Path.Combine(_folder, "state"), Breakpoint.Environment,
            ["--database", connection.ConnectionString, .. more]);
    }

    /// <summary>Kills the server (SIGKILL) and starts it again.</summary>
    public async Task KillAndStartAsync()
    {
        await Server.KillAsync();
        Breakpoint.Release();
        await Server.DisposeAsync();
        await StartAsync();
    }

    /// <summary>Connection string of the cluster's owner, which does not pass the proxy.</summary>
    public string AdminConnectionString =>
        TestPostgres.Cluster.Server.AdminConnectionString(_database) + ";Pooling=false";

    public string NewReference() =>
        string.Create(CultureInfo.InvariantCulture, $"fault-{Interlocked.Increment(ref _references)}");

    /// <summary>Number of the next segment of sightings from core-a1.</summary>
    public ulong NewSegment() => (ulong)Interlocked.Increment(ref _segments);

    /// <summary>Calls with the certificate of an identity, to the running server.</summary>
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

    /// <summary>The same; signs the orders that the identity drafts and approves.</summary>
    public CallInvoker Signing(string identity) => new Client.OrderSigner(As(identity), Server.Certificate(identity));

    /// <summary>State of every table, read without the proxy. Excludes the positions of nodes, which are no state of
    /// the registry, and the files of decided batches, which are dropped a moment later.</summary>
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
                $"{WithoutClockEntries(table)} t", connection);
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

    /// <summary>Number of sessions that wait until all earlier commits are on a standby.</summary>
    public async Task<long> WaitingForStandbyAsync()
    {
        await using var connection = new NpgsqlConnection(AdminConnectionString);
        await connection.OpenAsync();
        await using var waiting = new NpgsqlCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep' AND " +
            "query LIKE '%pg_logical_emit_message%'", connection);
        return (long)(await waiting.ExecuteScalarAsync())!;
    }

    // A moment after a node reported its position, the registrar records that an order is enforced and where in the
    // journal it was armed. That is no part of the write that armed the order.
    private static string WithoutClockEntries(string table) => table switch
    {
        "orders" =>
            "(SELECT (to_jsonb(o) - 'enforced_at' - 'armed_position') || jsonb_build_object('state', CASE WHEN " +
            "o.state = 11 THEN 10 ELSE o.state END) FROM orders o)",
        "journal_payloads" => $"(SELECT p.* FROM journal_payloads p WHERE NOT {RecordedByClock})",
        "journal" or "journal_subjects" or "journal_private" =>
            $"(SELECT x.* FROM {table} x JOIN journal_payloads p ON p.id = x.payload_id WHERE NOT {RecordedByClock})",
        _ => table,
    };

    private const string RecordedByClock = "p.kind IN (31, 32, 33)";

    /// <summary>Runs a statement as the cluster's owner, not through the proxy.</summary>
    public Task ExecuteAsync(string sql) => TestPostgres.Cluster.ExecuteAsync(sql, _database);

    /// <summary>Waits until the registrar has no background write left, which would pass the sync points instead of the
    /// write under test.</summary>
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

    /// <summary>Records an acknowledged write, if its answer is kept.</summary>
    public void Acknowledged(WriteKind kind, Func<World, Task<IMessage>> send, IMessage answer)
    {
        if (kind.KeepsAnswer) Ledger.Add((send, answer));
    }

    /// <summary>Sends a write until it is answered; retries while the server or database is unavailable.</summary>
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

    /// <summary>Asserts that no acknowledged write is lost: each gets its first answer when sent again, and the
    /// journal's hash chain is intact.</summary>
    public async Task AssertAnswersUnchangedAsync(CancellationToken ct)
    {
        foreach (var (send, answer) in Ledger) Assert.That(await AnsweredAsync(send, ct), Is.EqualTo(answer));
        await AssertChainIntactAsync(ct);
    }

    /// <summary>Asserts that the journal has every entry and that each follows the one before.</summary>
    public async Task AssertChainIntactAsync(CancellationToken ct)
    {
        var entries = new List<JournalEntry>();
        using var feed = new FeedService.FeedServiceClient(As("auditor-a"))
            .Subscribe(new SubscribeRequest(), cancellationToken: ct);
        await foreach (var part in feed.ResponseStream.ReadAllAsync(ct)) entries.AddRange(part.Entries.Entries);
        var (end, broken, fault) = JournalEntryRules.Walk(entries);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(broken, Is.Null);
            Assert.That(fault, Is.EqualTo(""));
        }

        Assert.That(entries.Count(e =>
            (JournalKind)e.Kind is not (JournalKind.OrderInForce or JournalKind.OrderExpired
            or JournalKind.OrderEnforced)), Is.EqualTo((await StateAsync())["journal"].Rows));
        Assert.That((int)end.Position, Is.EqualTo(entries.Count));
    }

    public async ValueTask DisposeAsync()
    {
        Breakpoint.Dispose();
        await Server.DisposeAsync();
        await Proxy.DisposeAsync();
        await TestPostgres.Cluster.DropAsync(_database);
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>Comparison of table states.</summary>
internal static class TableStates
{
    private static readonly string[] FinalTableNames =
        ["journal", "journal_payloads", "receipts", "unit_runs", "alarms"];

    /// <summary>The tables that say what is registered and recorded. A batch that is not decided has rows in none of
    /// them.</summary>
    public static IEnumerable<KeyValuePair<string, TableState>> FinalTables(
        this SortedDictionary<string, TableState> state) => state.Where(t => FinalTableNames.Contains(t.Key));

    /// <summary>Rows added to each table that changed; 0 where rows were only updated.</summary>
    public static IReadOnlyDictionary<string, long> AddedTo(
        this SortedDictionary<string, TableState> after, SortedDictionary<string, TableState> before) =>
        after.Where(t => t.Value != before[t.Key]).ToDictionary(t => t.Key, t => t.Value.Rows - before[t.Key].Rows);
}
