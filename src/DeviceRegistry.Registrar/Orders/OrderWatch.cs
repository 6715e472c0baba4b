using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using OrderState = DeviceRegistry.Core.OrderState;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Streams the state of an order whenever it changes.</summary>
internal sealed class OrderWatch(Database reads, MemberDirectory members, IHostApplicationLifetime lifetime,
    TimeProvider time)
{
    /// <summary>Writes the current state, then each change, until the order is enforced or has ended, or the caller
    /// cancels.</summary>
    public async Task WatchAsync(CallSession session, ulong number, IServerStreamWriter<WatchOrderResponse> to,
        CancellationToken caller)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(caller, lifetime.ApplicationStopping);
        var ct = stop.Token;
        WatchOrderResponse? sent = null;
        while (true)
        {
            session.RequireStillAuthorized(members, time.Now());
            var now = await reads.ReadAsync((db, ct) => ReadAsync(db, number, ct), ct);
            if (!now.Equals(sent)) await to.WriteAsync(sent = now, ct);
            if (EndsWatch((OrderState)now.Order.State)) return;

            await Task.Delay(Limits.ProgressEvery, time, ct);
        }
    }

    /// <summary>The current state of an order and its enforcement per operator.</summary>
    public static async Task<WatchOrderResponse> ReadAsync(Postgres.Schema.RegistryContext db, ulong number,
        CancellationToken ct)
    {
        var order = await db.Orders.AsNoTracking().SingleOrDefaultAsync(o => o.Number == number.ToKey(), ct)
            ?? throw OrderWorkflow.NoOrder(number);
        return new WatchOrderResponse
        {
            Order = await order.ToSummaryAsync(db, ct),
            Operators = { await OrderClock.EnforcementAsync(db, order, ct) }
        };
    }

    private static bool EndsWatch(OrderState state) =>
        state is OrderState.Enforced or OrderState.Lifted or OrderState.Done or OrderState.Rejected
            or OrderState.Withdrawn or OrderState.Annulled;
}
