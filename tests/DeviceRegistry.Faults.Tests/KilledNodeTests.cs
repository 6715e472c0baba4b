using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Google.Protobuf.WellKnownTypes;
using Npgsql;
using Enum = System.Enum;
using OrderAction = DeviceRegistry.Contracts.V1.OrderAction;
using Verdict = DeviceRegistry.Contracts.V1.Verdict;

namespace DeviceRegistry.Faults.Tests;

/// <summary>An attach node is killed (SIGKILL) at each sync point of applying an entry.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class KilledNodeTests
{
    private static readonly string[] Points =
        [.. Enum.GetNames<SyncPoint>().Where(p => p.StartsWith("Node", StringComparison.Ordinal))];
    private static World _world = null!;

    [OneTimeSetUp]
    public static async Task Start() => _world = await World.CreateAsync();

    [OneTimeTearDown]
    public static async Task Stop()
    {
        TestContext.Progress.WriteLine($"faults: {Points.Length} SIGKILLs of an attach node");
        await _world.DisposeAsync();
    }

    [TestCaseSource(nameof(Points))]
    public async Task A_node_killed_at_any_point_of_applying_an_entry_loses_no_entry(string point, CancellationToken ct)
    {
        using var breakpoint = new Breakpoint();
        var state = NodeFolder();
        var imei = TestImei.Next();
        long order;
        await using (var node = await NodeAsync(state, breakpoint))
        {
            // The node stops where it applies the entry that arms the order, before it reports its position. It saves
            // the time at which it was caught up at any moment, independently of entries.
            var draft = (DraftOrderResponse)await WriteKind.Draft(_world, imei)(_world);
            order = (long)draft.Order.OrderNumber;
            await ReportedAsync(draft.JournalPosition, ct);
            breakpoint.At(point);
            await WriteKind.Approve(_world, "regulator-b", draft.Order.OrderNumber)(_world);
            await breakpoint.HeldAsync(Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct), ct);
            await node.KillAsync();
            if (point is nameof(SyncPoint.NodeApplied) or nameof(
                SyncPoint.NodeCopied)) await AssertMissesOneOperatorAsync(order, ct);
        }

        breakpoint.Release();
        await using var again = await NodeAsync(state, breakpoint);
        await UntilDeniedAsync(new AttachService.AttachServiceClient(again.Channel("attach", "operator-b")), imei, ct);

        await _world.SettledAsync();
        Assert.That((await ClockWrite.ClockEntriesAsync(_world, order)).Select(k => k.Kind),
            Is.EqualTo([JournalKind.OrderEnforced]), "once, when it was back");
        Assert.That(again.Output, Does.Not.Contain("fail:"));
        Assert.That(again.Output, Does.Match("loaded up to position [1-9]"), "it began from its own copy");
        await again.DisposeAsync();
        Directory.Delete(state, recursive: true);
    }

    [Test]
    public async Task A_restarted_node_denies_exactly_the_orders_in_force(CancellationToken ct)
    {
        const int Orders = 1_000;
        using var breakpoint = new Breakpoint();
        var state = NodeFolder();
        var before = TestImei.Next();
        ulong old;
        await using (var node = await NodeAsync(state, breakpoint))
        {
            old = await BlockAsync(before);
            await UntilDeniedAsync(new AttachService.AttachServiceClient(node.Channel("attach", "operator-b")), before,
                ct);
            await node.KillAsync();
        }

        // Of every ten orders one is lifted, one stayed, one only drafted and one starts tomorrow. The order that the
        // node had before it was killed is lifted too.
        var imeis = Enumerable.Range(0, Orders).Select(_ => TestImei.Next()).ToList();
        await MeasureAsync(old, OrderAction.Lift);
        await Parallel.ForAsync(0, Orders, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = ct },
            async (n, _) =>
        {
            if (n % 10 is 2) await WriteKind.Draft(_world, imeis[n])(_world);
            else if (n % 10 is 3) await BlockAsync(imeis[n], draft =>
                draft.EffectiveAt = Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow().AddDays(1)));
            else
            {
                var order = await BlockAsync(imeis[n]);
                if (n % 10 < 2) await MeasureAsync(order, n % 10 is 0 ? OrderAction.Lift : OrderAction.Stay);
            }
        });

        await using var again = await NodeAsync(state, breakpoint);
        var attach = new AttachService.AttachServiceClient(again.Channel("attach", "operator-b"));
        var head = await _world.HeadAsync();
        while ((await attach.CheckAsync(new CheckRequest { AttachKind = AttachKind.Emergency },
            cancellationToken: ct)).Position < head) await Task.Yield();

        var denied = new List<int>();
        for (var n = 0; n < Orders; n++)
            if ((await attach.CheckAsync(new CheckRequest { Imei = imeis[n].Digits },
                cancellationToken: ct)).Verdict is Verdict.Deny) denied.Add(n);
        Assert.That(denied, Is.EqualTo(Enumerable.Range(0, Orders).Where(n => n % 10 > 3)));
        Assert.That((await attach.CheckAsync(new CheckRequest { Imei = before.Digits }, cancellationToken: ct)).Verdict,
            Is.Not.EqualTo(Verdict.Deny));
        await _world.SettledAsync();
        await again.DisposeAsync();
        Directory.Delete(state, recursive: true);
    }

    [Test]
    public async Task A_node_with_a_full_disk_applies_entries_and_completes_its_journal_later(CancellationToken ct)
    {
        using var disk = SmallDisk.OfMegabytes(4);
        var state = NodeFolder();
        Directory.CreateSymbolicLink(Path.Combine(state, "nodes"), disk.Folder);
        var imei = TestImei.Next();
        using var breakpoint = new Breakpoint();
        ulong head;
        await using (var node = await NodeAsync(state, breakpoint))
        {
            // the log has a critical line: the local journal cannot be written
            node.MayLogErrors = true;
            var attach = new AttachService.AttachServiceClient(node.Channel("attach", "operator-b"));
            disk.Fill();

            var draft = (DraftOrderResponse)await WriteKind.Draft(_world, imei)(_world);
            await WriteKind.Approve(_world, "regulator-b", draft.Order.OrderNumber)(_world);
            for (var more = 0; !node.Output.Contains("Local journal write failed",
                StringComparison.Ordinal); more++) await WriteKind.Batch(_world, 5_000)(_world);
            while ((await attach.CheckAsync(new CheckRequest { Imei = imei.Digits },
                cancellationToken: ct)).Verdict is not Verdict.Deny) await Task.Yield();

            disk.Free();
            await WriteKind.Draft(_world, TestImei.Next())(_world);
            head = await _world.HeadAsync();
            while ((await attach.CheckAsync(new CheckRequest { AttachKind = AttachKind.Emergency },
                cancellationToken: ct)).Position < head) await Task.Yield();
            await node.KillAsync();
        }

        await using var again = await NodeAsync(state, breakpoint);

        var reached = System.Text.RegularExpressions.Regex.Match(again.Output, "loaded up to position ([0-9]+)").Groups[
            1].Value;
        Assert.That(ulong.Parse(reached, System.Globalization.CultureInfo.InvariantCulture),
            Is.GreaterThanOrEqualTo(head), "nothing was left out of its copy");
    }

    private static async Task<ulong> BlockAsync(Imei imei, Action<DraftOrderRequest>? change = null)
    {
        var draft = new DraftOrderRequest
        {
            Reference = _world.NewReference(), OrderClass = Contracts.V1.OrderClass.C,
            Reason = "STOLEN", Basis = "FIR 1/2026", Imeis = { imei.Printed }
        };
        change?.Invoke(draft);
        var order = (await new OrdersService.OrdersServiceClient(_world.Signing("regulator-a"))
            .DraftOrderAsync(draft)).Order.OrderNumber;
        await WriteKind.Approve(_world, "regulator-b", order)(_world);
        return order;
    }

    private static async Task MeasureAsync(ulong order, OrderAction action) =>
        await WriteKind.Approve(_world, "regulator-d", await WriteKind.MeasureAsync(_world, order, action))(_world);

    private static async Task UntilDeniedAsync(AttachService.AttachServiceClient attach, Imei imei,
        CancellationToken ct)
    {
        while ((await attach.CheckAsync(new CheckRequest { Imei = imei.Digits },
            cancellationToken: ct)).Verdict is not Verdict.Deny) await Task.Yield();
    }

    // Waits until the registrar has recorded that node-b1 reached the position.
    private static Task ReportedAsync(ulong position, CancellationToken ct) =>
        UntilAsync(
            $"SELECT EXISTS (SELECT FROM node_positions n JOIN actors a ON a.id = n.actor_id WHERE a.name = " +
            $"'node-b1' AND n.position >= {position})", ct);

    // The other operator has applied the order, and the registrar does not treat that as enforced by all.
    private static async Task AssertMissesOneOperatorAsync(long order, CancellationToken ct)
    {
        await UntilAsync($"SELECT EXISTS (SELECT FROM order_applied WHERE order_number = {order})", ct);
        Assert.That((await ClockWrite.RowAsync(_world, order)).State, Is.EqualTo(Core.OrderState.InForce));
    }

    private static async Task UntilAsync(string condition, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(_world.AdminConnectionString);
        await connection.OpenAsync(ct);
        await using var ask = new NpgsqlCommand(condition, connection);
        while (!(bool)(await ask.ExecuteScalarAsync(ct))!)
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, ct);
    }

    private static string NodeFolder()
    {
        var state = Directory.CreateTempSubdirectory("drn").FullName;
        Directory.CreateSymbolicLink(Path.Combine(state, "certs"), Path.Combine(_world.Server.State, "certs"));
        return state;
    }

    private static Task<RegistryProcess> NodeAsync(string state, Breakpoint breakpoint) => RegistryProcess.StartAsync(
        state, breakpoint.Environment, "--roles", "Attach,Web", "--node", "node-b1", "--registrar",
        $"https://localhost:{_world.Server.Address("registrar").Port}",
        "--snapshot-interval-entries", "1");
}
