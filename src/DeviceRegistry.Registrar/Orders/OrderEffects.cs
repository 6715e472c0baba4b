using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>What an order covers, and how nodes learn of it.</summary>
internal static class OrderEffects
{
    // An IMEI is covered as an IMEI alone, for its unit's siblings follow it and no range or TAC; of ranges and TACs the numbers count.
    private const string CoversSql = """
        SELECT NOT EXISTS (
            SELECT FROM order_items o WHERE o.order_number = {1} AND o.kind = 1
              AND NOT EXISTS (SELECT FROM order_items n WHERE n.order_number = {0} AND n.kind = o.kind AND n.value = o.value))
          AND coalesce(range_agg(s.numbers) FILTER (WHERE s.order_number = {1}), '{{}}') <@ coalesce(range_agg(s.numbers) FILTER (WHERE s.order_number = {0}), '{{}}') AS "Value"
        FROM (SELECT order_number, CASE kind WHEN 2 THEN int8range(value * 1000000, (value + 1) * 1000000) ELSE int8range(value, detail, '[]') END AS numbers
              FROM order_items WHERE order_number IN ({0}, {1}) AND kind IN (2, 4)) s
        """;

    /// <summary>Writes down what a draft covers: what it names, and the siblings there are now; those that come later are added when it is armed.</summary>
    public static async Task CoverAsync(RegistryWrite write, OrderRow order, OrderSubjects subjects, CancellationToken ct)
    {
        var imeis = await WithSiblingsAsync(write.Db, subjects.Imeis.Select(i => (long)i.Value), ct);
        write.Db.OrderItems.AddRange(imeis.Select(i => Item(order, OrderItemKind.Imei, i)));
        write.Db.OrderItems.AddRange(subjects.Tacs.Select(t => Item(order, OrderItemKind.Tac, t.Value)));
        write.Db.OrderItems.AddRange(subjects.Ranges.Select(r => Item(order, OrderItemKind.Range, (long)r.First.Value, (long)r.Last.Value)));
    }

    /// <summary>Whether an order covers all that another does.</summary>
    public static Task<bool> CoversAsync(RegistryContext db, long order, long other, CancellationToken ct) => db.Database.SqlQueryRaw<bool>(CoversSql, order, other).SingleAsync(ct);

    /// <summary>Arms an order. Siblings are taken once more, and no unit is registered in between: it may have been since the draft, or have another board since a stay.</summary>
    public static async Task ArmAsync(RegistryWrite write, OrderRow order, CancellationToken ct)
    {
        await write.LockAsync(WriteLock.Subjects, ct);
        var items = await write.Db.OrderItems.AsNoTracking().Where(i => i.OrderNumber == order.Number).ToListAsync(ct);
        var named = items.Where(i => i.Kind is OrderItemKind.Imei).Select(i => i.Value).ToList();
        var imeis = await WithSiblingsAsync(write.Db, named, ct);
        write.Db.OrderItems.AddRange(imeis.Except(named).Select(i => Item(order, OrderItemKind.Imei, i)));

        var armed = new OrderArmed
        {
            OrderNumber = (ulong)order.Number, OrderClass = (Contracts.V1.OrderClass)order.OrderClass, CheckReason = (Contracts.V1.CheckReason)order.CheckReason,
            EffectiveAt = order.EffectiveAt is { } from ? Timestamp.FromDateTime(from) : null,
            ExpiresAt = order.ExpiresAt is { } until ? Timestamp.FromDateTime(until) : null,
            ImeiDeltas = { JournalEntryRules.ToDeltas(imeis.Order().Select(i => (ulong)i)) },
            Tacs = { items.Where(i => i.Kind is OrderItemKind.Tac).Select(i => (uint)i.Value) },
            RangeDeltas = { JournalEntryRules.ToDeltas(items.Where(i => i.Kind is OrderItemKind.Range).OrderBy(i => i.Value).SelectMany(i => new[] { (ulong)i.Value, (ulong)i.Detail })) },
        };
        write.Stage(JournalKind.OrderArmed, armed, subject: (SubjectKind.Order, order.Number));
    }

    /// <summary>Whether an order in force names one of these IMEIs, a range it is in, or its TAC.</summary>
    public static Task<bool> IsBlockedAsync(RegistryContext db, long[] imeis, DateTime now, CancellationToken ct)
    {
        var tacs = imeis.Select(i => (long)new Imei((ulong)i).Tac.Value).ToArray();
        return (from item in db.OrderItems
                where (item.Kind == OrderItemKind.Imei && imeis.Contains(item.Value)) || (item.Kind == OrderItemKind.Tac && tacs.Contains(item.Value))
                    || (item.Kind == OrderItemKind.Range && imeis.Any(i => item.Value >= i / SerialRange.SerialsOfTac * SerialRange.SerialsOfTac && item.Value <= i && item.Detail >= i))
                join order in db.Orders on item.OrderNumber equals order.Number
                where OrderLifeCycle.AtNodes.Contains(order.State) && (order.ExpiresAt == null || order.ExpiresAt > now)
                select order).AnyAsync(ct);
    }

    /// <summary>All IMEIs of a registered unit are blocked together (DOMAIN 3, Device), those of the board it has now; a unit is found by the numbers of an earlier board too.</summary>
    public static async Task<List<long>> WithSiblingsAsync(RegistryContext db, IEnumerable<long> imeis, CancellationToken ct)
    {
        var named = imeis.ToList();
        var siblings = await (from imei in db.Imeis
                              where named.Contains(imei.Imei)
                              join batch in db.Batches on imei.BatchNumber equals batch.Number
                              where batch.State >= Postgres.Schema.BatchState.Valid
                              join unit in db.Devices on new { imei.BatchNumber, imei.Unit } equals new { unit.BatchNumber, unit.Unit }
                              select unit.Imeis).AsNoTracking().ToListAsync(ct);
        return [.. named.Union(siblings.SelectMany(s => s))];
    }

    /// <summary>A thing an order covers.</summary>
    private static OrderItemRow Item(OrderRow order, OrderItemKind kind, long value, long detail = 0) => new() { OrderNumber = order.Number, Kind = kind, Value = value, Detail = detail };
}
