using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using OrderAction = DeviceRegistry.Postgres.Schema.OrderAction;
using OrderState = DeviceRegistry.Postgres.Schema.OrderState;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>The life of orders (DOMAIN 5.2): drafted by one person, approved by another, lifted by a further order.</summary>
internal sealed class OrderBook(Writes writes, TimeProvider time)
{
    /// <summary>Drafts a block order.</summary>
    public Task<DraftOrderResponse> DraftAsync(Caller caller, DraftOrderRequest request, BlockDraft draft, CancellationToken ct) =>
        writes.OncePersonallyAsync(caller, request.Reference, request, async (write, ct) =>
        {
            // 1. The reason must be a row of the table, valid today, for this class.
            var today = DateOnly.FromDateTime(time.Now());
            var reason = await write.Db.OrderReasons.AsNoTracking().FirstOrDefaultAsync(
                r => r.Code == draft.Reason && r.OrderClass == draft.Class && r.ValidFrom <= today && (r.ValidUntil == null || r.ValidUntil >= today), ct);
            if (reason is null) throw await ReasonUnknownAsync(write.Db, draft, today, ct);

            Inputs.Require(draft.ExpiresAt is null || draft.ExpiresAt > time.Now(), "expires_at", "a time later than now");
            SyncPoints.Reached(SyncPoint.DraftJudged);

            // 2. The draft, what it names, and the siblings there are now; those that come later are added when it is approved.
            var order = new OrderRow
            {
                Action = OrderAction.Block, OrderClass = draft.Class, State = OrderState.PendingApproval, Reason = draft.Reason, CheckReason = reason.CheckReason,
                Basis = request.Basis, Reference = request.Reference, DraftedBy = (long)caller.ActorId, DraftedAt = time.Now(),
                EffectiveAt = draft.EffectiveAt, ExpiresAt = draft.ExpiresAt,
            };
            write.Db.Orders.Add(order);
            await write.Db.SaveChangesAsync(ct);
            var imeis = await WithSiblingsAsync(write.Db, draft.Imeis.Select(i => (long)i.Value), ct);
            write.Db.OrderItems.AddRange(imeis.Select(i => Item(order, OrderItemKind.Imei, i)));
            write.Db.OrderItems.AddRange(draft.Tacs.Select(t => Item(order, OrderItemKind.Tac, t.Value)));

            // 3. Who drafted what, on what basis.
            Stage(write, order, JournalKind.OrderDrafted, new OrderStep { OrderNumber = (ulong)order.Number }, new OrderDraftedPrivate { Block = request });
            await write.Db.SaveChangesAsync(ct);
            SyncPoints.Reached(SyncPoint.DraftSaved);
            return new DraftOrderResponse { Order = await order.ToSummaryAsync(write.Db, ct) };
        }, ct);

    /// <summary>Drafts the lifting of an order.</summary>
    public Task<DraftLiftResponse> DraftLiftAsync(Caller caller, DraftLiftRequest request, CancellationToken ct) =>
        writes.OncePersonallyAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var target = await FindAsync(write.Db, request.OrderNumber.ToKey(), ct);
            RequireInForce(target);
            var lift = new OrderRow
            {
                Action = OrderAction.Lift, OrderClass = target.OrderClass, State = OrderState.PendingApproval, Reason = target.Reason, CheckReason = target.CheckReason,
                Basis = request.Basis, Reference = request.Reference, DraftedBy = (long)caller.ActorId, DraftedAt = time.Now(),
                Lifts = target.Number, LiftsDraftedBy = target.DraftedBy, LiftsApprovedBy = target.ApprovedBy,
            };
            write.Db.Orders.Add(lift);
            await write.Db.SaveChangesAsync(ct);
            SyncPoints.Reached(SyncPoint.DraftSaved);
            Stage(write, lift, JournalKind.OrderDrafted, new OrderStep { OrderNumber = (ulong)lift.Number }, new OrderDraftedPrivate { Lift = request });
            return new DraftLiftResponse { Order = await lift.ToSummaryAsync(write.Db, ct) };
        }, ct);

    /// <summary>Approves a draft of either kind; it takes effect in the same transaction.</summary>
    public Task<ApproveOrderResponse> ApproveAsync(Caller caller, ApproveOrderRequest request, CancellationToken ct) =>
        writes.OncePersonallyAsync(caller, request.Reference, request, async (write, ct) =>
        {
            // 1. One approval at a time, of a draft that waits.
            await write.LockOrderAsync(request.OrderNumber.ToKey(), ct);
            SyncPoints.Reached(SyncPoint.ApprovalLocked);
            var order = await FindAsync(write.Db, request.OrderNumber.ToKey(), ct);
            if (order.State is not OrderState.PendingApproval)
                throw new RegistryException(RegistryError.WrongState, $"Order {order.Number} is {Word(order.State)}; it waits for no approval.", "order_number", "an order that waits for approval");

            // 2. Four eyes, compared as people.
            await write.Db.RequireAnotherPersonAsync(caller, [order.DraftedBy], $"You drafted order {order.Number}; another person must approve it.", ct);
            if (order.ExpiresAt <= time.Now())
                throw new RegistryException(RegistryError.WrongState, $"Order {order.Number} would have ended at {order.ExpiresAt:yyyy-MM-dd HH:mm:ss} UTC already. Draft a new one.", "order_number", "an order whose end is ahead");

            SyncPoints.Reached(SyncPoint.ApprovalJudged);
            order.ApprovedBy = (long)caller.ActorId;
            order.ApprovedAt = time.Now();
            Stage(write, order, JournalKind.OrderApproved, new OrderStep { OrderNumber = (ulong)order.Number });

            // 3. Its effect.
            if (order.Action is OrderAction.Lift) await LiftAsync(write, caller, order, ct);
            else await ArmAsync(write, order, ct);
            await write.Db.SaveChangesAsync(ct);
            SyncPoints.Reached(SyncPoint.ApprovalEffected);
            return new ApproveOrderResponse { Order = await order.ToSummaryAsync(write.Db, ct) };
        }, ct);

    /// <summary>NOT_FOUND for an order.</summary>
    public static RegistryException NoOrder(ulong number) =>
        new(RegistryError.NotFound, $"There is no order {number}.", "order_number", "the number of an order");

    // Siblings are taken once more: a unit may have been registered since the draft.
    private static async Task ArmAsync(RegistryWrite write, OrderRow order, CancellationToken ct)
    {
        order.State = OrderState.Armed;
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
        };
        Stage(write, order, JournalKind.OrderArmed, armed);
    }

    private static async Task LiftAsync(RegistryWrite write, Caller caller, OrderRow lift, CancellationToken ct)
    {
        await write.Db.RequireAnotherPersonAsync(
            caller, [lift.LiftsDraftedBy!.Value, lift.LiftsApprovedBy!.Value], $"You drafted or approved order {lift.Lifts}; its lift must be approved by someone who did neither.", ct);

        await write.LockOrderAsync(lift.Lifts!.Value, ct);
        var target = await FindAsync(write.Db, lift.Lifts.Value, ct);
        RequireInForce(target);
        target.State = OrderState.Lifted;
        target.LiftedBy = lift.Number;
        lift.State = OrderState.Done;
        Stage(write, target, JournalKind.OrderLifted, new OrderLifted { OrderNumber = (ulong)target.Number, LiftingOrderNumber = (ulong)lift.Number });
    }

    private static void RequireInForce(OrderRow target)
    {
        if (target is not { Action: OrderAction.Block, State: OrderState.Armed })
            throw new RegistryException(RegistryError.WrongState,
                $"Order {target.Number} is {(target.Action is OrderAction.Lift ? "itself a lift" : Word(target.State))}; only a block order in force can be lifted.",
                "order_number", "a block order in force");
    }

    private static async Task<RegistryException> ReasonUnknownAsync(RegistryContext db, BlockDraft draft, DateOnly today, CancellationToken ct)
    {
        var codes = await db.OrderReasons.AsNoTracking().Where(r => r.OrderClass == draft.Class && r.ValidFrom <= today && (r.ValidUntil == null || r.ValidUntil >= today))
            .Select(r => r.Code).OrderBy(c => c).ToListAsync(ct);
        return new RegistryException(RegistryError.ReasonUnknown,
            $"Reason {Inputs.Quote(draft.Reason)} is not in the table for class {draft.Class} today. Nothing was drafted.", "reason", string.Join(" or ", codes));
    }

    /// <summary>Whether an order in force names one of these IMEIs, or its TAC.</summary>
    public static Task<bool> IsBlockedAsync(RegistryContext db, long[] imeis, DateTime now, CancellationToken ct)
    {
        var tacs = imeis.Select(i => (long)new Imei((ulong)i).Tac.Value).ToArray();
        return (from item in db.OrderItems
         where (item.Kind == OrderItemKind.Imei && imeis.Contains(item.Value)) || (item.Kind == OrderItemKind.Tac && tacs.Contains(item.Value))
         join order in db.Orders on item.OrderNumber equals order.Number
         where order.State == OrderState.Armed && (order.ExpiresAt == null || order.ExpiresAt > now)
         select order).AnyAsync(ct);
    }

    // All IMEIs of a registered unit are blocked together (DOMAIN 3, Device), those of the board it has now; a unit is found by the numbers of an earlier board too.
    private static async Task<List<long>> WithSiblingsAsync(RegistryContext db, IEnumerable<long> imeis, CancellationToken ct)
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

    private static async Task<OrderRow> FindAsync(RegistryContext db, long number, CancellationToken ct) =>
        await db.Orders.SingleOrDefaultAsync(o => o.Number == number, ct) ?? throw NoOrder((ulong)number);

    private static OrderItemRow Item(OrderRow order, OrderItemKind kind, long value) => new() { OrderNumber = order.Number, Kind = kind, Value = value };

    private static void Stage(RegistryWrite write, OrderRow order, JournalKind kind, IMessage forAll, IMessage? keptBack = null) =>
        write.Stage(kind, forAll, keptBack, (SubjectKind.Order, order.Number));

    private static string Word(OrderState state) => StatusMapping.UpperSnake(state.ToString());
}
