using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Indexing.Snapshots;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Verdict = DeviceRegistry.Contracts.V1.Verdict;

namespace DeviceRegistry.System.Tests;

/// <summary>Nodes that start from a snapshot: their own, or the registrar's. A registrar that keeps and signs
/// snapshots, and nodes with their own folders and processes.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class SnapshotTests
{
    private static RegistryProcess _registrar = null!;

    [OneTimeSetUp]
    public static async Task Start()
    {
        _registrar = await StartRegistrarAsync(Registry.NewFolder());
        await BlockAsync(_registrar, TestImei.Next());
        await Registry.UntilAsync(_ =>
            Task.FromResult(_registrar.Output.Contains("Snapshot published at position", StringComparison.Ordinal)));
    }

    [OneTimeTearDown]
    public static async Task Stop() => await _registrar.DisposeAsync();

    [Test]
    public async Task A_new_node_starts_from_the_registrars_snapshot()
    {
        var before = await GivenAsync();
        await using var node = await StartNodeAsync(NewNode());
        var after = await GivenAsync();
        await Registry.AppliedAsync(after.Position, Attach(node));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await VerdictAsync(node, before.Imei), Is.EqualTo(Verdict.Deny));
            Assert.That(await VerdictAsync(node, after.Imei), Is.EqualTo(Verdict.Deny));
        }

        Assert.That(node.Output, Does.Match("Installed registrar snapshot at position [1-9]"));
    }

    [Test]
    public async Task A_node_starts_without_the_registrar_from_snapshot_and_journal()
    {
        var state = NewNode();
        var blocked = await KilledWithASnapshotAsync(state);

        await using var alone = await StartAloneAsync(state);
        await Registry.AppliedAsync(blocked.Position, Attach(alone));

        Assert.That(await VerdictAsync(alone, blocked.Imei), Is.EqualTo(Verdict.Deny));
        Assert.That(alone.Output, Does.Match("up to position [0-9]+; snapshot at position [1-9]"));
        Assert.That(Parts(state), Has.None.Matches<string>(p => p!.EndsWith("feed-0.log", StringComparison.Ordinal)),
            "what is in the older snapshot is in the copy no more");
    }

    [Test]
    public async Task A_node_replaces_a_damaged_snapshot_by_an_older_one_and_its_journal()
    {
        var state = NewNode();
        var blocked = await KilledWithASnapshotAsync(state);
        var newest = Snapshots(state)[^1];
        await DamageAsync(newest);

        await using var alone = await StartAloneAsync(state);
        await Registry.AppliedAsync(blocked.Position, Attach(alone));

        Assert.That(await VerdictAsync(alone, blocked.Imei), Is.EqualTo(Verdict.Deny));
        Assert.That(alone.Output, Does.Contain($"Snapshot {PositionOf(newest)} invalid"));
        Assert.That(File.Exists(newest), Is.False);
    }

    [Test]
    public async Task A_node_with_only_damaged_snapshots_installs_the_registrars()
    {
        var state = NewNode();
        var blocked = await KilledWithASnapshotAsync(state);
        foreach (var snapshot in Snapshots(state)) await DamageAsync(snapshot);

        await using var again = await StartNodeAsync(state);
        await Registry.AppliedAsync(blocked.Position, Attach(again));

        Assert.That(await VerdictAsync(again, blocked.Imei), Is.EqualTo(Verdict.Deny));
        Assert.That(again.Output, Does.Contain("Installed registrar snapshot"));
    }

    [Test]
    public async Task A_node_installs_a_snapshot_if_it_missed_too_many_entries()
    {
        var state = NewNode();
        await KilledWithASnapshotAsync(state);
        await UntilOfferedAsync(await HeadAsync());
        var blocked = await GivenAsync();

        await using (var follows = await StartNodeAsync(state))
        {
            await Registry.AppliedAsync(blocked.Position, Attach(follows));
            Assert.That(follows.Output, Does.Not.Contain("Installed registrar snapshot"));
            await follows.KillAsync();
        }

        var missed = await HeadAsync();
        await UntilOfferedAsync(missed + 15);
        await using var takes = await StartNodeAsync(state, "--snapshot-fetch-threshold", "5");

        // Ready with its own data; it downloads the snapshot after that.
        await Registry.UntilAsync(_ =>
            Task.FromResult(takes.Output.Contains("Installed registrar snapshot",
            StringComparison.Ordinal)));
        Assert.That(await VerdictAsync(takes, blocked.Imei), Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public async Task A_cut_download_resumes()
    {
        var (statement, file) = await DownloadAsync(_registrar);
        var half = file.Length / 2;
        var state = NewNode();
        var folder = Directory.CreateDirectory(Path.Combine(state, "nodes", "node-b1")).FullName;
        await File.WriteAllBytesAsync(
            Path.Combine(folder, "download-" + Convert.ToHexStringLower(statement.Digest.Span)), file[..half]);

        await using var node = await StartNodeAsync(state);

        Assert.That(node.Output, Does.Contain(
            $"Downloading snapshot of position {statement.Position}, {file.Length} bytes; resuming at byte {half}"));
        Assert.That(node.Output, Does.Contain(
            $"Installed registrar snapshot at position {statement.Position}"));
    }

    [Test]
    public async Task A_node_rejects_a_corrupt_partial_download_and_follows_the_feed()
    {
        var (statement, file) = await DownloadAsync(_registrar);
        var state = NewNode();
        var folder = Directory.CreateDirectory(Path.Combine(state, "nodes", "node-b1")).FullName;
        await File.WriteAllBytesAsync(
            Path.Combine(folder, "download-" + Convert.ToHexStringLower(statement.Digest.Span)),
            new byte[file.Length / 2]);
        var blocked = await GivenAsync();

        await using var node = await StartNodeAsync(state);
        node.MayLogErrors = true;
        await Registry.AppliedAsync(blocked.Position, Attach(node));

        Assert.That(node.Output, Does.Contain(
            $"Registrar snapshot of position {statement.Position} rejected"));
        Assert.That(await VerdictAsync(node, blocked.Imei), Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public async Task A_snapshot_signed_by_another_authority_is_refused()
    {
        // 1. A registrar whose checkpoint key has a certificate of another root. Everything else is right, including
        // the name.
        var forger = Registry.NewFolder();
        await using (var founded = await StartRegistrarAsync(forger)) await founded.StopAsync();
        using (var certificate = TestCertificate.OfAnotherRoot(CheckpointRules.CommonName, "registry"))
        using (var key = certificate.GetECDsaPrivateKey()!)
        {
            await File.WriteAllTextAsync(Path.Combine(forger, "certs", "checkpoint.pem"),
                certificate.ExportCertificatePem());
            await File.WriteAllTextAsync(Path.Combine(forger, "certs", "checkpoint.key"),
                key.ExportPkcs8PrivateKeyPem());
        }

        // Not in demo mode, which would replace the key with a valid one.
        await using var registrar = await RegistryProcess.StartAsync(
            forger, "--roles", "Registrar,Web", "--database", Registry.ConnectionString(Databases[forger]),
            "--snapshot-interval-entries", "20", "--checkpoint-entries", "1000000");
        var imei = TestImei.Next();
        for (var i = 0; i < 10; i++) await BlockAsync(registrar, TestImei.Next());
        var position = await BlockAsync(registrar, imei);
        await Registry.UntilAsync(_ =>
            Task.FromResult(registrar.Output.Contains("Snapshot published at position", StringComparison.Ordinal)));

        // 2. A node that downloads its snapshot.
        await using var node = await StartNodeAsync(NewNode(registrar), registrar);
        node.MayLogErrors = true;
        await Registry.AppliedAsync(position, Attach(node));

        Assert.That(node.Output, Does.Contain(
            "rejected: its certificate does not lead to the registry's root").And.Not.Contain("Installed"));
        Assert.That(await VerdictAsync(node, imei), Is.EqualTo(Verdict.Deny));
    }

    [Test]
    public async Task The_served_snapshot_is_the_signed_file_without_private_data()
    {
        var (statement, file) = await DownloadAsync(_registrar);
        using var snapshot = new SnapshotReadStream(new MemoryStream(file));

        var digest = snapshot.ReadToEnd();

        Assert.That(statement.Digest.ToByteArray(), Is.EqualTo(digest));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(snapshot.Header.Position, Is.EqualTo(statement.Position));
            Assert.That(snapshot.Header.Hash, Is.EqualTo(statement.Hash.ToByteArray()));
            Assert.That(snapshot.Header.State, Is.EqualTo(statement.StateDigest.ToByteArray()));
        }

        foreach (var name in (string[])["opco-a", "regulator-a", "maker-a", "node-b1"]) Assert.That(file.AsSpan()
            .IndexOf(Encoding.UTF8.GetBytes(name)), Is.Negative, name);
    }

    [Test]
    public async Task A_nodes_own_snapshot_contains_the_subscriber_orders_of_its_operator()
    {
        const string Imsi = "410060000000009";
        var imei = TestImei.Next();
        var orders = new OrdersService.OrdersServiceClient(_registrar.Signer("regulator-a"));
        var subscriber = (await orders.PseudonymizeSubscribersAsync(
            new PseudonymizeSubscribersRequest { Imsis = { Imsi } })).Subscribers[0];
        var draft = Registry.Draft(imei);
        draft.Imeis.Clear();
        draft.Pairs.Add(new OrderPair { Equipment = imei.Printed, Subscriber = subscriber });
        await UntilOfferedAsync(await BlockAsync(_registrar, draft));
        var state = NewNode();
        async Task<(Verdict, Verdict)> VerdictsAsync(RegistryProcess node) =>
            ((await Attach(node).CheckAsync(new CheckRequest { Imei = imei.Digits, Imsi = Imsi })).Verdict,
                (await Attach(node).CheckAsync(
                new CheckRequest { Imei = imei.Digits, Imsi = "410060000000008" })).Verdict);

        await using (var node = await StartNodeAsync(state))
        {
            Assert.That(await VerdictsAsync(node), Is.EqualTo((Verdict.Deny, Verdict.Track)));
            Assert.That(node.Output, Does.Contain("Installed registrar snapshot"));
            await node.KillAsync();
        }

        await using var alone = await StartAloneAsync(state);
        Assert.That(await VerdictsAsync(alone), Is.EqualTo((Verdict.Deny, Verdict.Track)));
        var (_, file) = await DownloadAsync(_registrar, "node-b1");
        Assert.That(file.AsSpan().IndexOf(BitConverter.GetBytes(subscriber.Pseudonym)), Is.Negative,
            "what is given to everybody has none of it");
    }

    [Test]
    public async Task A_caller_without_feed_permission_gets_no_snapshot()
    {
        var refusal = await Registry.RefusalOfAsync(() => DownloadAsync(_registrar, "operator-a"));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("NOT_ALLOWED"));
    }

    [Test]
    public async Task A_caller_with_another_history_gets_no_snapshot()
    {
        var request = new GetSnapshotRequest { Position = 1, Hash = ByteString.CopyFrom(new byte[32]) };

        var refusal = await Registry.RefusalOfAsync(() => DownloadAsync(_registrar, request: request));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("CHAIN_MISMATCH"));
    }

    [Test]
    public async Task A_restarted_registrar_serves_its_stored_snapshot()
    {
        var state = Registry.NewFolder();
        var database = await Registry.Cluster.CloneAsync();
        SnapshotStatement before;
        await using (var registrar = await StartRegistrarAsync(state, database, entries: 20))
        {
            await BlockAsync(registrar, TestImei.Next());
            await Registry.UntilAsync(_ =>
                Task.FromResult(registrar.Output.Contains("Snapshot published at position", StringComparison.Ordinal)));
            (before, _) = await DownloadAsync(registrar);
        }

        await using var again = await StartRegistrarAsync(state, database, entries: 1_000_000);
        await Registry.UntilAsync(_ =>
            Task.FromResult(again.Output.Contains($"resumed at position {before.Position}",
            StringComparison.Ordinal)));
        var (after, _) = await DownloadAsync(again);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(after.Position, Is.EqualTo(before.Position));
            Assert.That(after.Digest, Is.EqualTo(before.Digest));
        }
    }

    private static Task<RegistryProcess> StartRegistrarAsync(string state) => StartRegistrarAsync(state, null, 20);

    private static async Task<RegistryProcess> StartRegistrarAsync(string state, string? database, int entries)
    {
        if (!Databases.TryGetValue(state, out var own)) Databases[state] = own = database
            ?? await Registry.Cluster.CloneAsync();
        return await RegistryProcess.StartAsync(
            state, "--roles", "Registrar,Web", "--demo", "--database", Registry.ConnectionString(own),
            "--snapshot-interval-entries", $"{entries}", "--checkpoint-entries", "1000000");
    }

    private static readonly Dictionary<string, string> Databases = [];

    private static string NewNode(RegistryProcess? of = null)
    {
        var state = Registry.NewFolder();
        Directory.CreateSymbolicLink(Path.Combine(state, "certs"), Path.Combine((of ?? _registrar).State, "certs"));
        return state;
    }

    private static Task<RegistryProcess> StartNodeAsync(string state, params string[] more) =>
        StartNodeAsync(state, _registrar, more);

    private static Task<RegistryProcess> StartNodeAsync(string state, RegistryProcess registrar,
        params string[] more) => RegistryProcess.StartAsync(
        state, ["--roles", "Attach,Web", "--node", "node-b1", "--registrar",
            $"https://localhost:{registrar.Address("registrar").Port}", "--snapshot-interval-entries", "3", .. more]);

    private static Task<RegistryProcess> StartAloneAsync(string state) =>
        RegistryProcess.StartAsync(state, "--roles", "Attach,Web", "--node", "node-b1", "--registrar",
            "https://localhost:1");

    // Prepares the folder of a killed node with two snapshots and an order after them.
    private static async Task<(Imei Imei, ulong Position)> KilledWithASnapshotAsync(string state)
    {
        await using var node = await StartNodeAsync(state);
        while (Written(node) < 2)
        {
            await Registry.AppliedAsync((await GivenAsync()).Position, Attach(node));
            await Registry.UntilAsync(async ct =>
                (await Attach(node).CheckAsync(new CheckRequest { AttachKind = AttachKind.Emergency },
                cancellationToken: ct)).Position >= await HeadAsync());
        }

        var last = await GivenAsync();
        await Registry.AppliedAsync(last.Position, Attach(node));
        await node.KillAsync();
        return last;
    }

    private static int Written(RegistryProcess node) => node.Output.Split("Snapshot written at position").Length - 1;

    private static Task<(Imei Imei, ulong Position)> GivenAsync() => GivenAsync(_registrar);

    private static async Task<(Imei Imei, ulong Position)> GivenAsync(RegistryProcess registrar)
    {
        var imei = TestImei.Next();
        return (imei, await BlockAsync(registrar, imei));
    }

    // Waits until the registrar's newest snapshot is of this position or a later one.
    private static async Task UntilOfferedAsync(ulong position)
    {
        while (true)
        {
            if (await NewestAsync() >= position) return;
            await GivenAsync();
        }
    }

    private static async Task<ulong> NewestAsync() => (await DownloadAsync(_registrar)).Statement.Position;

    private static async Task<ulong> HeadAsync()
    {
        using var call = new FeedService.FeedServiceClient(_registrar.Channel("registrar", "auditor-a"))
            .Subscribe(new SubscribeRequest { Follow = true });
        await foreach (var message in call.ResponseStream.ReadAllAsync())
            if (message.Heartbeat is { } beat) return beat.HeadPosition;
        throw new AssertionException("the feed ended");
    }

    private static async Task<(SnapshotStatement Statement, byte[] File)> DownloadAsync(RegistryProcess registrar,
        string identity = "auditor-a", GetSnapshotRequest? request = null)
    {
        using var call = new FeedService.FeedServiceClient(registrar.Channel("registrar", identity))
            .GetSnapshot(request ?? new GetSnapshotRequest());
        await call.ResponseStream.MoveNext(CancellationToken.None);
        var root = X509Certificate2.CreateFromPem(
            await File.ReadAllTextAsync(Path.Combine(registrar.State, "certs", "root.pem")));
        Assert.That(SnapshotRules.IsSigned(call.ResponseStream.Current.Offer, root, out var statement, out var fault),
            Is.True, fault);
        using var file = new MemoryStream();
        var room = new byte[SnapshotRules.ChunkBytesMax];
        await foreach (var message in call.ResponseStream.ReadAllAsync())
        {
            if (message.Scoped is not null) continue;

            Assert.That(SnapshotRules.TryUnpack(message.Chunk, (ulong)file.Length, room, out var bytes), Is.True);
            file.Write(bytes);
        }

        Assert.That((ulong)file.Length, Is.EqualTo(statement.Bytes));
        return (statement, file.ToArray());
    }

    private static async Task DamageAsync(string file)
    {
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
    }

    private static List<string> Snapshots(string state) =>
        [.. Directory.GetFiles(Path.Combine(state, "nodes", "node-b1"), "snapshot-*").OrderBy(PositionOf)];

    private static string[] Parts(string state) =>
        Directory.GetFiles(Path.Combine(state, "nodes", "node-b1"), "feed-*.log");

    private static ulong PositionOf(string snapshot) =>
        ulong.Parse(Path.GetFileName(snapshot)["snapshot-".Length..], CultureInfo.InvariantCulture);

    private static AttachService.AttachServiceClient Attach(RegistryProcess node) =>
        new(node.Channel("attach", "operator-b"));

    private static async Task<Verdict> VerdictAsync(RegistryProcess node, Imei imei) =>
        (await Attach(node).CheckAsync(new CheckRequest { Imei = imei.Digits })).Verdict;

    private static Task<ulong> BlockAsync(RegistryProcess registrar, Imei imei) =>
        BlockAsync(registrar, Registry.Draft(imei));

    private static async Task<ulong> BlockAsync(RegistryProcess registrar, DraftOrderRequest request)
    {
        var draft = await new OrdersService.OrdersServiceClient(registrar.Signer("regulator-a"))
            .DraftOrderAsync(request);
        var approved = await new OrdersService.OrdersServiceClient(registrar.Signer("regulator-b"))
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        return approved.JournalPosition;
    }
}
