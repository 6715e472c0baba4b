using System.Net;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>The client's connection breaks in the middle of a message, or the client's deadline expires.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class CutCallerTests
{
    private static World _world = null!;
    private static int _cuts;

    [OneTimeSetUp]
    public static async Task Start() => _world = await World.CreateAsync();

    [OneTimeTearDown]
    public static async Task Stop()
    {
        TestContext.Progress.WriteLine($"faults: {_cuts} calls cut in the middle of a message");
        await _world.DisposeAsync();
    }

    [Test]
    public async Task An_upload_cut_at_any_byte_resumes_and_registers_once(CancellationToken ct)
    {
        var random = Seed.NewRandom();
        // The upload sends at least this many bytes, so a cut before them always interrupts it.
        var control = Batch().File.Length;

        for (var round = 0; round < 12; round++)
        {
            var (header, file) = Batch();
            var before = await _world.StateAsync();
            await using var proxy = FaultInjectingProxy.To(_world.Server.Address("registrar"));
            proxy.CutAfter(random.Next(control));
            var maker = _world.Server.Channel(((IPEndPoint)proxy.At).Port, _world.Server.Certificate("maker-a"))
                .CreateCallInvoker();

            Assert.That(async () =>
                await WriteKind.SendBatchAsync(maker, header, file), Throws.InstanceOf<RpcException>());
            _cuts++;
            Assert.That((await _world.StateAsync()).FinalTables(), Is.EqualTo(before.FinalTables()));

            // Sent again on a working connection: it resumes where it was cut, and one batch is registered.
            var answer = await WriteKind.SendBatchAsync(_world.As("maker-a"), header, file);
            var after = await _world.StateAsync();
            using (Assert.EnterMultipleScope())
            {
                Assert.That(after["batches"].Rows - before["batches"].Rows, Is.EqualTo(1));
                Assert.That(after["imeis"].Rows - before["imeis"].Rows, Is.EqualTo(4_000));
            }

            Assert.That(await WriteKind.SendBatchAsync(_world.As("maker-a"), header, file), Is.EqualTo(answer));
        }

        await _world.AssertChainIntactAsync(ct);
    }

    [Test]
    public async Task A_call_over_its_deadline_gets_the_servers_deadline_error(CancellationToken ct)
    {
        var send = await WriteKind.DraftOrder.PrepareAsync(_world);
        var before = await _world.StateAsync();
        var regulator = new OrdersService.OrdersServiceClient(_world.Signing("regulator-a"));
        var request = new DraftOrderRequest
        {
            Reference = _world.NewReference(), OrderClass = OrderClass.C,
            Reason = "STOLEN", Basis = "FIR 1/2026", Imeis = { TestImei.Next().Printed }
        };

        // Another session holds the journal's lock, so no write can complete.
        await using var holder = new Npgsql.NpgsqlConnection(_world.AdminConnectionString);
        await holder.OpenAsync(ct);
        await using var transaction = await holder.BeginTransactionAsync(ct);
        await using (var command = new Npgsql.NpgsqlCommand("SELECT pg_advisory_xact_lock(7212, 1)", holder,
            transaction)) await command.ExecuteNonQueryAsync(ct);
        RpcException refusal;

        // On a busy machine the client's own timer can end the call first, without a text. Then retry with more time.
        var deadline = TimeSpan.FromSeconds(3);
        do
        {
            deadline *= 2;
            refusal = (await Assert.ThrowsAsync<RpcException>(async () => await regulator.DraftOrderAsync(request,
                deadline: TimeProvider.System.GetUtcNow().UtcDateTime + deadline, cancellationToken: ct)))!;
        }
        while (refusal.Status.Detail.Length is 0 && deadline < Patience.Event);

        await transaction.RollbackAsync(ct);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.DeadlineExceeded));
            Assert.That(refusal.Status.Detail,
                Is.EqualTo(
                "It was not done within your deadline. Send the same call again, with more time: if it was done after "
                + "all, you get its answer."));
        }

        Assert.That(await _world.StateAsync(), Is.EqualTo(before));
        var first = await regulator.DraftOrderAsync(request, cancellationToken: ct);
        Assert.That(await regulator.DraftOrderAsync(request, cancellationToken: ct), Is.EqualTo(first));
        await send(_world);
    }

    private static (BatchHeader Header, byte[] File) Batch()
    {
        var file = TestImei.DualSim(2_000).File;
        return (Batches.Of(WriteKind.Header(_world), file), file);
    }
}
