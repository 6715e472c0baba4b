using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Appeals;
using DeviceRegistry.Registrar.Parties;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using OrderAction = DeviceRegistry.Core.OrderAction;
using OrderClass = DeviceRegistry.Core.OrderClass;
using OrderState = DeviceRegistry.Core.OrderState;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>The steps of orders: one person drafts, another approves, and order actions, which are orders of the same
/// form, change a target order. <see cref="OrderLifeCycle"/> holds the allowed steps (proto/docs/state-machines.md),
/// <see cref="OrderEffects"/> their effect on subjects and nodes.</summary>
internal sealed class OrderWorkflow(IdempotentWrites writes, OrderClock clock, TimeProvider time)
{
    public Task<DraftOrderResponse> DraftAsync(Caller caller, DraftOrderRequest request, BlockDraft draft,
        OrderSignature signature, CancellationToken ct) =>
        writes.ExecutePerPersonAsync(caller, request.Reference, OrderSigning.WithoutSignature(request),
            async (write, ct) =>
        {
            // 1. The policy enables the class, and the reason is in the table, valid today and for this class.
            await RequireEnabledAsync(write.Db, draft.Class, ct);
            var today = DateOnly.FromDateTime(time.Now());
            var reason = await write.Db.OrderReasons.AsNoTracking().FirstOrDefaultAsync(
                r => r.Code == draft.Reason && r.OrderClass == draft.Class && r.ValidFrom <= today
                && (r.ValidUntil == null || r.ValidUntil >= today), ct);
            if (reason is null) throw await ReasonUnknownAsync(write.Db, draft, today, ct);

            Inputs.Require(draft.ExpiresAt is null || draft.ExpiresAt > time.Now(), "expires_at",
                "a time later than now");
            var superseded = draft.Supersedes is 0 ? null : await FindAsync(write.Db, draft.Supersedes, ct);
            if (superseded is not null)
            {
                RequireChangeable(superseded, OrderAction.Lift);
                Inputs.Require(draft.EffectiveAt is null, "effective_at",
                    "none: an order that takes another's place starts when it is approved");
            }

            SyncPoints.Reached(SyncPoint.DraftJudged);

            // 2. The draft, its subjects, and the siblings they have now; later siblings are added when the order is
            // armed.
            var order = new OrderRow
            {
                Action = OrderAction.Block, OrderClass = draft.Class, State = OrderState.PendingApproval,
                Reason = draft.Reason, CheckReason = reason.CheckReason,
                Basis = request.Basis, Reference = request.Reference, DraftedBy = (long)caller.ActorId,
                DraftedAt = time.Now(),
                EffectiveAt = draft.EffectiveAt, ExpiresAt = draft.ExpiresAt, Evidence = draft.Evidence,
                DraftDigest = signature.DraftDigest, NoticeWaiver = request.NoticeWaiver,
                Against = superseded?.Number, AgainstDraftedBy = superseded?.DraftedBy,
                AgainstApprovedBy = superseded?.ApprovedBy,
            };
            write.Db.Orders.Add(order);
            await write.Db.SaveChangesAsync(ct);
            var imeis = await OrderEffects.CoverAsync(write, order, draft.Subjects, ct);

            // 3. The journal entry: drafter, draft and basis.
            Stage(write, order, JournalKind.OrderDrafted, signature.Step(order.Number), new OrderDraftedPrivate
            {
                Block = request, ImeiDeltas = { JournalEntryRules.ToDeltas(imeis.Order().Select(i => (ulong)i)) },
            });
            await write.Db.SaveChangesAsync(ct);
            SyncPoints.Reached(SyncPoint.DraftSaved);
            return new DraftOrderResponse { Order = await order.ToSummaryAsync(write.Db, ct) };
        }, ct);

    /// <summary>Drafts an order action against an order.</summary>
    public Task<DraftOrderActionResponse> DraftOrderActionAsync(Caller caller, DraftOrderActionRequest request,
        OrderAction action,
        byte[][] evidence, OrderSignature signature, CancellationToken ct) =>
        writes.ExecutePerPersonAsync(caller, request.Reference, OrderSigning.WithoutSignature(request),
            async (write, ct) =>
        {
            var target = await FindAsync(write.Db, request.OrderNumber.ToKey(), ct);
            RequireChangeable(target, action);
            var appeal = request.AppealNumber is 0 ? null
                : await AppealWorkflow.FindForOrderActionAsync(write.Db, request.AppealNumber, target.Number, action,
                    ct);
            var orderAction = new OrderRow
            {
                Action = action, OrderClass = target.OrderClass, State = OrderState.PendingApproval,
                Reason = target.Reason, CheckReason = target.CheckReason,
                Basis = request.Basis, Reference = request.Reference, DraftedBy = (long)caller.ActorId,
                DraftedAt = time.Now(), Evidence = evidence, DraftDigest = signature.DraftDigest,
                Against = target.Number, AgainstDraftedBy = target.DraftedBy, AgainstApprovedBy = target.ApprovedBy,
                Appeal = appeal?.Number,
            };
            write.Db.Orders.Add(orderAction);
            await write.Db.SaveChangesAsync(ct);
            SyncPoints.Reached(SyncPoint.DraftSaved);
            Stage(write, orderAction, JournalKind.OrderDrafted, signature.Step(orderAction.Number),
                new OrderDraftedPrivate { Action = request });
            return new DraftOrderActionResponse { Order = await orderAction.ToSummaryAsync(write.Db, ct) };
        }, ct);

    /// <summary>Approves a draft of a block order or an order action. Its effect is part of the same
    /// transaction.</summary>
    public async Task<ApproveOrderResponse> ApproveAsync(Caller caller, ApproveOrderRequest request,
        OrderSignature signature, CancellationToken ct)
    {
        var answer = await writes.ExecutePerPersonAsync(caller, request.Reference,
            OrderSigning.WithoutSignature(request),
            async (write, ct) =>
        {
            // 1. Lock the order. It must be PENDING_APPROVAL.
            var order = await LockAsync(write, request.OrderNumber, ct);
            RequirePending(order);
            Inputs.Require(order.DraftDigest.AsSpan().SequenceEqual(signature.DraftDigest), "draft_digest",
                "the digest of this draft, computed from what GetDraft tells");
            Inputs.Require(signature.Against == (ulong)(order.Against ?? 0), "against",
                $"{order.Against ?? 0}, as the draft says");

            // 2. Approver and drafter are two people. If the draft changes another order, the approver also neither
            // drafted nor approved that one (always for a superseding order; for an order action if the target has
            // class A to D).
            await write.Db.RequireAnotherPersonAsync(caller, [order.DraftedBy],
                $"You drafted order {order.Number}; another person must approve it.", ct);
            if (order.Against is { } against
                && (order.Action is OrderAction.Block || OrderLifeCycle.NeedsFourPeople(order.OrderClass)))
                await write.Db.RequireAnotherPersonAsync(
                    caller, [order.AgainstDraftedBy!.Value, order.AgainstApprovedBy!.Value],
                    $"You drafted or approved order {against}; what changes it must be approved by someone who did " +
                    $"neither.", ct);
            if (order.ExpiresAt <= time.Now())
                throw new RegistryException(RegistryError.WrongState,
                    $"Order {order.Number} would have ended at {order.ExpiresAt:yyyy-MM-dd HH:mm:ss} UTC already. " +
                    $"Draft a new one.", "order_number", "an order whose end is ahead");

            SyncPoints.Reached(SyncPoint.ApprovalJudged);
            order.ApprovedBy = (long)caller.ActorId;
            order.ApprovedAt = time.Now();
            Stage(write, order, JournalKind.OrderApproved, signature.Step(order.Number));

            // 3. The effect of the approval.
            if (order.Action is not OrderAction.Block) await ChangeTargetAsync(write, order, ct);
            else if (OrderLifeCycle.NeedsNotice(order.OrderClass) && order.NoticeAt is null) order.State =
                OrderState.Approved;
            else await ArmAsync(write, order, ct);
            await write.Db.SaveChangesAsync(ct);
            SyncPoints.Reached(SyncPoint.ApprovalEffected);
            return new ApproveOrderResponse { Order = await order.ToSummaryAsync(write.Db, ct) };
        }, ct);
        clock.Wake();
        return answer;
    }

    public Task<RejectOrderResponse> RejectAsync(Caller caller, RejectOrderRequest request, CancellationToken ct) =>
        writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var order = await LockAsync(write, request.OrderNumber, ct);
            RequirePending(order);
            await write.Db.RequireAnotherPersonAsync(caller, [order.DraftedBy],
                $"You drafted order {order.Number}; withdraw it, or let another person reject it.", ct);
            End(order, caller, OrderState.Rejected, request.Reason);
            Stage(write, order, JournalKind.OrderRejected, new OrderStep { OrderNumber = (ulong)order.Number },
                new OrderEndedPrivate { Reason = request.Reason });
            await write.Db.SaveChangesAsync(ct);
            return new RejectOrderResponse { Order = await order.ToSummaryAsync(write.Db, ct) };
        }, ct);

    /// <summary>Withdraws an order before it is in force.</summary>
    public Task<WithdrawOrderResponse> WithdrawAsync(Caller caller, WithdrawOrderRequest request,
        CancellationToken ct) =>
        writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var order = await LockAsync(write, request.OrderNumber, ct);
            if (order.State is OrderState.PendingApproval && order.DraftedBy != (long)caller.ActorId)
                throw new RegistryException(RegistryError.NotTheDrafter,
                    $"Order {order.Number} is another person's draft: reject it, or let its drafter withdraw it.",
                    "order_number", "a draft of your own");

            var starts = order.State is OrderState.Armed && order.EffectiveAt <= time.Now();
            if (starts || order.State is not (OrderState.PendingApproval or OrderState.Approved or OrderState.Armed))
                throw new RegistryException(RegistryError.WrongState,
                    $"Order {order.Number} is {(starts ? Word(OrderState.InForce) : Word(order.State))}; only what " +
                    $"blocks nobody yet can be withdrawn. An order in force is lifted.", "order_number",
                    "an order that is not in force yet");

            // The entry reaches all nodes; a node that does not hold the order ignores it.
            End(order, caller, OrderState.Withdrawn, request.Reason);
            Stage(write, order, JournalKind.OrderWithdrawn, new OrderStep { OrderNumber = (ulong)order.Number },
                new OrderEndedPrivate { Reason = request.Reason });
            await write.Db.SaveChangesAsync(ct);
            return new WithdrawOrderResponse { Order = await order.ToSummaryAsync(write.Db, ct) };
        }, ct);

    /// <summary>Records the proof of notice; this arms an order that is APPROVED.</summary>
    public async Task<RecordNoticeResponse> NoticeAsync(Caller caller, RecordNoticeRequest request, DateTime at,
        CancellationToken ct)
    {
        var answer = await writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var order = await LockAsync(write, request.OrderNumber, ct);
            Inputs.Require(at <= time.Now(), "notice.at", "a time that is not in the future");
            if (order.Action is not OrderAction.Block || !OrderLifeCycle.NeedsNotice(order.OrderClass)
                || order.NoticeAt is not null || order.State is not (OrderState.PendingApproval or OrderState.Approved))
                throw new RegistryException(RegistryError.WrongState,
                    $"Order {order.Number} waits for no proof of notice.", "order_number",
                    "an order of class D or E that has none");

            var notice = request.Notice;
            (order.NoticeReference, order.NoticeAt, order.NoticeChannel, order.NoticeEvidence, order.NoticedBy) =
                (notice.Reference, at, notice.Channel, notice.Evidence.ToByteArray(), (long)caller.ActorId);
            Stage(write, order, JournalKind.OrderNoticeRecorded, new OrderStep { OrderNumber = (ulong)order.Number },
                notice);
            if (order.State is OrderState.Approved) await ArmAsync(write, order, ct);
            await write.Db.SaveChangesAsync(ct);
            SyncPoints.Reached(SyncPoint.NoticeRecorded);
            return new RecordNoticeResponse { Order = await order.ToSummaryAsync(write.Db, ct) };
        }, ct);
        clock.Wake();
        return answer;
    }

    /// <summary>The NOT_FOUND error for an order.</summary>
    public static RegistryException NoOrder(ulong number, string field = "order_number") =>
        new(RegistryError.NotFound, $"There is no order {number}.", field, "the number of an order");

    // Locks the subjects before it reads them, so that no unit is registered in between.
    private async Task ArmAsync(RegistryWrite write, OrderRow order, CancellationToken ct, OrderRow? vacating = null)
    {
        var now = time.Now();
        if (order.ExpiresAt <= now)
            throw new RegistryException(RegistryError.WrongState,
                $"Order {order.Number} ended at {order.ExpiresAt:yyyy-MM-dd HH:mm:ss} UTC already. Draft a new one.",
                "order_number", "an order whose end is ahead");
        await RequireEnabledAsync(write.Db, order.OrderClass, ct);

        // A superseding order covers every subject of the superseded one, so that no device is unblocked unnoticed.
        // Nodes receive the new order first.
        var old = order is { Against: { } superseded, ChangedBy: null } && order.State is not OrderState.Stayed
            ? await LockAsync(write, (ulong)superseded, ct) : null;
        if (old is not null) RequireChangeableNow(old, OrderAction.Lift, now);

        var hasBegun = order.EffectiveAt is null || order.EffectiveAt <= now;
        order.State = hasBegun ? OrderState.InForce : OrderState.Armed;
        if (hasBegun) order.InForceAt = now;
        order.EnforcedAt = null;
        await OrderEffects.ArmAsync(write, order, vacating, ct);
        if (old is null) return;

        await write.Db.SaveChangesAsync(ct);
        if (!await OrderEffects.CoversAsync(write.Db, order.Number, old.Number, ct))
            throw new RegistryException(RegistryError.WrongState,
                $"Order {old.Number} covers more than order {order.Number}, which would take its place. Draft one " +
                $"that names all of it, or lift the other.", "order_number",
                "an order that covers all that the one it supersedes does");
        (old.State, old.ChangedBy, old.EndedAt) = (OrderState.Lifted, order.Number, now);
        Stage(write, old, JournalKind.OrderLifted,
            new OrderLifted
            {
                OrderNumber = (ulong)old.Number, LiftingOrderNumber = (ulong)order.Number,
                At = Timestamp.FromDateTime(now)
            });
    }

    private async Task ChangeTargetAsync(RegistryWrite write, OrderRow orderAction, CancellationToken ct)
    {
        var target = await LockAsync(write, (ulong)orderAction.Against!.Value, ct);
        var now = time.Now();
        RequireChangeableNow(target, orderAction.Action, now);
        if (orderAction is { Action: OrderAction.Stay, Appeal: { } appeal })
            await AppealWorkflow.FindForOrderActionAsync(write.Db, (ulong)appeal, target.Number, orderAction.Action,
                ct);
        target.ChangedBy = orderAction.Number;
        orderAction.State = OrderState.Done;
        var ended = new OrderLifted
        {
            OrderNumber = (ulong)target.Number,
            LiftingOrderNumber = (ulong)orderAction.Number,
            At = Timestamp.FromDateTime(now)
        };
        switch (orderAction.Action)
        {
            case OrderAction.Lift:
                (target.State, target.EndedAt) = (OrderState.Lifted, now);
                Stage(write, target, JournalKind.OrderLifted, ended);
                break;
            case OrderAction.Stay:
                target.State = OrderState.Stayed;
                Stage(write, target, JournalKind.OrderStayed, ended);
                break;
            case OrderAction.Annul:
                (target.State, target.EndedAt) =
                    (OrderState.Annulled, target.EndedAt ?? (target.ExpiresAt <= now ? target.ExpiresAt : now));
                Stage(write, target, JournalKind.OrderAnnulled, ended);
                break;
            default:
                await ArmAsync(write, target, ct, vacating: orderAction);
                target.ChangedBy = null;                    // the target is not changed any more
                break;
        }
    }

    private void End(OrderRow order, Caller caller, OrderState state, string reason) =>
        (order.State, order.EndedBy, order.EndReason, order.EndedAt) =
            (state, (long)caller.ActorId, reason, time.Now());

    private static async Task<OrderRow> LockAsync(RegistryWrite write, ulong number, CancellationToken ct)
    {
        await write.LockOrderAsync(number.ToKey(), ct);
        SyncPoints.Reached(SyncPoint.ApprovalLocked);
        return await FindAsync(write.Db, number.ToKey(), ct);
    }

    private static void RequirePending(OrderRow order)
    {
        if (order.State is not OrderState.PendingApproval)
            throw new RegistryException(RegistryError.WrongState,
                $"Order {order.Number} is {Word(order.State)}; it waits for no approval.", "order_number",
                "an order that waits for approval");
    }

    private static void RequireChangeable(OrderRow target, OrderAction orderAction)
    {
        var states = OrderLifeCycle.ChangedBy(orderAction);
        if (target.Action is not OrderAction.Block || !states.Contains(target.State))
            throw new RegistryException(RegistryError.WrongState,
                $"Order {target.Number} is " +
                $"{(target.Action is OrderAction.Block ? Word(target.State) : "itself a measure")}; " +
                    $"{Phrase(orderAction)}.",
                "order_number", $"a block order that is {string.Join(" or ", states.Select(Word))}");
    }

    // A start or end that has passed counts, even if OrderClock has not recorded it yet.
    private static void RequireChangeableNow(OrderRow target, OrderAction orderAction, DateTime now)
    {
        RequireChangeable(target, orderAction);
        if (orderAction is not OrderAction.Annul && target.ExpiresAt <= now)
            throw new RegistryException(RegistryError.WrongState,
                $"Order {target.Number} ended at {target.ExpiresAt:yyyy-MM-dd HH:mm:ss} UTC by itself.", "order_number",
                "a measure against an order whose end is ahead");
        if (target.State is OrderState.Armed && target.EffectiveAt <= now) target.InForceAt = target.EffectiveAt;
    }

    private static string Phrase(OrderAction orderAction) => orderAction switch
    {
        OrderAction.Lift => "only a block order in force can be lifted",
        OrderAction.Stay => "only a block order in force can be stayed",
        OrderAction.Vacate => "only a stay of a block order can be vacated",
        _ => "only a block order that was approved can be annulled, once",
    };

    private static async Task RequireEnabledAsync(RegistryContext db, OrderClass rank, CancellationToken ct)
    {
        if (rank is OrderClass.D && !(await PolicyCommands.InForceAsync(db, ct)).FinanceDeviceBlockEnabled)
            throw new RegistryException(
                RegistryError.ClassDisabled,
                "The policy in force does not allow orders of class D. Nothing was changed.", "order_class",
                "a class that the policy allows (finance_device_block_enabled)");
    }

    private static async Task<RegistryException> ReasonUnknownAsync(RegistryContext db, BlockDraft draft,
        DateOnly today, CancellationToken ct)
    {
        var codes = await db.OrderReasons.AsNoTracking()
            .Where(r => r.OrderClass == draft.Class && r.ValidFrom <= today
            && (r.ValidUntil == null || r.ValidUntil >= today))
            .Select(r => r.Code).OrderBy(c => c).ToListAsync(ct);
        return new RegistryException(RegistryError.ReasonUnknown,
            $"Reason {Inputs.Quote(draft.Reason)} is not in the table for class {draft.Class} today. Nothing was " +
            $"drafted.", "reason", string.Join(" or ", codes));
    }

    private static async Task<OrderRow> FindAsync(RegistryContext db, long number, CancellationToken ct) =>
        await db.Orders.SingleOrDefaultAsync(o => o.Number == number, ct) ?? throw NoOrder((ulong)number);

    private static void Stage(RegistryWrite write, OrderRow order, JournalKind kind, IMessage publicPart,
        IMessage? privatePart = null) =>
        write.Stage(kind, publicPart, privatePart, (SubjectKind.Order, order.Number));

    private static string Word(OrderState state) => StatusMapping.UpperSnake(state.ToString());
}
