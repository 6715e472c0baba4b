using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Npgsql;
using CheckReason = DeviceRegistry.Contracts.V1.CheckReason;
using Verdict = DeviceRegistry.Contracts.V1.Verdict;

namespace DeviceRegistry.System.Tests;

/// <summary>Each test has its own registrar and node processes, because it stops or kills them.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class FeedTests
{
    [Test]
    public async Task A_node_without_a_database_answers_from_the_feed()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var blocked = await Registry.GivenBlockedAsync(TestImei.Next());
        await using var node = await StartNodeAsync(Registry.Server);
        var attach = new AttachService.AttachServiceClient(node.Channel("attach", "operator-b"));
        await Registry.AppliedAsync(blocked.JournalPosition, attach);

        var allowed = await attach.CheckAsync(new CheckRequest { Imei = unit.First.Digits });
        var denied = await attach.CheckAsync(new CheckRequest { Imei = blocked.Order.Imeis[0] });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(allowed.Verdict, Is.EqualTo(Verdict.Allow));
            Assert.That(denied.Verdict, Is.EqualTo(Verdict.Deny));
        }
    }

    [Test]
    public async Task A_restarted_node_answers_from_its_journal_without_the_registrar()
    {
        var database = await Registry.Cluster.CloneAsync();
        var state = Registry.NewFolder();
        await using var registrar = await StartRegistrarAsync(state, database, "0");
        var port = registrar.Address("registrar").Port.ToString(
            global::System.Globalization.CultureInfo.InvariantCulture);
        var imei = TestImei.Next();
        var position = await BlockAsync(registrar, imei);
        await using (var node = await StartNodeAsync(registrar))
        {
            await Registry.AppliedAsync(position, Attach(node));
            await node.KillAsync();
        }

        await registrar.KillAsync();
        await using var again = await RegistryProcess.LaunchAsync(state, "--roles", "Attach,Web", "--node", "node-b1",
            "--registrar", $"https://localhost:{port}");
        await Registry.AppliedAsync(position, Attach(again));
        var alone = await Attach(again).CheckAsync(new CheckRequest { Imei = imei.Digits });

        await using var back = await StartRegistrarAsync(state, database, port);
        var next = await BlockAsync(back, TestImei.Next());
        await Registry.AppliedAsync(next, Attach(again));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(alone.Verdict, Is.EqualTo(Verdict.Deny));
            Assert.That(alone.Reason, Is.EqualTo(CheckReason.Stolen));
        }

        Assert.That(again.Output, Does.Match($"loaded up to position ({position}|{position + 1})"),
            "it started from its own copy, which may hold that the order is enforced too");
    }

    [Test]
    public async Task A_node_fetches_the_altered_part_of_its_journal_again()
    {
        var database = await Registry.Cluster.CloneAsync();
        var state = Registry.NewFolder();
        await using var registrar = await StartRegistrarAsync(state, database, "0");
        var imei = TestImei.Next();
        var position = await BlockAsync(registrar, imei);
        await using (var node = await StartNodeAsync(registrar)) await Registry.AppliedAsync(position, Attach(node));
        var copy = Path.Combine(state, "nodes", "node-b1", "feed-0.log");
        var bytes = await File.ReadAllBytesAsync(copy);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(copy, bytes);

        await using var again = await StartNodeAsync(registrar);
        await Registry.AppliedAsync(position, Attach(again));

        Assert.That(again.Output, Does.Not.Match($"loaded up to position ({position}|{position + 1})"));
        Assert.That((await Attach(again).CheckAsync(new CheckRequest { Imei = imei.Digits })).Verdict,
            Is.EqualTo(Verdict.Deny));
        await again.StopAsync();
        Assert.That((await File.ReadAllBytesAsync(copy)).Length, Is.GreaterThanOrEqualTo(bytes.Length),
            "the registry has noted since that the order is enforced");
    }

    [Test]
    public async Task A_node_does_not_follow_a_registrar_with_another_history()
    {
        var state = Registry.NewFolder();
        var first = await StartRegistrarAsync(state, await Registry.Cluster.CloneAsync(), "0");
        var port = first.Address("registrar").Port.ToString(global::System.Globalization.CultureInfo.InvariantCulture);
        var imei = TestImei.Next();
        var position = await BlockAsync(first, imei);
        await using var node = await StartNodeAsync(first);
        await Registry.AppliedAsync(position, Attach(node));
        await first.DisposeAsync();

        await using var other = await StartRegistrarAsync(state, await Registry.Cluster.CloneAsync(), port);
        using var http = new HttpClient();
        await Registry.UntilAsync(async ct => (await http.GetStringAsync($"http://{node.Address("web")}/metrics", ct))
            .Contains("node_halted{} 1", StringComparison.Ordinal));
        node.MayLogErrors = true;

        Assert.That((await Attach(node).CheckAsync(new CheckRequest { Imei = imei.Digits })).Verdict,
            Is.EqualTo(Verdict.Deny));
        await Registry.UntilAsync(ct =>
            Task.FromResult(node.Output.Contains("application halted", StringComparison.Ordinal)));
    }

    [Test]
    public async Task The_registrar_records_the_position_of_each_node()
    {
        var position = (await Registry.GivenBlockedAsync(TestImei.Next())).JournalPosition;

        await using var database = NpgsqlDataSource.Create(Registry.ConnectionString(Registry.Database));
        await using var ask = database.CreateCommand(
            "SELECT max(n.position) FROM node_positions n JOIN actors a ON a.id = n.actor_id WHERE a.name = 'node-a1'");

        Assert.That(async () => await Registry.UntilAsync(async ct => await ask.ExecuteScalarAsync(ct) is long reported
            && (ulong)reported >= position), Throws.Nothing);
    }

    [Test]
    public async Task A_subscriber_that_reads_nothing_delays_no_other()
    {
        // 1. A journal several times larger than an HTTP/2 window of 64 KiB plus the buffers in between.
        await using var registrar = await StartRegistrarAsync(Registry.NewFolder(), await Registry.Cluster.CloneAsync(),
            "0");
        var tacs = string.Concat(Enumerable.Range(0, 150_000)
            .Select(i => $"{10_000_000 + (i * 591)}|M|N|LTE|01-Nov-2020|Phone|B|1\n"));
        await Registry.ImportTacsAsync(registrar, Registry.GsmaList.Split('\n')[0] + "\n" + tacs);
        await using var node = await StartNodeAsync(registrar);

        // 2. A subscriber that requests the whole journal and reads nothing.
        using var handler = registrar.Handler(registrar.Certificate("auditor-a"));
        handler.InitialHttp2StreamWindowSize = 65_535;
        using var channel = Grpc.Net.Client.GrpcChannel.ForAddress(
            $"https://localhost:{registrar.Address("registrar").Port}", new() { HttpHandler = handler });
        using (var stuck = new FeedService.FeedServiceClient(channel).Subscribe(new SubscribeRequest { Follow = true }))
        {
            await stuck.ResponseHeadersAsync;
            await Registry.UntilAsync(async ct => await SlowestLagAsync(registrar, ct) > 0);
            var imei = TestImei.Next();
            await Registry.AppliedAsync(await BlockAsync(registrar, imei), Attach(node));

            Assert.That((await Attach(node).CheckAsync(new CheckRequest { Imei = imei.Digits })).Verdict,
                Is.EqualTo(Verdict.Deny), "the node that reads is level");
            Assert.That(await SlowestLagAsync(registrar, CancellationToken.None), Is.Positive, "the other one is not");
        }

        await Registry.UntilAsync(async ct => await SlowestLagAsync(registrar, ct) is 0);
    }

    [Test]
    public void A_page_for_a_subscriber_has_a_bounded_size()
    {
        var ring = Enumerable.Range(1, 64)
            .Select(i => new JournalRecord((ulong)i, 1, i, 11, true, 0, new byte[512 * 1024], new byte[32],
            new byte[32]));

        var page = Registrar.Feed.PublicJournal.PageOf(ring);

        Assert.That(page.Sum(r => r.PublicBytes.Length), Is.InRange(1, 5 * 1024 * 1024));
        Assert.That(page[0].Position, Is.EqualTo(1));
    }

    [Test]
    public async Task An_auditor_reads_the_whole_journal_with_an_intact_chain()
    {
        await Registry.GivenReleasedAsync(3);

        var entries = await ReadAllAsync(Registry.Server, "auditor-a");

        Assert.That(entries, Is.Not.Empty);
        Assert.That(JournalEntryRules.Walk(entries).Broken, Is.Null);
    }

    [Test]
    public async Task The_feed_contains_no_private_data()
    {
        var (file, units) = TestImei.DualSim(1);
        var header = Registry.Header();
        await Registry.RegisterAsync(header, file);
        var draft = Registry.Draft(TestImei.Next());
        await Registry.Orders("regulator-a").DraftOrderAsync(draft);

        var entries = await ReadAllAsync(Registry.Server, "node-a1");
        var all = entries.Select(e => e.ToByteString().ToStringUtf8()).ToList();
        var imeis = entries.Where(e => e.Kind == (int)JournalKind.ImeisReleased)
            .SelectMany(e => JournalEntryRules.FromDeltas(ImeisReleased.Parser.ParseFrom(e.PublicBytes).ImeiDeltas))
            .Concat(entries.Where(e => e.Kind == (int)JournalKind.OrderArmed)
                .SelectMany(e => JournalEntryRules.FromDeltas(OrderArmed.Parser.ParseFrom(e.PublicBytes).ImeiDeltas)))
            .ToHashSet();

        Assert.That(imeis, Does.Not.Contain(units[0].First.Value).And.Not.Contain(units[0].Second.Value),
            "stock that is not released");
        Assert.That(entries.Where(e => e.Kind is (int)JournalKind.BatchDeclared)
            .Select(e => e.PublicBytes.Length), Is.All.LessThan(12), "a step and its number, nothing else");

        foreach (var secret in (string[])[units[0].Serial, units[0].First.Digits, header.Reference, draft.Reference,
            draft.Basis, "regulator-a", "maker-a-mobiles", "MDM-0001"])
            Assert.That(all, Has.None.Contain(secret), secret);
    }

    [Test]
    public async Task A_subscriber_with_another_last_entry_is_refused()
    {
        using var call = new FeedService.FeedServiceClient(Registry.Server.Channel("registrar", "node-b1"))
            .Subscribe(new SubscribeRequest
            {
                AfterPosition = 1, Hash = ByteString.CopyFrom(JournalHash.Genesis),
                Follow = true
            });

        var refusal = await Registry.RefusalOfAsync(async () =>
            await call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("CHAIN_MISMATCH"));
    }

    [Test]
    public async Task A_stopped_server_exits_cleanly_within_its_time()
    {
        await using var server = await StartRegistrarAsync(Registry.NewFolder(), await Registry.Cluster.CloneAsync(),
            "0");
        await using var node = await StartNodeAsync(server);

        Assert.That(await server.StopAsync(), Is.Zero);
        Assert.That(await node.StopAsync(), Is.Zero);
    }

    [Test]
    public async Task A_node_without_data_answers_UNAVAILABLE()
    {
        var port = Scripts.FreePort();
        var state = Registry.NewFolder();
        Directory.CreateDirectory(Path.Combine(state, "certs"));
        foreach (var file in Directory.GetFiles(Path.Combine(Registry.Server.State, "certs"))) File.Copy(file,
            Path.Combine(state, "certs", Path.GetFileName(file)));
        await using var node = await RegistryProcess.LaunchAsync(state, "--roles", "Attach,Web", "--node", "node-b1",
            "--registrar", $"https://localhost:{port}");

        var refusal = await Registry.RefusalOfAsync(async () => await Attach(node).CheckAsync(new CheckRequest()));

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.Unavailable));
    }

    [Test]
    public async Task A_truncated_local_journal_does_not_reset_the_data_age()
    {
        var database = await Registry.Cluster.CloneAsync();
        var state = Registry.NewFolder();
        await using var registrar = await StartRegistrarAsync(state, database, "0");
        var position = await BlockAsync(registrar, TestImei.Next());
        await using (var node = await StartNodeAsync(registrar))
        {
            await Registry.AppliedAsync(position, Attach(node));
            await Registry.UntilAsync(_ =>
                Task.FromResult(File.Exists(Path.Combine(state, "nodes", "node-b1", "known-at"))));
        }

        var copy = Path.Combine(state, "nodes", "node-b1", "feed-0.log");
        var bytes = await File.ReadAllBytesAsync(copy);
        await File.WriteAllBytesAsync(copy, bytes[..^1]);
        await File.WriteAllTextAsync(Path.Combine(state, "nodes", "node-b1", "known-at"),
            $"{position + 1} {TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds()}");
        await registrar.KillAsync();

        await using var again = await RegistryProcess.LaunchAsync(state, "--roles", "Attach,Web", "--node", "node-b1",
            "--registrar", $"https://localhost:{registrar.Address("registrar").Port}");
        var first = await Attach(again).CheckAsync(new CheckRequest());
        await Registry.UntilAsync(async ct =>
            (await Attach(again).CheckAsync(new CheckRequest(),
            cancellationToken: ct)).DataAgeMs > first.DataAgeMs);

        Assert.That(first.Position, Is.EqualTo(position - 1).Or.EqualTo(position),
            "its last entry is the order, or that it is enforced");
        Assert.That(first.DataAgeMs, Is.Positive, "the age of its last entry, not of what it has lost");
    }

    [Test]
    public async Task Two_nodes_on_one_folder_are_refused()
    {
        await using var node = await StartNodeAsync(Registry.Server);

        Assert.That(
            async () => await RegistryProcess.LaunchAsync(Registry.Server.State, "--roles", "Attach,Web", "--node",
            "node-b1", "--registrar", "https://localhost:1"),
            Throws.InvalidOperationException.With.Message.Contains("The server cannot run"));
    }

    [Test]
    public async Task A_registrar_recovers_after_losing_every_database_connection()
    {
        var database = await Registry.Cluster.CloneAsync();
        await using var server = await StartRegistrarAsync(Registry.NewFolder(), database, "0");
        server.MayLogErrors = true;

        await Registry.Cluster.ExecuteAsync(
            $"ALTER DATABASE {database} CONNECTION LIMIT 0; SELECT pg_terminate_backend(pid) FROM pg_stat_activity " +
            $"WHERE datname = '{database}' AND pid <> pg_backend_pid()");
        using var http = new HttpClient();
        await Registry.UntilAsync(async ct =>
            !(await http.GetAsync($"http://{server.Address("web")}/readyz", ct)).IsSuccessStatusCode);
        var refusal = await Registry.RefusalOfAsync(async () => await BlockAsync(server, TestImei.Next()));
        await Registry.Cluster.ExecuteAsync($"ALTER DATABASE {database} CONNECTION LIMIT -1");
        await Registry.UntilAsync(async ct =>
            (await http.GetAsync($"http://{server.Address("web")}/readyz", ct)).IsSuccessStatusCode);

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(await BlockAsync(server, TestImei.Next()), Is.Positive);
    }

    private static async Task<long> SlowestLagAsync(RegistryProcess registrar, CancellationToken ct)
    {
        using var http = new HttpClient();
        var line = (await http.GetStringAsync($"http://{registrar.Address("web")}/metrics", ct)).Split('\n')
            .Single(l => l.StartsWith("device_registry_feed_slowest_lag_entries{} ", StringComparison.Ordinal));
        return long.Parse(line.Split(' ')[1], global::System.Globalization.CultureInfo.InvariantCulture);
    }

    private static Task<RegistryProcess> StartRegistrarAsync(string state, string database, string port) =>
        RegistryProcess.StartAsync(state, "--roles", "Registrar,Web", "--demo", "--database",
            Registry.ConnectionString(database), "--registrar-port", port);

    private static Task<RegistryProcess> StartNodeAsync(RegistryProcess registrar) =>
        RegistryProcess.StartAsync(registrar.State, "--roles", "Attach,Web", "--node", "node-b1", "--registrar",
            $"https://localhost:{registrar.Address("registrar").Port}");

    private static AttachService.AttachServiceClient Attach(RegistryProcess node) =>
        new(node.Channel("attach", "operator-b"));

    private static async Task<ulong> BlockAsync(RegistryProcess registrar, Imei imei)
    {
        var draft = await new OrdersService.OrdersServiceClient(registrar.Signer("regulator-a"))
            .DraftOrderAsync(Registry.Draft(imei));
        var approved = await new OrdersService.OrdersServiceClient(registrar.Signer("regulator-b"))
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        return approved.JournalPosition;
    }

    private static async Task<List<JournalEntry>> ReadAllAsync(RegistryProcess server, string identity)
    {
        using var call = new FeedService.FeedServiceClient(server.Channel("registrar", identity))
            .Subscribe(new SubscribeRequest());
        var entries = new List<JournalEntry>();
        await foreach (var message in call.ResponseStream.ReadAllAsync()) entries.AddRange(message.Entries.Entries);
        return entries;
    }
}
