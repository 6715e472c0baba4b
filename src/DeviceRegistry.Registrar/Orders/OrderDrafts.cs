using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Returns drafts exactly as their drafters sent them, from the private part of the journal.</summary>
internal sealed class OrderDrafts(Database reads)
{
    public Task<GetDraftResponse> GetAsync(ulong order, CancellationToken ct) =>
        reads.ReadAsync(async (db, ct) =>
    {
        var number = order.ToKey();
        var bytes = await (from subject in db.JournalSubjects
                           where subject.Kind == SubjectKind.Order && subject.Subject == number
                           join payload in db.JournalPayloads on subject.PayloadId equals payload.Id
                           where payload.Kind == (int)JournalKind.OrderDrafted
                           join kept in db.JournalPrivate on payload.Id equals kept.PayloadId
                           select kept.PrivateBytes).AsNoTracking().SingleOrDefaultAsync(ct)
            ?? throw (await db.Orders.AnyAsync(o => o.Number == number, ct)
                ? new RegistryException(RegistryError.NotFound,
                    $"What order {order} said in the words of its drafter was erased.", "order_number",
                    "the number of an order whose draft is kept")
                : OrderWorkflow.NoOrder(order));
        var draft = OrderDraftedPrivate.Parser.ParseFrom(bytes);
        return draft.Block is { } block ? new GetDraftResponse { Block = block }
            : new GetDraftResponse { Action = draft.Action };
    }, ct);
}

/// <summary>Relations between orders.</summary>
internal static class OrderRelations
{
    /// <summary>Returns the numbers of an order and of all related orders: order actions against it, orders it
    /// superseded or that superseded it, and theirs in turn. Empty if the order does not exist. The search stops once
    /// it has found <see cref="Limits.RelatedOrdersMax"/>.</summary>
    public static async Task<IReadOnlyCollection<long>> RelatedOrdersAsync(this RegistryContext db, long number,
        CancellationToken ct)
    {
        var all = await db.Orders.Where(o => o.Number == number).Select(o => o.Number).ToHashSetAsync(ct);
        for (var before = -1; all.Count > before && all.Count < Limits.RelatedOrdersMax;)
        {
            before = all.Count;
            var known = all.ToList();
            all.UnionWith(await db.Orders
                .Where(o => known.Contains(o.Against!.Value)
                    || db.Orders.Any(own => known.Contains(own.Number)
                    && (own.Against == o.Number || own.ChangedBy == o.Number)))
                .OrderBy(o => o.Number).Take(Limits.RelatedOrdersMax).Select(o => o.Number).ToListAsync(ct));
        }

        return all;
    }
}
