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
    /// <summary>Arms an order. Siblings are taken once more, and no unit is registered in between: it may have been since the draft, or have another board since a stay.</summary>
    public static async Task ArmAsync(RegistryWrite write, OrderRow order, CancellationToken ct)
    {
        await write.LockAsync(WriteLock.Subjects, ct);
        var items = await write.Db.OrderItems.AsNoTracking().Where(i => i.OrderNumber == order.Number).ToListAsync(ct);
        var named = items.Where(i => i.Kind is OrderItemKind.Imei).Select(i => i.Value).ToList();
        var imeis = await WithSiblingsAsync(write.Db, named, ct);
        write.Db.OrderItems.AddRange(imeis.Except(named).Select(i => Item(order, OrderItemKind.Imei, i)));

        // Where nodes learn of it is known once this is committed (OrderClock).
        order.ArmedPosition = null;
        var armed = new OrderArmed
        {
            OrderNumber = (ulong)order.Number, OrderClass = (Contracts.V1.OrderClass)order.OrderClass, CheckReason = (Contracts.V1.CheckReason)order.CheckReason,
            EffectiveAt = order.EffectiveAt is { } from ? Timestamp.FromDateTime(from) : null,
            ExpiresAt = order.ExpiresAt is { } until ? Timestamp.FromDateTime(until) : null,
            ImeiDeltas = { JournalEntryRules.ToDeltas(imeis.Order().Select(i => (ulong)i)) },
            Tacs = { items.Where(i => i.Kind is OrderItemKind.Tac).Select(i => (uint)i.Value) },
        };
        write.Stage(JournalKind.OrderArmed, armed, subject: (SubjectKind.Order, order.Number));
    }

    /// <summary>Whether an order in force names one of these IMEIs, or its TAC.</summary>
    public static Task<bool> IsBlockedAsync(RegistryContext db, long[] imeis, DateTime now, CancellationToken ct)
    {
        var tacs = imeis.Select(i => (long)new Imei((ulong)i).Tac.Value).ToArray();
        return (from item in db.OrderItems
                where (item.Kind == OrderItemKind.Imei && imeis.Contains(item.Value)) || (item.Kind == OrderItemKind.Tac && tacs.Contains(item.Value))
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
    public static OrderItemRow Item(OrderRow order, OrderItemKind kind, long value) => new() { OrderNumber = order.Number, Kind = kind, Value = value };
}
