using DeviceRegistry.Core;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>The server dies by SIGKILL at each point of each write.</summary>
[CancelAfter(600_000)]
public sealed class KilledServerTests
{
    private static readonly HashSet<string> Seen = [];
    private static World _world = null!;
    private static int _kills;

    [OneTimeSetUp]
    public static async Task Start() => _world = await World.CreateAsync();

    [OneTimeTearDown]
    public static async Task Stop()
    {
        TestContext.Progress.WriteLine($"faults: {_kills} SIGKILLs of the server: at each point, and on either side of the commit of each of {WriteKind.All.Count} kinds of write");
        await _world.DisposeAsync();
    }

    [Test]
    public async Task Every_point_in_the_code_is_passed_by_some_write()
    {
        var passed = new HashSet<string>();

        foreach (var kind in WriteKind.All) passed.UnionWith((await Control.OfAsync(_world, kind)).Points);

        Assert.That(passed, Is.EquivalentTo(Enum.GetNames<SyncPoint>().Where(p => !p.StartsWith("Node", StringComparison.Ordinal))));
    }

    [TestCaseSource(typeof(WriteKind), nameof(WriteKind.All))]
    public async Task A_write_whose_server_is_killed_at_any_point_is_there_whole_or_not_at_all_and_the_retry_gets_the_first_answer(WriteKind kind, CancellationToken ct)
    {
        var control = await Control.OfAsync(_world, kind);

        foreach (var point in control.PointsNotIn(Seen))
        {
            var send = await kind.PrepareAsync(_world);
            var before = await _world.StateAsync();
            _world.Hold.At(point);
            var cut = send(_world);
            await _world.Hold.HeldAsync(cut, ct);

            await _world.KillAndStartAsync();
            _kills++;

            Assert.That(async () => await cut, Throws.InstanceOf<RpcException>(), point);
            var between = await _world.StateAsync();
            if (point == nameof(SyncPoint.WriteCommitted)) Assert.That(between.AddedTo(before), Is.EquivalentTo(control.Added), point);
            else Assert.That(between, Is.EqualTo(before), point);

            var answer = await send(_world);
            var after = await _world.StateAsync();
            Assert.That(after.AddedTo(before), Is.EquivalentTo(control.Added), point);
            Assert.That(await send(_world), Is.EqualTo(answer), point);
            Assert.That(await _world.StateAsync(), Is.EqualTo(after), point);
            _world.Ledger.Add((send, answer));
        }

        await _world.AssertLedgerHoldsAsync(ct);
    }
}
