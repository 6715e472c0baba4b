using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>The server dies by SIGKILL at each point of each write.</summary>
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
    public void Every_point_in_the_code_is_passed_by_some_write() =>
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

        // And those that are idempotent by the numbers of batch, chunk or segment.
        Assert.That(WriteKind.All.Select(k => k.Name.Split(',', ' ')[0]).Distinct(),
            Is.EquivalentTo(withReference.Concat(["SendChunks", "CompleteUpload", "ReportSightings"])));
    }

    // Each point of today once, in the first kind of write that passes it; and every point of a batch on its way to
    // registration and to rejection.
    private static IEnumerable<TestCaseData> PointsOfKinds()
    {
        foreach (var point in Points.Where(Control.IsOfToday)) yield return new TestCaseData(point, null);
        foreach (var kind in (WriteKind[])[WriteKind.CompleteUpload, WriteKind.SealOverQuota])
            foreach (var point in (string[])["WriteBegun", "WriteSaved", "WriteJournalled",
                "WriteCommitted"]) yield return new TestCaseData(point, kind);
    }

    [TestCaseSource(nameof(PointsOfKinds))]
    public async Task A_write_whose_server_is_killed_is_there_whole_or_not_at_all_and_the_retry_gets_the_first_answer(
        string point, WriteKind? kind, CancellationToken ct)
    {
        var control = _controls.First(c => c.Points.Contains(point) && (kind is null || c.Kind == kind));
        var send = await control.Kind.PrepareAsync(_world);
        var before = await _world.StateAsync();
        _world.Hold.At(point);
        var cut = send(_world);
        await _world.Hold.HeldAsync(cut, ct);

        await _world.KillAndStartAsync();
        _kills++;

        Assert.That(async () => await cut, Throws.InstanceOf<RpcException>());
        var between = await _world.StateAsync();
        if (point is nameof(SyncPoint.WriteSeen) or nameof(SyncPoint.WriteCommitted) or nameof(
            SyncPoint.BatchFileDropped)) Assert.That(between.AddedTo(before), Is.EquivalentTo(control.Added));
        else if (control.Kind.InSteps) Assert.That(between.WhatCounts(), Is.EqualTo(before.WhatCounts()));
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
        var write = await ClockWrite.HeldAtAsync(_world, point, ct);

        await _world.KillAndStartAsync();
        _kills++;

        await write.AssertRecordedOnceAsync(ct);
    }

    /// <summary>After each fault: whatever was acknowledged before it, in this or an earlier test, is still
    /// there.</summary>
    [TearDown]
    public static Task Nothing_acknowledged_is_lost() =>
        _world.AssertLedgerHoldsAsync(TestContext.CurrentContext.CancellationToken);

    // In the call itself, or in the header that begins its stream.
    private static bool HasReference(MessageDescriptor call) =>
        call.FindFieldByName("reference") is not null
            || (call.FindFieldByName("header") is { } header
            && header.MessageType.FindFieldByName("reference") is not null);
}
