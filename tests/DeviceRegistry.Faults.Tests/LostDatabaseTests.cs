using DeviceRegistry.Core;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>The server lives, and loses its database: killed, cut off, or answering into the void.</summary>
[CancelAfter(600_000)]
public sealed class LostDatabaseTests
{
    private static readonly HashSet<string> Seen = [];
    private static World _world = null!;
    private static int _kills;
    private static int _cuts;
    private static int _lost;

    [OneTimeSetUp]
    public static async Task Start() => _world = await World.CreateAsync();

    [OneTimeTearDown]
    public static async Task Stop()
    {
        TestContext.Progress.WriteLine($"faults: {_kills} SIGKILLs of PostgreSQL, {_cuts} cut connections and {_lost} lost commit answers at points of {WriteKind.All.Count} kinds of write");
        await _world.DisposeAsync();
    }

    [TestCaseSource(typeof(WriteKind), nameof(WriteKind.All))]
    public async Task A_write_whose_postgresql_is_killed_at_any_point_is_done_once(WriteKind kind, CancellationToken ct)
    {
        var control = await Control.OfAsync(_world, kind);

        foreach (var point in control.PointsNotIn(Seen)) await BreakAsync(kind, control, point, KillAsync, ct);

        await _world.AssertLedgerHoldsAsync(ct);
    }

    [TestCaseSource(typeof(WriteKind), nameof(WriteKind.All))]
    public async Task A_write_whose_connection_to_the_database_is_cut_at_any_point_is_done_once(WriteKind kind, CancellationToken ct)
    {
        var control = await Control.OfAsync(_world, kind);

        foreach (var point in control.Points) await BreakAsync(kind, control, point, CutAsync, ct);

        await _world.AssertLedgerHoldsAsync(ct);
    }

    [TestCaseSource(typeof(WriteKind), nameof(WriteKind.All))]
    public async Task A_write_whose_commit_was_done_and_its_answer_lost_is_told_so_by_the_retry(WriteKind kind, CancellationToken ct)
    {
        var control = await Control.OfAsync(_world, kind);
        var send = await kind.PrepareAsync(_world);
        var before = await _world.StateAsync();
        _world.Hold.At(nameof(SyncPoint.WriteJournalled));
        var cut = send(_world);
        await _world.Hold.HeldAsync(cut, ct);

        _world.Wire.LoseAnswers();
        _world.Hold.Release();

        var refusal = Assert.ThrowsAsync<RpcException>(async () => await cut)!;
        var after = await _world.StateAsync();
        _world.Wire.Mend();
        _lost++;
        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(refusal.Status.Detail, Does.StartWith("The registrar's database is out of reach"));
        Assert.That(after.AddedTo(before), Is.EquivalentTo(control.Added));
        var answer = await _world.AnsweredAsync(send, ct);
        Assert.That(await _world.StateAsync(), Is.EqualTo(after));
        _world.Ledger.Add((send, answer));
        await _world.AssertLedgerHoldsAsync(ct);
    }

    [Test]
    public async Task While_the_database_is_away_a_write_fails_fast_and_in_words_and_the_node_goes_on_answering(CancellationToken ct)
    {
        var send = await WriteKind.DraftOrder.PrepareAsync(_world);
        var before = await _world.StateAsync();
        var node = new Contracts.V1.AttachService.AttachServiceClient(_world.Server.Channel("attach", "operator-a"));
        _world.Wire.Cut();

        // The first calls are tried again by the server itself; once it knows, it does not ask for each.
        var words = new HashSet<string>();
        while (!words.Contains("The registrar's database is out of reach, and was not asked again so soon. Nothing was lost; send the same call again."))
        {
            var refusal = Assert.ThrowsAsync<RpcException>(async () => await send(_world))!;
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.Unavailable));
            words.Add(refusal.Status.Detail);
            ct.ThrowIfCancellationRequested();
        }

        var check = await node.CheckAsync(new Contracts.V1.CheckRequest { Imei = "35290611000001" }, cancellationToken: ct);
        _world.Wire.Mend();
        var answer = await _world.AnsweredAsync(send, ct);
        _world.Ledger.Add((send, answer));

        Assert.That(check.Reason, Is.EqualTo(Contracts.V1.CheckReason.FirstSeen));
        Assert.That((await _world.StateAsync())["receipts"].Rows, Is.EqualTo(before["receipts"].Rows + 1));
    }

    private static async Task KillAsync()
    {
        await Ground.Cluster.KillAsync();
        await Ground.Cluster.ReviveAsync();
        _kills++;
    }

    private static Task CutAsync()
    {
        _world.Wire.Cut();
        _world.Wire.Mend();
        _cuts++;
        return Task.CompletedTask;
    }

    // Done by the server's own retry, or refused as UNAVAILABLE and done by the caller's: once in either case.
    private static async Task BreakAsync(WriteKind kind, Control control, string point, Func<Task> fault, CancellationToken ct)
    {
        var send = await kind.PrepareAsync(_world);
        var before = await _world.StateAsync();
        _world.Hold.At(point);
        var first = send(_world);
        await _world.Hold.HeldAsync(first, ct);

        await fault();
        _world.Hold.Release();

        IMessage answer;
        try
        {
            answer = await first;
        }
        catch (RpcException refusal) when (refusal.StatusCode is StatusCode.Unavailable)
        {
            answer = await _world.AnsweredAsync(send, ct);
        }

        var after = await _world.StateAsync();
        Assert.That(after.AddedTo(before), Is.EquivalentTo(control.Added), point);
        Assert.That(await _world.AnsweredAsync(send, ct), Is.EqualTo(answer), point);
        Assert.That(await _world.StateAsync(), Is.EqualTo(after), point);
        _world.Ledger.Add((send, answer));
    }
}
