using DeviceRegistry.Core;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>The server lives, and loses its database: killed, cut off, or answering into the void.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class LostDatabaseTests
{
    private static readonly IReadOnlyList<string> Points = [.. Control.AllPoints.Where(Control.IsOfToday)];
    private static World _world = null!;
    private static IReadOnlyList<Control> _controls = [];
    private static int _kills;
    private static int _cuts;
    private static int _lost;

    [OneTimeSetUp]
    public static async Task Start()
    {
        _world = await World.CreateAsync();
        _controls = await Control.OfAllAsync(_world);
    }

    [OneTimeTearDown]
    public static async Task Stop()
    {
        TestContext.Progress.WriteLine(
            $"faults: {_kills} SIGKILLs of PostgreSQL, {_cuts} cut connections and {_lost} lost commit answers at " +
            $"points of writes");
        await _world.DisposeAsync();
    }

    [TestCaseSource(nameof(Points))]
    public Task A_write_whose_postgresql_is_killed_is_done_once(string point, CancellationToken ct) =>
        BreakAsync(_controls.First(c => c.Points.Contains(point)), point, KillAsync, ct);

    [TestCaseSource(typeof(WriteKind), nameof(WriteKind.All))]
    public async Task A_write_happens_once_when_its_database_connection_is_cut_at_any_point(
        WriteKind kind, CancellationToken ct)
    {
        var control = _controls.Single(c => c.Kind == kind);
        var points = control.Points.Where(p => (IsItsOwn(p) || HasAllPoints(kind)) && Control.IsOfToday(p))
            .DefaultIfEmpty(nameof(SyncPoint.WriteSaved));
        foreach (var point in points) await BreakAsync(control, point, CutAsync, ct, retriedByItself: true);
    }

    [TestCaseSource(typeof(WriteKind), nameof(WriteKind.Journalled))]
    public async Task A_write_whose_commit_was_done_and_its_answer_lost_is_told_so_by_the_retry(WriteKind kind,
        CancellationToken ct)
    {
        var control = _controls.Single(c => c.Kind == kind);
        var send = await kind.PrepareAsync(_world);
        var before = await _world.StateAsync();
        _world.Hold.At(nameof(SyncPoint.WriteJournalled));
        var cut = send(_world);
        await _world.Hold.HeldAsync(cut, ct);

        _world.Wire.LoseAnswers();
        _world.Hold.Release();

        var refusal = (await Assert.ThrowsAsync<RpcException>(async () => await cut))!;
        var after = await _world.StateAsync();
        _world.Wire.Mend();
        _lost++;
        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(refusal.Status.Detail, Does.StartWith("The registrar's database is out of reach"));
        Assert.That(after.AddedTo(before), Is.EquivalentTo(control.Added));
        var answer = await _world.AnsweredAsync(send, ct);
        Assert.That(await _world.StateAsync(), Is.EqualTo(after));
        _world.Acknowledged(kind, send, answer);
    }

    [TestCaseSource(typeof(ClockWrite), nameof(ClockWrite.Points))]
    public async Task A_start_or_expiry_is_recorded_once_when_postgresql_is_killed_at_it(
        string point, CancellationToken ct)
    {
        var write = await ClockWrite.HeldAtAsync(_world, point, ct);

        await KillAsync();
        await write.AssertNotThereAsync();
        _world.Hold.Release();

        await write.AssertRecordedOnceAsync(ct);
    }

    [Test]
    public async Task A_batch_whose_connection_to_the_database_is_cut_in_the_middle_of_a_message_is_done_once(
        CancellationToken ct)
    {
        var random = TestKit.Seed.NewRandom();
        for (var round = 0; round < 8; round++)
        {
            var send = WriteKind.Batch(_world, 2_000);
            var before = await _world.StateAsync();
            _world.Wire.CutAfter(random.Next(150_000));

            var sending = _world.AnsweredAsync(send, ct);
            while (!_world.Wire.IsDown) await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, ct);
            _world.Wire.Mend();
            var answer = await sending;
            _cuts++;

            Assert.That((await _world.StateAsync()).AddedTo(before)["imeis"], Is.EqualTo(4_000));
            Assert.That(await _world.AnsweredAsync(send, ct), Is.EqualTo(answer));
        }
    }

    [Test]
    public async Task A_database_that_stands_still_costs_a_caller_its_deadline_and_nothing_else(CancellationToken ct)
    {
        var regulator = new Contracts.V1.OrdersService.OrdersServiceClient(_world.Signing("regulator-a"));
        var request = new Contracts.V1.DraftOrderRequest
        {
            Reference = _world.NewReference(), OrderClass = Contracts.V1.OrderClass.C, Reason = "STOLEN",
            Basis = "FIR 1/2026", Imeis = { TestKit.TestImei.Next().Printed },
        };
        var before = await _world.StateAsync();
        await Ground.Cluster.PauseAsync();
        RpcException refusal;
        try
        {
            refusal = (await Assert.ThrowsAsync<RpcException>(async () =>
                await regulator.DraftOrderAsync(request,
                    deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(2),
                cancellationToken: ct)))!;
        }
        finally
        {
            await Ground.Cluster.ResumeAsync();
        }

        var answer = await _world.AnsweredAsync(async _ =>
            await regulator.DraftOrderAsync(request, cancellationToken: ct), ct);

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
        Assert.That((await _world.StateAsync())["orders"].Rows, Is.EqualTo(before["orders"].Rows + 1));
        Assert.That(await regulator.DraftOrderAsync(request, cancellationToken: ct), Is.EqualTo(answer));
    }

    [Test]
    public async Task Writes_that_wait_for_a_standby_hold_up_no_other_and_nobody_hears_of_them_before_it_has_them(
        CancellationToken ct)
    {
        var sends = new List<Func<World, Task<IMessage>>>();
        while (sends.Count < 3) sends.Add(await WriteKind.DraftOrder.PrepareAsync(_world));
        var node = new Contracts.V1.AttachService.AttachServiceClient(_world.Server.Channel("attach", "operator-a"));
        var before = await _world.HeadAsync();
        var reads = new Contracts.V1.RegistryService.RegistryServiceClient(
            _world.Server.Channel("registrar", "auditor-a"));
        List<Task<IMessage>> writes;
        bool anyAnswered;
        ulong heard;
        RpcException refusal;
        await Ground.Cluster.ExecuteAsync("ALTER SYSTEM SET synchronous_standby_names = 'away'");
        await Ground.Cluster.ExecuteAsync("SELECT pg_reload_conf()");
        try
        {
            writes = [.. sends.Select(send => send(_world))];

            // Each of them has its place in the journal and waits, and so does the feed, which has seen them.
            while (await _world.HeadAsync() < before + 3
                || await _world.WaitingForStandbyAsync() < 4)
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, ct);

            // One of them is sent again; it has its receipt, and waits too. A read that cannot wait so long is not told
            // either.
            writes.Add(sends[0](_world));
            while (await _world.WaitingForStandbyAsync() < 5)
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, ct);
            refusal = (await Assert.ThrowsAsync<RpcException>(async () =>
                await reads.ListAlarmsAsync(new Contracts.V1.ListAlarmsRequest(),
                deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(2), cancellationToken: ct)))!;
            (anyAnswered, heard) = (writes.Any(w => w.IsCompleted),
                (await node.CheckAsync(new Contracts.V1.CheckRequest { Imei = "35290611000001" },
                cancellationToken: ct)).Position);
        }
        finally
        {
            await Ground.Cluster.ExecuteAsync("ALTER SYSTEM RESET synchronous_standby_names");
            await Ground.Cluster.ExecuteAsync("SELECT pg_reload_conf()");
        }

        Assert.That(anyAnswered, Is.False);
        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
        Assert.That(heard, Is.LessThanOrEqualTo(before));
        var answers = await Task.WhenAll(writes);
        foreach (var (send, answer) in sends.Zip(answers)) _world.Acknowledged(WriteKind.DraftOrder, send, answer);
        Assert.That(answers[3], Is.EqualTo(answers[0]));
    }

    [Test]
    public async Task While_the_database_is_away_a_write_fails_fast_and_in_words_and_the_node_goes_on_answering(
        CancellationToken ct)
    {
        var send = await WriteKind.DraftOrder.PrepareAsync(_world);
        var before = await _world.StateAsync();
        var node = new Contracts.V1.AttachService.AttachServiceClient(_world.Server.Channel("attach", "operator-a"));
        _world.Wire.Cut();

        // The first calls are tried again by the server itself; once it knows, it does not ask for each.
        var words = new HashSet<string>();
        while (!words.Contains(
            "The registrar's database is out of reach, and was not asked again so soon. Nothing was lost; send the " +
            "same call again."))
        {
            var refusal = (await Assert.ThrowsAsync<RpcException>(async () => await send(_world)))!;
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.Unavailable));
            words.Add(refusal.Status.Detail);
            ct.ThrowIfCancellationRequested();
        }

        var check = await node.CheckAsync(new Contracts.V1.CheckRequest { Imei = "35290611000001" },
            cancellationToken: ct);
        _world.Wire.Mend();
        var answer = await _world.AnsweredAsync(send, ct);
        _world.Acknowledged(WriteKind.DraftOrder, send, answer);

        Assert.That(check.Reason, Is.EqualTo(Contracts.V1.CheckReason.FirstSeen));
        Assert.That((await _world.StateAsync())["receipts"].Rows, Is.EqualTo(before["receipts"].Rows + 1));
    }

    /// <summary>After each fault: whatever was acknowledged before it, in this or an earlier test, is still
    /// there.</summary>
    [TearDown]
    public static Task Nothing_acknowledged_is_lost() =>
        _world.AssertLedgerHoldsAsync(TestContext.CurrentContext.CancellationToken);

    // The points of every write are its kind's own business only where a batch's steps make it so; in a few kinds all
    // are tried, in the others the commit.
    private static bool IsItsOwn(string point) =>
        point is not (nameof(SyncPoint.WriteBegun) or nameof(SyncPoint.WriteClaimed) or nameof(
        SyncPoint.WriteSaved) or nameof(SyncPoint.WriteSeen) or nameof(SyncPoint.WriteCommitted));

    private static bool HasAllPoints(WriteKind kind) =>
        kind == WriteKind.OpenBatch || kind == WriteKind.CompleteUpload || kind == WriteKind.ReleaseBatch
            || kind == WriteKind.ApproveOrder || kind == WriteKind.ReportSightings || kind == WriteKind.Recover;

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

    // Done by the server's own retry (which a cut that is mended at once needs no more than), or refused as UNAVAILABLE
    // and done by the caller's: once in either case.
    private static async Task BreakAsync(Control control, string point, Func<Task> fault, CancellationToken ct,
        bool retriedByItself = false)
    {
        var send = await control.Kind.PrepareAsync(_world);
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
        catch (RpcException refusal) when (refusal.StatusCode is StatusCode.Unavailable && !retriedByItself)
        {
            answer = await _world.AnsweredAsync(send, ct);
        }

        var after = await _world.StateAsync();
        Assert.That(after.AddedTo(before), Is.EquivalentTo(control.Added), point);
        Assert.That(await _world.AnsweredAsync(send, ct), Is.EqualTo(answer), point);
        Assert.That(await _world.StateAsync(), Is.EqualTo(after), point);
        _world.Acknowledged(control.Kind, send, answer);
    }
}
