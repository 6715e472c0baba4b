using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>The server is killed (SIGKILL) at each sync point of each write.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class KilledServerTests
{
    private static readonly IReadOnlyList<string> Points = Control.AllPoints;
    private static World _world = null!;
    private static IReadOnlyList<Control> _controls = [];
    private static int _kills;

    [OneTimeSetUp]
    public static async Task Start()
    {
        _world = await World.CreateAsync();
        _controls = await Control.OfAllAsync(_world);
    }

    [OneTimeTearDown]
    public static async Task Stop()
    {
        TestContext.Progress.WriteLine($"faults: {_kills} SIGKILLs of the server, one at each point");
        await _world.DisposeAsync();
    }

    [Test]
    public void Every_sync_point_is_passed_by_some_write() =>
        Assert.That(_controls.SelectMany(c => c.Points).Distinct(), Is.EquivalentTo(Points));

    [Test]
    public void Every_call_of_the_contract_with_a_reference_is_a_kind_of_write()
    {
        FileDescriptor[] files =
        [
            RegistrationReflection.Descriptor, OrdersReflection.Descriptor, PartiesReflection.Descriptor,
            RecoveryReflection.Descriptor, FeedReflection.Descriptor,
            RegistryReflection.Descriptor, AttachReflection.Descriptor, ChangesReflection.Descriptor,
            SightingsReflection.Descriptor, AppealsReflection.Descriptor,
        ];
        var withReference = files.SelectMany(f => f.Services).SelectMany(s => s.Methods)
            .Where(m => HasReference(m.InputType)).Select(m => m.Name);

        // Some writes are idempotent by the number of a batch, chunk or segment instead of a reference.
        Assert.That(WriteKind.All.Select(k => k.Name.Split(',', ' ')[0]).Distinct(),
            Is.EquivalentTo(withReference.Concat(["SendChunks", "CompleteUpload", "ReportSightings"])));
    }

    // Each of today's points once, in the first kind of write that passes it; in addition the points that every write
    // passes, in a batch that is registered and in one that is rejected.
    private static IEnumerable<TestCaseData> PointsOfKinds()
    {
        foreach (var point in Points.Where(Control.IsTestedToday)) yield return new TestCaseData(point, null);
        foreach (var kind in (WriteKind[])[WriteKind.CompleteUpload, WriteKind.SealOverQuota])
            foreach (var point in (string[])["WriteBegun", "WriteSaved", "WriteJournalled",
                "WriteCommitted"]) yield return new TestCaseData(point, kind);
    }

    [TestCaseSource(nameof(PointsOfKinds))]
    public async Task A_write_is_atomic_and_retryable_when_the_server_is_killed_at_any_point(
        string point, WriteKind? kind, CancellationToken ct)
    {
        var control = _controls.First(c => c.Points.Contains(point) && (kind is null || c.Kind == kind));
        var send = await control.Kind.PrepareAsync(_world);
        var before = await _world.StateAsync();
        _world.Breakpoint.At(point);
        var cut = send(_world);
        await _world.Breakpoint.HeldAsync(cut, ct);

        await _world.KillAndStartAsync();
        _kills++;

        Assert.That(async () => await cut, Throws.InstanceOf<RpcException>());
        var between = await _world.StateAsync();
        if (point is nameof(SyncPoint.WriteSeen) or nameof(SyncPoint.WriteCommitted) or nameof(
            SyncPoint.BatchFileDropped)) Assert.That(between.AddedTo(before), Is.EquivalentTo(control.Added));
        else if (control.Kind.InSteps) Assert.That(between.FinalTables(), Is.EqualTo(before.FinalTables()));
        else Assert.That(between, Is.EqualTo(before));

        var answer = await send(_world);
        var after = await _world.StateAsync();
        Assert.That(after.AddedTo(before), Is.EquivalentTo(control.Added));
        Assert.That(await send(_world), Is.EqualTo(answer));
        Assert.That(await _world.StateAsync(), Is.EqualTo(after));
        _world.Acknowledged(control.Kind, send, answer);
    }

    [TestCaseSource(typeof(ClockWrite), nameof(ClockWrite.Points))]
    public async Task A_start_or_expiry_is_recorded_once_when_the_server_is_killed_at_it(
        string point, CancellationToken ct)
    {
        var write = await ClockWrite.StoppedAtAsync(_world, point, ct);

        await _world.KillAndStartAsync();
        _kills++;

        await write.AssertRecordedOnceAsync(ct);
    }

    /// <summary>After each fault: every write acknowledged before it, in this or an earlier test, is still
    /// stored.</summary>
    [TearDown]
    public static Task No_acknowledged_write_is_lost() =>
        _world.AssertAnswersUnchangedAsync(TestContext.CurrentContext.CancellationToken);

    // The reference is a field of the request, or of the header that begins a stream.
    private static bool HasReference(MessageDescriptor call) =>
        call.FindFieldByName("reference") is not null
            || (call.FindFieldByName("header") is { } header
            && header.MessageType.FindFieldByName("reference") is not null);
}
