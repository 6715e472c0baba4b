using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using OrderState = DeviceRegistry.Core.OrderState;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Tells how an order stands, as it changes.</summary>
internal sealed class OrderWatch(Database reads, MemberDirectory members, IHostApplicationLifetime lifetime,
    TimeProvider time)
{
    /// <summary>Watches until it is enforced or has ended, or the caller has seen enough.</summary>
    public async Task WatchAsync(CallSession session, ulong number, IServerStreamWriter<WatchOrderResponse> to,
        CancellationToken caller)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(caller, lifetime.ApplicationStopping);
        var ct = stop.Token;
        WatchOrderResponse? told = null;
        while (true)
        {
            session.RequireStillAuthorized(members, time.Now());
            var now = await reads.ReadAsync((db, ct) => ReadAsync(db, number, ct), ct);
            if (!now.Equals(told)) await to.WriteAsync(told = now, ct);
            if (IsOver((OrderState)now.Order.State)) return;

            await Task.Delay(Limits.ProgressEvery, time, ct);
        }
    }

    /// <summary>How it stands now.</summary>
    public static async Task<WatchOrderResponse> ReadAsync(Postgres.Schema.RegistryContext db, ulong number,
        CancellationToken ct)
    {
        var order = await db.Orders.AsNoTracking().SingleOrDefaultAsync(o => o.Number == number.ToKey(), ct)
            ?? throw OrderWorkflow.NoOrder(number);
        return new WatchOrderResponse { Order = await order.ToSummaryAsync(db, ct),
            Operators = { await OrderClock.EnforcementAsync(db, order, ct) } };
    }

    private static bool IsOver(OrderState state) =>
        state is OrderState.Enforced or OrderState.Lifted or OrderState.Done or OrderState.Rejected
            or OrderState.Withdrawn or OrderState.Annulled;
}
