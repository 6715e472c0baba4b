using System.Diagnostics;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Grpc.Core;

namespace DeviceRegistry.System.Tests.Client;

/// <summary>Checks against two nodes of which one or both are slow (stopped with SIGSTOP) or dead (killed).</summary>
[CancelAfter(Patience.TestMs)]
public sealed class HedgingTests
{
    private const int Checks = 200;
    private static readonly CheckRequest Any = new() { Imei = "35290611000001" };

    [Test]
    public async Task Every_check_is_answered_while_one_node_is_slow()
    {
        await using var nodes = await TwoNodes.StartAsync();
        using var client = nodes.Client();
        var attach = new AttachService.AttachServiceClient(client.Attach);
        await AskAsync(attach);

        // Each node in turn: the client asks the node that answered last first, so one of the two rounds hits it.
        foreach (var slow in (int[])[0, 1])
        {
            await nodes[slow].PauseAsync();

            Assert.That(await AskAsync(attach), Is.EqualTo(Checks));

            await nodes[slow].ResumeAsync();
        }
    }

    [Test]
    public async Task A_client_whose_first_node_is_slow_from_the_start_is_answered()
    {
        await using var nodes = await TwoNodes.StartAsync();
        await nodes[0].PauseAsync();
        using var client = nodes.Client();

        Assert.That(await AskAsync(new AttachService.AttachServiceClient(client.Attach)), Is.EqualTo(Checks));
    }

    [Test]
    public async Task Every_check_is_answered_while_one_node_is_dead()
    {
        await using var nodes = await TwoNodes.StartAsync();

        // The hedging delay is too long to help: the failure makes the client ask the other node.
        using var client = nodes.Client(hedgingDelay: Patience.Event);
        var attach = new AttachService.AttachServiceClient(client.Attach);
        await AskAsync(attach);

        foreach (var dead in (int[])[0, 1])
        {
            await nodes[dead].KillAsync();

            Assert.That(await AskAsync(attach), Is.EqualTo(Checks));

            await nodes.StartAsync(dead);
        }
    }

    [Test]
    public async Task With_one_node_slow_and_one_dead_a_check_ends_at_its_deadline()
    {
        await using var nodes = await TwoNodes.StartAsync();
        using var client = nodes.Client();
        var attach = new AttachService.AttachServiceClient(client.Attach);
        await AskAsync(attach);
        await nodes[0].PauseAsync();
        await nodes[1].KillAsync();

        // Long enough for the dead node to refuse the connection first, also on a busy machine.
        var deadline = TimeSpan.FromSeconds(5);
        var watch = Stopwatch.StartNew();
        var late = await Registry.RefusalOfAsync(async () =>
            await attach.CheckAsync(Any, deadline: TimeProvider.System.GetUtcNow().UtcDateTime + deadline));

        Assert.That(late.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
        Assert.That(late.Status.Detail, Does.Contain("Unavailable"), "it says what the dead one did");
        Assert.That(watch.Elapsed, Is.GreaterThan(deadline - TimeSpan.FromMilliseconds(50)), "not before it");

        await nodes[0].ResumeAsync();
        await nodes.StartAsync(1);
        Assert.That(await AskAsync(attach), Is.EqualTo(Checks));
    }

    [Test]
    public async Task A_check_with_both_nodes_dead_is_answered_by_the_first_restarted_node()
    {
        await using var nodes = await TwoNodes.StartAsync();
        using var client = nodes.Client();
        var attach = new AttachService.AttachServiceClient(client.Attach);
        await nodes[0].KillAsync();
        await nodes[1].KillAsync();

        using var check = attach.CheckAsync(Any, deadline: Patience.Deadline);
        await nodes.StartAsync(1);

        Assert.That((await check).Verdict, Is.Not.EqualTo(Verdict.Unspecified));
        Assert.That(check.GetStatus().StatusCode, Is.EqualTo(StatusCode.OK));
    }

    [Test]
    public async Task A_check_whose_connections_time_out_is_answered_by_the_first_node_that_is_back()
    {
        await using var nodes = await TwoNodes.StartAsync();
        await nodes[0].PauseAsync();
        await nodes[1].PauseAsync();
        using var client = nodes.Client();
        using var attempts = new Attempts();

        using var check = new AttachService.AttachServiceClient(client.Attach).CheckAsync(Any);
        await Registry.UntilAsync(async ct =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, ct);
            return attempts.Count > 2 || check.ResponseAsync.IsCompleted;
        });
        await nodes[0].ResumeAsync();

        Assert.That((await check).Verdict, Is.Not.EqualTo(Verdict.Unspecified));
    }

    [Test]
    public async Task A_check_without_a_deadline_uses_the_clients_default()
    {
        var (certificate, root) = TwoNodes.Certificates("operator-b");
        using var client = new DeviceRegistry.Client.RegistryClient(new()
        {
            AttachNodes = [new Uri($"https://localhost:{Scripts.FreePort()}")], Certificate = certificate, Root = root,
            AttachDeadline = TimeSpan.FromMilliseconds(300),
        });

        var late = await Registry.RefusalOfAsync(async () => await new AttachService.AttachServiceClient(client.Attach)
            .CheckAsync(Any));

        Assert.That(late.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
    }

    [Test]
    public async Task A_refusal_of_one_node_is_final_for_both()
    {
        await using var nodes = await TwoNodes.StartAsync();
        using var client = nodes.Client(hedgingDelay: Patience.Event, identity: "operator-a");
        RpcException refusal = null!;

        var sent = await AttemptsOfAsync(nodes, async () => refusal = await Registry.RefusalOfAsync(async () =>
            await new AttachService.AttachServiceClient(client.Attach).CheckAsync(Any)));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("NOT_ALLOWED"));
        Assert.That(sent, Is.EqualTo(1));
    }

    [Test]
    public async Task A_healthy_node_receives_every_check_alone()
    {
        await using var nodes = await TwoNodes.StartAsync();
        using var client = nodes.Client(hedgingDelay: Patience.Event);

        var sent = await AttemptsOfAsync(nodes, () => AskAsync(new AttachService.AttachServiceClient(client.Attach)));

        Assert.That(sent, Is.EqualTo(Checks));
    }

    [Test]
    public async Task A_cancelled_check_ends_although_no_node_answers()
    {
        await using var nodes = await TwoNodes.StartAsync();
        using var client = nodes.Client();
        await nodes[0].PauseAsync();
        await nodes[1].PauseAsync();
        using var giveUp = new CancellationTokenSource();

        var check = new AttachService.AttachServiceClient(client.Attach)
            .CheckAsync(Any, deadline: Patience.Deadline, cancellationToken: giveUp.Token);
        await giveUp.CancelAsync();

        Assert.That((await Registry.RefusalOfAsync(async () => await check)).StatusCode,
            Is.EqualTo(StatusCode.Cancelled));
    }

    // Calls that the client sent. A check that a node rejected because the machine is busy is sent to the other node
    // too, so a run in which a node rejected one is repeated.
    private static async Task<int> AttemptsOfAsync(TwoNodes nodes, Func<Task> run)
    {
        var sent = 0;
        await Registry.UntilAsync(async _ =>
        {
            var before = await nodes.ShedAsync();
            using (var attempts = new Attempts())
            {
                await run();
                sent = attempts.Count;
            }

            return await nodes.ShedAsync() == before;
        });
        return sent;
    }

    // Sends the checks one by one, each within the client's deadline. An unanswered check throws.
    private static async Task<int> AskAsync(AttachService.AttachServiceClient attach)
    {
        var answered = 0;
        for (var i = 0; i < Checks; i++)
            if ((await attach.CheckAsync(Any)).Verdict is not Verdict.Unspecified) answered++;

        return answered;
    }
}
