using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.Client;

/// <summary>An operator restarts its nodes one by one under load.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class RollingRestartTests
{
    private const int Workers = 8;
    private const int ChecksBetween = 1_000;

    [Test]
    public async Task A_rolling_restart_of_two_nodes_loses_no_check()
    {
        var blocked = TestImei.Next();
        var released = (await Registry.GivenReleasedAsync())[0].First;
        var newest = (await Registry.GivenBlockedAsync(blocked)).JournalPosition;
        await using var nodes = await TwoNodes.StartAsync();
        foreach (var node in (int[])[0, 1])
            await Registry.AppliedAsync(newest,
                new AttachService.AttachServiceClient(nodes[node].Channel("attach", "operator-b")));
        using var client = nodes.Client();
        var attach = new AttachService.AttachServiceClient(client.Attach);
        using var end = new CancellationTokenSource();
        var asked = 0;

        // Checks without pause and without deadlines of their own. The first check that fails or gets a wrong answer
        // ends its worker with an exception.
        async Task WorkAsync()
        {
            while (!end.IsCancellationRequested)
            {
                Require(Verdict.Deny, await attach.CheckAsync(new CheckRequest { Imei = blocked.Digits }));
                Require(Verdict.Allow, await attach.CheckAsync(new CheckRequest { Imei = released.Digits }));
                Interlocked.Add(ref asked, 2);
            }
        }

        var workers = Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(WorkAsync)));
        Task AskedOnAsync()
        {
            var goal = Volatile.Read(ref asked) + ChecksBetween;
            return Registry.UntilAsync(_ => Task.FromResult(Volatile.Read(ref asked) >= goal || workers.IsFaulted));
        }

        await AskedOnAsync();
        foreach (var node in (int[])[0, 1, 0, 1])
        {
            Assert.That(await nodes[node].StopAsync(), Is.Zero);
            await AskedOnAsync();
            await nodes.StartAsync(node);
        }

        await AskedOnAsync();
        await end.CancelAsync();
        Assert.That(async () => await workers, Throws.Nothing);
        TestContext.Out.WriteLine($"{asked} checks through two rolling restarts, none lost");
    }

    private static void Require(Verdict expected, CheckResponse answer)
    {
        if (answer.Verdict != expected) throw new AssertionException(
            $"{answer.Verdict} {answer.Reason} as of {answer.Position}, expected {expected}");
    }
}
