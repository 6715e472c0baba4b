using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Npgsql;
using OrderState = DeviceRegistry.Core.OrderState;

namespace DeviceRegistry.Faults.Tests;

/// <summary>A write that no client requests: at one instant one order starts and another expires. The first is enforced
/// at once, because the nodes received it earlier. The registrar records both changes in one transaction.</summary>
internal sealed class ClockWrite
{
    private static readonly TimeSpan FirstLead = TimeSpan.FromSeconds(3);

    private readonly World _world;
    private readonly long _begins;
    private readonly long _ends;
    private readonly DateTime _at;

    private ClockWrite(World world, long begins, long ends, DateTime at) =>
        (_world, _begins, _ends, _at) = (world, begins, ends, at);

    /// <summary>Sync points at which the process is killed before the commit. Every write passes the points after the
    /// commit, so an earlier background write could stop there instead of this one.</summary>
    public static IReadOnlyList<string> Points { get; } =
        [nameof(SyncPoint.ClockRecorded), nameof(SyncPoint.WriteJournalled)];

    /// <summary>Returns when the registrar is stopped at the sync point inside this write.</summary>
    public static async Task<ClockWrite> StoppedAtAsync(World world, string point, CancellationToken ct)
    {
        // On a slow machine the instant can pass during the preparation. Then prepare two new orders, with twice the
        // time.
        for (var lead = FirstLead; ; lead *= 2)
        {
            var at = DateTime.UnixEpoch.AddMilliseconds((TimeProvider.System.GetUtcNow() + lead)
                .ToUnixTimeMilliseconds());
            long begins, ends;
            try
            {
                begins = await ApprovedAsync(world, draft => draft.EffectiveAt = Timestamp.FromDateTime(at));
                ends = await ApprovedAsync(world, draft => draft.ExpiresAt = Timestamp.FromDateTime(at));
            }
            catch (RpcException late) when (late.StatusCode is StatusCode.InvalidArgument
                or StatusCode.FailedPrecondition && TimeProvider.System.GetUtcNow() >= at)
            {
                continue;
            }

            await world.SettledAsync();
            world.Breakpoint.At(point);
            if (TimeProvider.System.GetUtcNow() < at)
            {
                await world.Breakpoint.HeldAsync(Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct), ct);
                return new ClockWrite(world, begins, ends, at);
            }

            world.Breakpoint.Release();
        }
    }

    /// <summary>Asserts that nothing is recorded before the commit.</summary>
    public async Task AssertNotRecordedAsync()
    {
        Assert.That((await KindsAsync(_begins)).Count + (await KindsAsync(_ends))
            .Count(k => k.Kind is JournalKind.OrderExpired), Is.Zero);
        Assert.That((await RowAsync(_begins)).State, Is.EqualTo(OrderState.Armed));
    }

    /// <summary>Waits until both changes are recorded, then asserts that each is recorded once and dated with its own
    /// instant.</summary>
    public async Task AssertRecordedOnceAsync(CancellationToken ct)
    {
        while ((await RowAsync(_begins)).State is not OrderState.Enforced
            || (await RowAsync(_ends)).State is not OrderState.Lifted)
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, ct);

        var (begun, ended) = (await RowAsync(_begins), await RowAsync(_ends));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(begun.InForceAt, Is.EqualTo(_at));
            Assert.That(ended.EndedAt, Is.EqualTo(_at));
        }

        Assert.That(begun.EnforcedAt, Is.GreaterThanOrEqualTo(_at));
        Assert.That(await KindsAsync(_begins),
            Is.EqualTo([(JournalKind.OrderInForce, _at), (JournalKind.OrderEnforced, begun.EnforcedAt!.Value)]));
        Assert.That((await KindsAsync(_ends)).Where(k => k.Kind is JournalKind.OrderExpired),
            Is.EqualTo([(JournalKind.OrderExpired, _at)]));
    }

    private static async Task<long> ApprovedAsync(World world, Action<DraftOrderRequest> instant)
    {
        var draft = new DraftOrderRequest
        {
            Reference = world.NewReference(), OrderClass = Contracts.V1.OrderClass.C,
            Reason = "STOLEN", Basis = "FIR 1/2026", Imeis = { TestImei.Next().Printed }
        };
        instant(draft);
        var order = (await new OrdersService.OrdersServiceClient(world.Signing("regulator-a"))
            .DraftOrderAsync(draft)).Order.OrderNumber;
        await WriteKind.Approve(world, "regulator-b", order)(world);
        return (long)order;
    }

    private Task<List<(JournalKind Kind, DateTime At)>> KindsAsync(long order) => ClockEntriesAsync(_world, order);

    /// <summary>Kinds of the entries that the registrar recorded about an order without a request, in journal order,
    /// each with the time in its payload.</summary>
    public static async Task<List<(JournalKind Kind, DateTime At)>> ClockEntriesAsync(World world, long order)
    {
        await using var connection = new NpgsqlConnection(world.AdminConnectionString);
        await connection.OpenAsync();
        await using var noted = new NpgsqlCommand(
            """
            SELECT p.kind, p.public_bytes FROM journal_subjects s JOIN journal_payloads p ON p.id = s.payload_id
              JOIN journal j ON j.payload_id = p.id
            WHERE s.kind = 2 AND s.subject = $1 AND p.kind IN (31, 32, 33) ORDER BY j.position
            """, connection);
        noted.Parameters.Add(new() { Value = order });
        await using var reader = await noted.ExecuteReaderAsync();
        var kinds = new List<(JournalKind, DateTime)>();
        while (await reader.ReadAsync()) kinds.Add(
            ((JournalKind)reader.GetInt32(0),
            OrderInstant.Parser.ParseFrom(reader.GetFieldValue<byte[]>(1)).At.ToDateTime()));
        return kinds;
    }

    private Task<(OrderState State, DateTime? InForceAt, DateTime? EndedAt, DateTime? EnforcedAt)> RowAsync(
        long order) => RowAsync(_world, order);

    /// <summary>State and times of an order.</summary>
    public static async Task<(OrderState State, DateTime? InForceAt, DateTime? EndedAt, DateTime? EnforcedAt)> RowAsync(
        World world, long order)
    {
        await using var connection = new NpgsqlConnection(world.AdminConnectionString);
        await connection.OpenAsync();
        await using var row = new NpgsqlCommand(
            "SELECT state, in_force_at, ended_at, enforced_at FROM orders WHERE number = $1", connection);
        row.Parameters.Add(new() { Value = order });
        await using var reader = await row.ExecuteReaderAsync();
        await reader.ReadAsync();
        return ((OrderState)reader.GetInt16(0), TimeAt(1), TimeAt(2), TimeAt(3));
        DateTime? TimeAt(int column) => reader.IsDBNull(column) ? null : reader.GetDateTime(column);
    }
}
