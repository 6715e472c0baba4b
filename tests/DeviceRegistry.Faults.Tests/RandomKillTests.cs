using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>Four clients write without pause; each resends a write until it is answered. The server, PostgreSQL or the
/// connection between them fails at random times.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class RandomKillTests
{
    private const int Faults = 9;

    [Test]
    public async Task Acknowledged_writes_happen_exactly_once_through_random_faults(CancellationToken ct)
    {
        TestContext.Progress.WriteLine($"faults: {Faults} at random times");
        await using var world = await World.CreateAsync();
        var before = await world.StateAsync();
        var blocked = new List<Core.Imei>();
        using var enough = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 4)
            .Select(n => WriteAsync(world, Seed.NewRandom($", client {n}"), blocked, enough.Token))
            .ToList();

        var random = Seed.NewRandom();
        for (var fault = 0; fault < Faults; fault++)
        {
            // The fault comes after a few more writes and a random delay, so that it interrupts work.
            for (var enoughDone = Acknowledged(world)
                + random.Next(1, 20); Acknowledged(world) < enoughDone;)
                await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, ct);
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(0, 60)), TimeProvider.System, ct);
            await BreakAsync(world, random.Next(3));
        }

        await enough.CancelAsync();
        var writes = (await Task.WhenAll(clients)).Sum();

        // Every write was answered once, so each has one receipt, and each still gets the same answer.
        Assert.That((await world.StateAsync())["receipts"].Rows - before["receipts"].Rows, Is.EqualTo(writes));
        Assert.That(world.Ledger, Is.Not.Empty);
        await world.AssertAnswersUnchangedAsync(ct);

        // The index agrees with the model: every blocked IMEI is denied by the node, which was killed together with the
        // server.
        var node = new AttachService.AttachServiceClient(world.Server.Channel("attach", "operator-a"));
        var head = (ulong)(await world.StateAsync())["journal"].Rows;
        while ((await node.CheckAsync(new CheckRequest { AttachKind = AttachKind.Emergency },
            cancellationToken: ct)).Position < head) await Task.Yield();
        foreach (var imei in blocked) Assert.That(
            (await node.CheckAsync(new CheckRequest { Imei = imei.Digits }, cancellationToken: ct)).Verdict,
            Is.EqualTo(Verdict.Deny));
        TestContext.Progress.WriteLine(
            $"faults: {writes} writes acknowledged through {Faults} faults, {blocked.Count} handsets blocked and " +
            $"denied");
    }

    private static int Acknowledged(World world)
    {
        lock (world.Ledger) return world.Ledger.Count;
    }

    // Drafts and approves orders and registers batches in a random order. Completes every write that it began.
    private static async Task<int> WriteAsync(World world, Random random, List<Core.Imei> blocked,
        CancellationToken enough)
    {
        var writes = 0;
        async Task<IMessage> DoneAsync(Func<World, Task<IMessage>> send)
        {
            var answer = await RetryUntilAnsweredAsync(world, send);
            lock (world.Ledger) world.Ledger.Add((send, answer));
            writes++;
            return answer;
        }

        while (!enough.IsCancellationRequested)
            if (random.Next(2) is 0)
            {
                await DoneAsync(WriteKind.Batch(world, random.Next(1, 200)));
            }
            else
            {
                var imei = TestImei.Next();
                var draft = (DraftOrderResponse)await DoneAsync(WriteKind.Draft(world, imei));
                await DoneAsync(WriteKind.Approve(world, "regulator-b", draft.Order.OrderNumber));
                lock (blocked) blocked.Add(imei);
            }

        return writes;
    }

    private static async Task<IMessage> RetryUntilAnsweredAsync(World world, Func<World, Task<IMessage>> send)
    {
        while (true)
            try
            {
                return await send(world);
            }
            catch (Exception fault) when (IsTransient(fault))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
            }
    }

    // Errors that a client may see during a fault: never a refusal. The channel of a killed server is disposed.
    private static bool IsTransient(Exception fault) =>
        fault is ObjectDisposedException or RpcException { StatusCode: StatusCode.Unavailable or StatusCode.Cancelled }
        || (fault is RpcException { StatusCode: StatusCode.Internal } lost && lost.Status.DebugException is not null);

    private static async Task BreakAsync(World world, int who)
    {
        switch (who)
        {
            case 0:
                await world.KillAndStartAsync();
                break;
            case 1:
                await TestPostgres.Cluster.KillAsync();
                await TestPostgres.Cluster.ReviveAsync();
                break;
            default:
                world.Proxy.Cut();
                world.Proxy.Mend();
                break;
        }
    }
}
