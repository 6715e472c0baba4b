using DeviceRegistry.Core;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>The server keeps running while PostgreSQL is killed, its connections are cut, or its answers are
/// lost.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class LostDatabaseTests
{
    private static readonly IReadOnlyList<string> Points = [.. Control.AllPoints.Where(Control.IsTestedToday)];
    private static World _world = null!;
    private static IReadOnlyList<Control> _controls = [];
    private static int _kills;
    private static int _cuts;
    private static int _lostCommitAnswers;

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
            $"faults: {_kills} SIGKILLs of PostgreSQL, {_cuts} cut connections and {_lostCommitAnswers} lost commit " +
            $"answers at " +
            $"points of writes");
        await _world.DisposeAsync();
    }

    [TestCaseSource(nameof(Points))]
    public Task A_write_happens_once_when_postgresql_is_killed_at_any_point(string point, CancellationToken ct) =>
        BreakAsync(_controls.First(c => c.Points.Contains(point)), point, KillAsync, ct);

    [TestCaseSource(typeof(WriteKind), nameof(WriteKind.All))]
    public async Task A_write_happens_once_when_its_database_connection_is_cut_at_any_point(
        WriteKind kind, CancellationToken ct)
    {
        var control = _controls.Single(c => c.Kind == kind);
        var points = control.Points.Where(p => (IsSpecificToKind(p) || HasAllPoints(kind)) && Control.IsTestedToday(p))
            .DefaultIfEmpty(nameof(SyncPoint.WriteSaved));
        foreach (var point in points) await BreakAsync(control, point, CutAsync, ct, retriedByItself: true);
    }

    [TestCaseSource(typeof(WriteKind), nameof(WriteKind.Journalled))]
    public async Task A_retry_finds_a_write_whose_commit_answer_was_lost(WriteKind kind,
        CancellationToken ct)
    {
        var control = _controls.Single(c => c.Kind == kind);
        var send = await kind.PrepareAsync(_world);
        var before = await _world.StateAsync();
        _world.Breakpoint.At(nameof(SyncPoint.WriteJournalled));
        var cut = send(_world);
        await _world.Breakpoint.HeldAsync(cut, ct);

        _world.Proxy.LoseAnswers();
        _world.Breakpoint.Release();

        var refusal = (await Assert.ThrowsAsync<RpcException>(async () => await cut))!;
        var after = await _world.StateAsync();
        _world.Proxy.Mend();
        _lostCommitAnswers++;
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
        var write = await ClockWrite.StoppedAtAsync(_world, point, ct);

        await KillAsync();
        await write.AssertNotRecordedAsync();
        _world.Breakpoint.Release();

        await write.AssertRecordedOnceAsync(ct);
    }

    [Test]
    public async Task A_batch_registers_once_when_its_database_connection_is_cut_mid_message(CancellationToken ct)
    {
        var random = TestKit.Seed.NewRandom();
        for (var round = 0; round < 8; round++)
        {
            var send = WriteKind.Batch(_world, 2_000);
            var before = await _world.StateAsync();
            _world.Proxy.CutAfter(random.Next(150_000));

            var sending = _world.AnsweredAsync(send, ct);
            while (!_world.Proxy.IsDown) await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, ct);
            _world.Proxy.Mend();
            var answer = await sending;
            _cuts++;

            Assert.That((await _world.StateAsync()).AddedTo(before)["imeis"], Is.EqualTo(4_000));
            Assert.That(await _world.AnsweredAsync(send, ct), Is.EqualTo(answer));
        }
    }

    [Test]
    public async Task A_write_survives_a_stopped_database_that_exceeds_the_deadline(CancellationToken ct)
    {
        var regulator = new Contracts.V1.OrdersService.OrdersServiceClient(_world.Signing("regulator-a"));
        var request = new Contracts.V1.DraftOrderRequest
        {
            Reference = _world.NewReference(), OrderClass = Contracts.V1.OrderClass.C, Reason = "STOLEN",
            Basis = "FIR 1/2026", Imeis = { TestKit.TestImei.Next().Printed },
        };
        var before = await _world.StateAsync();
        await TestPostgres.Cluster.PauseAsync();
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
            await TestPostgres.Cluster.ResumeAsync();
        }

        var answer = await _world.AnsweredAsync(async _ =>
            await regulator.DraftOrderAsync(request, cancellationToken: ct), ct);

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
        Assert.That((await _world.StateAsync())["orders"].Rows, Is.EqualTo(before["orders"].Rows + 1));
        Assert.That(await regulator.DraftOrderAsync(request, cancellationToken: ct), Is.EqualTo(answer));
    }

    [Test]
    public async Task Writes_that_wait_for_a_standby_are_visible_to_no_client(CancellationToken ct)
    {
        var sends = new List<Func<World, Task<IMessage>>>();
        while (sends.Count < 3) sends.Add(await WriteKind.DraftOrder.PrepareAsync(_world));
        var node = new Contracts.V1.AttachService.AttachServiceClient(_world.Server.Channel("attach", "operator-a"));
        var before = await _world.HeadAsync();
        var reads = new Contracts.V1.RegistryService.RegistryServiceClient(
            _world.Server.Channel("registrar", "auditor-a"));
        List<Task<IMessage>> writes;
        bool anyAnswered;
        ulong visiblePosition;
        RpcException refusal;
        await TestPostgres.Cluster.ExecuteAsync("ALTER SYSTEM SET synchronous_standby_names = 'away'");
        await TestPostgres.Cluster.ExecuteAsync("SELECT pg_reload_conf()");
        try
        {
            writes = [.. sends.Select(send => send(_world))];

            // Each write has its position in the journal and waits for the standby; so does the feed, which has read
            // the entries.
            while (await _world.HeadAsync() < before + 3
                || await _world.WaitingForStandbyAsync() < 4)
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, ct);

            // The first write is sent again: its receipt is stored, so the call finds it and waits too. A read whose
            // deadline is shorter than the wait fails without showing the entries.
            writes.Add(sends[0](_world));
            while (await _world.WaitingForStandbyAsync() < 5)
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, ct);
            refusal = (await Assert.ThrowsAsync<RpcException>(async () =>
                await reads.ListAlarmsAsync(new Contracts.V1.ListAlarmsRequest(),
                deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(2), cancellationToken: ct)))!;
            (anyAnswered, visiblePosition) = (writes.Any(w => w.IsCompleted),
                (await node.CheckAsync(new Contracts.V1.CheckRequest { Imei = "35290611000001" },
                cancellationToken: ct)).Position);
        }
        finally
        {
            await TestPostgres.Cluster.ExecuteAsync("ALTER SYSTEM RESET synchronous_standby_names");
            await TestPostgres.Cluster.ExecuteAsync("SELECT pg_reload_conf()");
        }

        Assert.That(anyAnswered, Is.False);
        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
        Assert.That(visiblePosition, Is.LessThanOrEqualTo(before));
        var answers = await Task.WhenAll(writes);
        foreach (var (send, answer) in sends.Zip(answers)) _world.Acknowledged(WriteKind.DraftOrder, send, answer);
        Assert.That(answers[3], Is.EqualTo(answers[0]));
    }

    [Test]
    public async Task While_the_database_is_unreachable_a_write_fails_fast_with_a_message(CancellationToken ct)
    {
        var send = await WriteKind.DraftOrder.PrepareAsync(_world);
        var before = await _world.StateAsync();
        var node = new Contracts.V1.AttachService.AttachServiceClient(_world.Server.Channel("attach", "operator-a"));
        _world.Proxy.Cut();

        // The server retries the first calls by itself. Once its circuit breaker is open, it fails calls without asking
        // the database.
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
        _world.Proxy.Mend();
        var answer = await _world.AnsweredAsync(send, ct);
        _world.Acknowledged(WriteKind.DraftOrder, send, answer);

        Assert.That(check.Reason, Is.EqualTo(Contracts.V1.CheckReason.FirstSeen));
        Assert.That((await _world.StateAsync())["receipts"].Rows, Is.EqualTo(before["receipts"].Rows + 1));
    }

    /// <summary>After each fault: every write acknowledged before it, in this or an earlier test, is still
    /// stored.</summary>
    [TearDown]
    public static Task No_acknowledged_write_is_lost() =>
        _world.AssertAnswersUnchangedAsync(TestContext.CurrentContext.CancellationToken);

    // Every write passes these points. They differ only where a batch has several steps, so a few kinds are tested at
    // all of them and the others at the commit.
    private static bool IsSpecificToKind(string point) =>
        point is not (nameof(SyncPoint.WriteBegun) or nameof(SyncPoint.WriteClaimed) or nameof(
        SyncPoint.WriteSaved) or nameof(SyncPoint.WriteSeen) or nameof(SyncPoint.WriteCommitted));

    private static bool HasAllPoints(WriteKind kind) =>
        kind == WriteKind.OpenBatch || kind == WriteKind.CompleteUpload || kind == WriteKind.ReleaseBatch
            || kind == WriteKind.ApproveOrder || kind == WriteKind.ReportSightings || kind == WriteKind.Recover;

    private static async Task KillAsync()
    {
        await TestPostgres.Cluster.KillAsync();
        await TestPostgres.Cluster.ReviveAsync();
        _kills++;
    }

    private static Task CutAsync()
    {
        _world.Proxy.Cut();
        _world.Proxy.Mend();
        _cuts++;
        return Task.CompletedTask;
    }

    // The write completes by the server's own retry (always, where a cut connection can be opened again at once), or is
    // refused with UNAVAILABLE and completes by the client's retry. Either way it happens once.
    private static async Task BreakAsync(Control control, string point, Func<Task> fault, CancellationToken ct,
        bool retriedByItself = false)
    {
        var send = await control.Kind.PrepareAsync(_world);
        var before = await _world.StateAsync();
        _world.Breakpoint.At(point);
        var first = send(_world);
        await _world.Breakpoint.HeldAsync(first, ct);

        await fault();
        _world.Breakpoint.Release();

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
