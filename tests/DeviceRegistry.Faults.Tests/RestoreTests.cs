using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>A registry is restored to an older state with the operators' scripts while a node has entries that the
/// registry lost.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class RestoreTests
{
    private static readonly string Dreg =
        Path.Combine(Scripts.Checkout, "src", "DeviceRegistry.Cli", "bin", "Release", "net10.0", "dreg.dll");

    // Within: the node has its own journal up to the last common position. Beyond: the node started from a snapshot of
    // a later position, so it must receive another snapshot.
    [TestCase("within what the node has")]
    [TestCase("beyond what the node has")]
    public async Task A_node_ahead_of_a_restored_registry_follows_only_after_the_signed_statement(
        string point, CancellationToken ct)
    {
        string[] snapshots = point.StartsWith("beyond", StringComparison.Ordinal)
            ? ["--snapshot-interval-entries", "1", "--checkpoint-entries", "1000000"] : [];
        using var place = await RestoreFolder.CreateAsync();
        var (early, late, newest) = (TestImei.Next(), TestImei.Next(), TestImei.Next());
        var backup = Path.Combine(place.State, "backup.tar");
        await using var node = await StartedNodeAsync(place, early, backup, late, snapshots, ct);
        node.MayLogErrors = true;                                               // the critical line of step 1
        var attach = new AttachService.AttachServiceClient(node.Channel("attach", "operator-b"));

        // 1. Restored to before the second order. The node reports that it is ahead, and continues to answer.
        await place.RunAsync("restore.sh", backup);
        await using var registrar = await place.StartRegistrarAsync(snapshots);
        await UntilAsync(async () =>
            (await MetricsAsync(node, ct)).Contains("device_registry_node_halted{} 1", StringComparison.Ordinal), ct);
        Assert.That(await VerdictsAsync(attach, early, late), Is.EqualTo((Verdict.Deny, Verdict.Deny)));
        await UntilAsync(() => Task.FromResult(
            node.Output.Contains("Journal application halted: The registrar has no entry at position",
            StringComparison.Ordinal)), ct);

        // 2. The registry accepts no writes before two people have signed the recovery statement.
        var regulator = new OrdersService.OrdersServiceClient(registrar.Signer("regulator-a"));
        var draft = new DraftOrderRequest
        {
            Reference = "after", OrderClass = OrderClass.C, Reason = "STOLEN",
            Basis = "FIR 3", Imeis = { newest.Printed }
        };
        var refusal = (await Assert.ThrowsAsync<RpcException>(async () =>
            await regulator.DraftOrderAsync(draft, cancellationToken: ct)))!;
        Assert.That(StatusMapping.ReasonOf(refusal), Is.EqualTo("RECOVERY_PENDING"));

        // 3. The signature of one person is not enough, even if given twice.
        var statement = Path.Combine(place.State, "recovery.json");
        Assert.That(await place.DregAsync("journal", "recover", statement, "--reason", "restored in a test", "--as",
            "regulator-a"), Does.Contain("after position"));
        Assert.That(await place.DregAsync("journal", "recover", statement, "--sign", "--as", "regulator-a"),
            Does.Contain("You signed this statement already"));

        // 4. The signature of a second person is enough.
        Assert.That(await place.DregAsync("journal", "recover", statement, "--sign", "--as", "regulator-b"),
            Does.Contain("The registry goes on."));

        // 5. The node goes back to the last common position, drops the later entries, and follows the registrar.
        await UntilAsync(async () => await VerdictsAsync(attach, early, late) is (Verdict.Deny, not Verdict.Deny), ct);
        await place.BlockAsync(registrar, newest);
        await UntilAsync(async () =>
            (await attach.CheckAsync(new CheckRequest { Imei = newest.Digits })).Verdict is Verdict.Deny, ct);
        Assert.That(await MetricsAsync(node, ct), Does.Contain("device_registry_node_halted{} 0"));
        Assert.That(Directory.EnumerateFiles(Path.Combine(node.State, "nodes", "node-b1")),
            Has.Some.Contains("feed.log.void-before-epoch-"), "what was answered before is kept");
        Assert.That(await place.DregAsync("journal", "verify"), Does.Contain("journal intact"));
        Assert.That(node.Output, Does.Contain(snapshots.Length is 0
            ? "signed by two people; node rolled back from position"
            : "Installed registrar snapshot"));
    }

    // Starts a registrar with one order before its backup and one after it, and a node that has both. The registrar is
    // stopped on return.
    private static async Task<RegistryProcess> StartedNodeAsync(RestoreFolder place, Core.Imei early, string backup,
        Core.Imei late, string[] snapshots, CancellationToken ct)
    {
        await using var registrar = await place.StartRegistrarAsync(snapshots);
        await place.BlockAsync(registrar, early);
        await place.RunAsync("backup.sh", backup);
        await place.BlockAsync(registrar, late);
        var feed = new FeedService.FeedServiceClient(registrar.Channel("registrar", "auditor-a"));
        if (snapshots.Length > 0) await UntilAsync(async () => await RestoreFolder.SnapshotIsAtHeadAsync(feed, ct), ct);

        var node = await RegistryProcess.LaunchAsync(place.State, "--roles", "Attach,Web", "--node", "node-b1",
            "--registrar", $"https://localhost:{place.Port}");
        var attach = new AttachService.AttachServiceClient(node.Channel("attach", "operator-b"));
        await UntilAsync(async () =>
            await IsReadyAsync(attach) && await VerdictsAsync(attach, early, late) is (Verdict.Deny, Verdict.Deny), ct);
        return node;
    }

    private static async Task<bool> IsReadyAsync(AttachService.AttachServiceClient attach)
    {
        try
        {
            await attach.CheckAsync(new CheckRequest());
            return true;
        }
        catch (RpcException fault) when (fault.StatusCode is StatusCode.Unavailable)
        {
            return false;
        }
    }

    private static async Task<(Verdict, Verdict)> VerdictsAsync(AttachService.AttachServiceClient attach,
        Core.Imei first, Core.Imei second) =>
        ((await attach.CheckAsync(new CheckRequest { Imei = first.Digits })).Verdict,
            (await attach.CheckAsync(new CheckRequest { Imei = second.Digits })).Verdict);

    private static async Task<string> MetricsAsync(RegistryProcess node, CancellationToken ct)
    {
        using var http = new HttpClient();
        return await http.GetStringAsync($"http://{node.Address("web")}/metrics", ct);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition, CancellationToken ct)
    {
        while (!await condition()) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, ct);
    }

    /// <summary>A state folder as deploy/run.sh keeps it, used by the scripts under test.</summary>
    private sealed class RestoreFolder : IDisposable
    {
        private readonly Dictionary<string, string> _environment;
        private readonly string[] _postgres;

        private RestoreFolder(string state, string[] postgres)
        {
            State = state;
            Port = Scripts.FreePort();
            _postgres = postgres;
            _environment = new() { ["DEVICEREGISTRY_STATE"] = state };
        }

        public string State { get; }

        public string Port { get; }

        public static async Task<RestoreFolder> CreateAsync()
        {
            // The operating system user of PostgreSQL must be able to traverse this folder.
            var state = Directory.CreateTempSubdirectory("drr").FullName;
            await Scripts.RunAsync(state, "chmod", ["0711", state]);
            const string Places = """
                cd deploy/lib; source ./shell.sh; source ./state.sh; source ./packages.sh; source ./postgres.sh
                find_postgres; place_database
                printf '%s\n' "$DEVICEREGISTRY_PGBIN" "$DEVICEREGISTRY_PGDATA" \
                    "$DEVICEREGISTRY_PGSOCKET" "$DEVICEREGISTRY_PGUSER"
                """;
            var clean = new Dictionary<string, string> { ["DEVICEREGISTRY_STATE"] = state };
            var (code, output) = await Scripts.RunAsync(Scripts.Checkout, "bash", ["-c", Places], clean);
            Assert.That(code, Is.Zero, output);
            var lines = output.TrimEnd('\n').Split('\n');
            return new RestoreFolder(state,
                ["--pg-bin", lines[0], "--pg-data", lines[1], "--pg-socket", lines[2], .. lines.Length > 3
                && lines[3].Length > 0 ? new[] { "--pg-user", lines[3] } : []]);
        }

        public Task<RegistryProcess> StartRegistrarAsync(string[] more) =>
            RegistryProcess.StartAsync(State,
                ["--demo", "--roles", "Registrar,Web", "--registrar-port", Port, .. more, .. _postgres]);

        public static async Task<bool> SnapshotIsAtHeadAsync(FeedService.FeedServiceClient feed, CancellationToken ct)
        {
            using var follow = feed.Subscribe(new SubscribeRequest { Follow = true }, cancellationToken: ct);
            var head = 0UL;
            while (head is 0 && await follow.ResponseStream.MoveNext(ct)) head =
                follow.ResponseStream.Current.Heartbeat?.HeadPosition ?? 0;
            try
            {
                using var call = feed.GetSnapshot(new GetSnapshotRequest { MinEntriesAhead = head },
                    cancellationToken: ct);
                return await call.ResponseStream.MoveNext(ct);
            }
            catch (RpcException none) when (none.StatusCode is StatusCode.NotFound)
            {
                return false;
            }
        }

        public async Task RunAsync(string script, string file)
        {
            var (code, output) = await Scripts.RunAsync(Scripts.Checkout,
                Path.Combine(Scripts.Checkout, "deploy", script), [file], _environment);
            Assert.That(code, Is.Zero, output);
        }

        public async Task<string> DregAsync(params string[] arguments) =>
            (await Scripts.RunAsync(Scripts.Checkout, "dotnet",
                [Dreg, .. arguments, "--registrar", $"https://localhost:{Port}"], _environment)).Output;

        public async Task BlockAsync(RegistryProcess registrar, Core.Imei imei)
        {
            var draft = await new OrdersService.OrdersServiceClient(registrar.Signer("regulator-a")).DraftOrderAsync(
                new DraftOrderRequest
                {
                    Reference = $"d-{imei.Digits}", OrderClass = OrderClass.C, Reason = "STOLEN",
                    Basis = "FIR 1", Imeis = { imei.Printed }
                });
            await new OrdersService.OrdersServiceClient(registrar.Signer("regulator-b")).ApproveOrderAsync(
                new ApproveOrderRequest { Reference = $"a-{imei.Digits}", OrderNumber = draft.Order.OrderNumber });
        }

        public void Dispose()
        {
            Directory.Delete(State, recursive: true);
            Directory.Delete(_postgres[5], recursive: true);
        }
    }
}
