using DeviceRegistry.Attach;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar;
using DeviceRegistry.Registrar.Feed;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.Registrar.Parties;
using DeviceRegistry.Registrar.Proof;
using DeviceRegistry.Server.Certificates;
using DeviceRegistry.Server.Demo;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using ActorKind = DeviceRegistry.Core.ActorKind;
using AttachService = DeviceRegistry.Attach.AttachService;
using OrderClass = DeviceRegistry.Core.OrderClass;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.System.Tests.Orders;

/// <summary>A clock that changes only when the test moves it. Timers use the real clock.</summary>
internal sealed class MovedTime : TimeProvider
{
    public DateTime Now { get; set; } = DateTime.UnixEpoch.AddMilliseconds(System.GetUtcNow().ToUnixTimeMilliseconds());

    public override DateTimeOffset GetUtcNow() => new(Now);
}

/// <summary>An order in the database.</summary>
internal sealed record StoredOrder(long Number, Core.OrderState State, DateTime? InForceAt, DateTime? EndedAt,
    DateTime? EnforcedAt)
{
    public override string ToString() =>
        $"{State}, in force {InForceAt:HH:mm:ss}, ended {EndedAt:HH:mm:ss}, enforced {EnforcedAt:HH:mm:ss}";
}

/// <summary>The registrar's classes on a separate database, and a node's classes on the resulting journal, all in one
/// process so that the test controls the time.</summary>
internal sealed class OrderWorld : IAsyncDisposable
{
    /// <summary>Nodes that report, one of each operator.</summary>
    public static readonly string[] Nodes = ["node-a1", "node-b1"];

    private const string Imsi = "410010000000001";

    private readonly ServiceProvider _services;
    private readonly ulong _operator;
    private readonly NodeState _node;
    private readonly JournalVerifier _verifier;

    // A node may apply its clock at any time; the result is the same.
    private readonly MovedTime _asked = new();
    private readonly AttachService _attach;

    private OrderWorld(ServiceProvider services, MovedTime time, ActorRow node, byte[] subscribers,
        IReadOnlyList<Caller> people)
    {
        (_services, Time, People, _operator) = (services, time, people, (ulong)node.PartyId);
        var folder = Registry.NewFolder();
        File.WriteAllBytes(Path.Combine(folder, "subscribers.key"), subscribers);
        var key = new SubscriberKey(folder);
        key.Load();
        _node = new NodeState(node.Key, new MemberDirectory(), subscribers: key);
        _verifier = new JournalVerifier(_node);
        _attach = new AttachService(_node, new CheckCounters(), new SightingCollector(), _asked);
    }

    public MovedTime Time { get; }

    /// <summary>The subscriber that checks use, and another of the same operator.</summary>
    public IReadOnlyList<Subscriber> Subscribers { get; private set; } = [];

    /// <summary>Four people of the regulator.</summary>
    public IReadOnlyList<Caller> People { get; }

    public OrderWorkflow Book => _services.GetRequiredService<OrderWorkflow>();

    public OrderClock Clock => _services.GetRequiredService<OrderClock>();

    /// <summary>Starts on an empty database with the demo's members and with orders of every class allowed.</summary>
    public static async Task<OrderWorld> CreateAsync(string database)
    {
        var time = new MovedTime();
        var services = new ServiceCollection().AddLogging().AddSingleton<TimeProvider>(time)
            .AddSingleton<MemberDirectory>()
            .AddRegistrar(Registry.ConnectionString(database), CheckpointOptions.None,
                new PseudonymKeyOptions(Registry.NewFolder())).BuildServiceProvider();
        var authority = new DevelopmentAuthority(Path.Combine(Registry.NewFolder(), "certs"), TimeProvider.System);
        DemoData.EnsureCertificates(authority);
        await ActivatorUtilities.CreateInstance<DemoData>(services, authority).EnsureAsync(CancellationToken.None);

        await using var db = await services.GetRequiredService<IDbContextFactory<RegistryContext>>()
            .CreateDbContextAsync();
        var actors = await db.Actors.AsNoTracking().ToListAsync();
        var people = actors.Where(a => a.Name.StartsWith("regulator-", StringComparison.Ordinal))
            .OrderBy(a => a.Name, StringComparer.Ordinal)
            .Select(a => new Caller((ulong)a.Id, ActorKind.Person, (ulong)a.PartyId, PartyKind.Regulator)).ToList();
        await services.GetRequiredService<MemberDirectoryLoader>().ReloadAsync(CancellationToken.None);
        var (own, pseudonyms) = (actors.Single(a => a.Name == Nodes[0]), services.GetRequiredService<Pseudonyms>());
        var world = new OrderWorld(services, time, own,
            await pseudonyms.KeyOfAsync((ulong)own.PartyId, CancellationToken.None), people)
        {
            Subscribers = [await pseudonyms.OfAsync("", Imsi, CancellationToken.None),
                await pseudonyms.OfAsync("", "410010000000002", CancellationToken.None)],
        };
        await world.AllowEveryClassAsync();
        await world.FollowAsync();
        foreach (var node in Nodes) await world.ReportAsync(node);
        return world;
    }

    private async Task AllowEveryClassAsync()
    {
        var policies = _services.GetRequiredService<PolicyCommands>();
        var policy = (await policies.GetAsync(CancellationToken.None)).Policy;
        policy.FinanceDeviceBlockEnabled = true;
        var proposed = await policies.ProposeAsync(People[0],
            new ProposePolicyRequest { Reference = Registry.NewReference(), Policy = policy }, CancellationToken.None);
        await policies.ApproveAsync(People[1],
            new ApprovePolicyRequest { Reference = Registry.NewReference(), Version = proposed.Version },
            CancellationToken.None);
    }

    /// <summary>The node applies all new entries of the journal.</summary>
    public async Task FollowAsync()
    {
        await foreach (var entry in _services.GetRequiredService<JournalReader>()
            .AfterAsync(_verifier.End.Position, long.MaxValue, int.MaxValue, CancellationToken.None))
            if (!_verifier.TryApply(entry.ToWire(_operator), out var why)) throw new AssertionException(why);
        _node.Index.KnewEverythingAt(new DateTimeOffset(Time.Now).ToUnixTimeMilliseconds());
    }

    /// <summary>Records that another node has every entry that this node has, as FeedService does.</summary>
    public async Task ReportAsync(string node)
    {
        await using var note = _services.GetRequiredService<NpgsqlDataSource>().CreateCommand(
            """
            INSERT INTO node_positions (actor_id, position, hash, reported_at) SELECT id, $2, $3, $4 FROM actors
              WHERE name = $1
            ON CONFLICT (actor_id) DO UPDATE SET position = excluded.position, hash = excluded.hash,
              reported_at = excluded.reported_at
            """);
        foreach (object value in (object[])[node, (long)_verifier.End.Position, _verifier.End.Hash,
            Time.Now]) note.Parameters.Add(new() { Value = value });
        await note.ExecuteNonQueryAsync();
    }

    /// <summary>The registrar records starts and ends that happened by the clock.</summary>
    public async Task RecordAsync()
    {
        while (await Clock.RecordAsync(CancellationToken.None) > 0)
        {
        }
    }

    /// <summary>The node's answer at an instant: the row of the decision table.</summary>
    public string Ask(Imei imei, DateTime at)
    {
        _asked.Now = at;
        var decision = _attach.Check(CheckInterface.Grpc, imei.Digits, Imsi, emergency: false).Decision;
        return decision.Verdict is Core.Verdict.Deny ? decision.Row : "";
    }

    /// <summary>The highest order number so far.</summary>
    public async Task<long> HighestAsync()
    {
        await using var ask = _services.GetRequiredService<NpgsqlDataSource>()
            .CreateCommand("SELECT coalesce(max(number), 0) FROM orders");
        return (long)(await ask.ExecuteScalarAsync())!;
    }

    /// <summary>Orders in the database from this number on.</summary>
    public async Task<Dictionary<long, StoredOrder>> OrdersAsync(long from)
    {
        await using var db = await _services.GetRequiredService<IDbContextFactory<RegistryContext>>()
            .CreateDbContextAsync();
        return await db.Orders.AsNoTracking().Where(o => o.Number >= from)
            .Select(o => new StoredOrder(o.Number, o.State, o.InForceAt, o.EndedAt, o.EnforcedAt))
            .ToDictionaryAsync(o => o.Number);
    }

    /// <summary>Current blocks in the database: the highest class on each IMEI, alone or with the subscriber that
    /// checks use, and on each TAC.</summary>
    public async Task<Dictionary<long, OrderClass>> BlockedAsync(long from)
    {
        await using var ask = _services.GetRequiredService<NpgsqlDataSource>().CreateCommand(
            """
            SELECT i.value, min(o.order_class) FROM orders o JOIN order_items i ON i.order_number = o.number
            WHERE o.number >= $1 AND o.state IN (3, 10, 11) AND (i.kind <> 6 OR i.detail = $3)
              AND (o.effective_at IS NULL OR o.effective_at <= $2) AND (o.expires_at IS NULL OR o.expires_at > $2)
              GROUP BY i.value
            """);
        foreach (object value in (object[])[from, Time.Now, (long)Subscribers[0].Pseudonym]) ask.Parameters.Add(
            new() { Value = value });
        await using var reader = await ask.ExecuteReaderAsync();
        var blocked = new Dictionary<long, OrderClass>();
        while (await reader.ReadAsync()) blocked.Add(reader.GetInt64(0), (OrderClass)reader.GetInt16(1));
        return blocked;
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
