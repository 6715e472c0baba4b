using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Grpc.Core;
using Verdict = DeviceRegistry.Contracts.V1.Verdict;

namespace DeviceRegistry.Faults.Tests;

/// <summary>An attach node dies by SIGKILL at each point of taking an entry.</summary>
[CancelAfter(300_000)]
public sealed class KilledNodeTests
{
    private static readonly string[] Points = [.. Enum.GetNames<SyncPoint>().Where(p => p.StartsWith("Node", StringComparison.Ordinal))];
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
    public async Task A_node_killed_at_any_point_of_an_entry_has_it_or_fetches_it_again_and_trusts_its_copy(string point, CancellationToken ct)
    {
        using var hold = new SyncPointHold();
        var state = NodeFolder();
        var imei = TestImei.Next();
        await using (var node = await NodeAsync(state, hold))
        {
            hold.At(point);
            var draft = (DraftOrderResponse)await WriteKind.Draft(_world, imei)(_world);
            await WriteKind.Approve(_world, "regulator-b", draft.Order.OrderNumber)(_world);
            await hold.HeldAsync(Task.Delay(Timeout.Infinite, ct), ct);
            await node.KillAsync();
        }

        hold.Release();
        await using var again = await NodeAsync(state, hold);
        var attach = new AttachService.AttachServiceClient(again.Channel("attach", "operator-b"));
        while ((await attach.CheckAsync(new CheckRequest { Imei = imei.Digits }, cancellationToken: ct)).Verdict is not Verdict.Deny) await Task.Yield();

        Assert.That(again.Output, Does.Not.Contain("ALARM"));
        Assert.That(again.Output, Does.Match("reaches position [1-9]"), "it began from its own copy");
        Directory.Delete(state, recursive: true);
    }

    [Test]
    public async Task A_node_whose_disk_is_full_answers_goes_on_learning_and_catches_up_its_copy(CancellationToken ct)
    {
        using var disk = SmallDisk.OfMegabytes(4);
        var state = NodeFolder();
        Directory.CreateSymbolicLink(Path.Combine(state, "nodes"), disk.Folder);
        var imei = TestImei.Next();
        using var hold = new SyncPointHold();
        ulong head;
        await using (var node = await NodeAsync(state, hold))
        {
            node.MayLogErrors = true;                           // the alarm that its copy cannot be written
            var attach = new AttachService.AttachServiceClient(node.Channel("attach", "operator-b"));
            disk.Fill();

            var draft = (DraftOrderResponse)await WriteKind.Draft(_world, imei)(_world);
            await WriteKind.Approve(_world, "regulator-b", draft.Order.OrderNumber)(_world);
            for (var more = 0; !node.Output.Contains("copy of the journal cannot be written", StringComparison.Ordinal); more++) await WriteKind.Batch(_world, 5_000)(_world);
            while ((await attach.CheckAsync(new CheckRequest { Imei = imei.Digits }, cancellationToken: ct)).Verdict is not Verdict.Deny) await Task.Yield();

            disk.Free();
            await WriteKind.Draft(_world, TestImei.Next())(_world);
            head = await _world.HeadAsync();
            while ((await attach.CheckAsync(new CheckRequest { AttachKind = AttachKind.Emergency }, cancellationToken: ct)).Position < head) await Task.Yield();
            await node.KillAsync();
        }

        await using var again = await NodeAsync(state, hold);

        var reached = System.Text.RegularExpressions.Regex.Match(again.Output, "reaches position ([0-9]+)").Groups[1].Value;
        Assert.That(ulong.Parse(reached, System.Globalization.CultureInfo.InvariantCulture), Is.GreaterThanOrEqualTo(head), "nothing was left out of its copy");
    }

    private static string NodeFolder()
    {
        var state = Directory.CreateTempSubdirectory("drn").FullName;
        Directory.CreateSymbolicLink(Path.Combine(state, "certs"), Path.Combine(_world.Server.State, "certs"));
        return state;
    }

    private static Task<RegistryProcess> NodeAsync(string state, SyncPointHold hold) => RegistryProcess.StartAsync(
        state, hold.Environment, "--roles", "Attach,Web", "--node", "node-b1", "--registrar", $"https://localhost:{_world.Server.Address("registrar").Port}");
}
