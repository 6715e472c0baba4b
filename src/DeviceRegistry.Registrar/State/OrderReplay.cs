using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf.WellKnownTypes;
using CheckReason = DeviceRegistry.Core.CheckReason;
using OrderAction = DeviceRegistry.Core.OrderAction;
using OrderClass = DeviceRegistry.Core.OrderClass;
using OrderState = DeviceRegistry.Core.OrderState;

namespace DeviceRegistry.Registrar.State;

/// <summary>Replays entries about orders: each step changes the row as <see cref="Orders.OrderWorkflow"/> and
/// <see cref="Orders.OrderClock"/> do.</summary>
internal sealed class OrderReplay(IReadOnlyList<OrderReasonRow> reasons)
{
    // Signed drafts of block orders that may still be armed, some 500 bytes each.
    private readonly Dictionary<ulong, DraftOrderRequest> _signed = [];

    public async Task TakeAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        switch (entry.Kind)
        {
            case JournalKind.OrderDrafted:
                await DraftAsync(page, entry, ct);
                break;
            case JournalKind.OrderApproved:
                var approved = page.Order(entry.Read(OrderStep.Parser).OrderNumber);
                (approved.ApprovedBy, approved.ApprovedAt) = (entry.Actor, entry.At);
                // the entry that arms it follows
                approved.State = approved.Action is OrderAction.Block ? OrderState.Approved : OrderState.Done;
                break;
            case JournalKind.OrderArmed:
                Arm(page, entry);
                break;
            case JournalKind.OrderPairsArmed:
                ArmPairs(page, entry);
                break;
            case JournalKind.OrderLifted or JournalKind.OrderStayed or JournalKind.OrderAnnulled:
                await EndAsync(page, entry, ct);
                break;
            case JournalKind.OrderRejected or JournalKind.OrderWithdrawn:
                var ended = page.Order(entry.Read(OrderStep.Parser).OrderNumber);
                ended.State = entry.Kind is JournalKind.OrderRejected ? OrderState.Rejected : OrderState.Withdrawn;
                _signed.Remove((ulong)ended.Number);
                (ended.EndedBy, ended.EndReason, ended.EndedAt) =
                    (entry.Actor, entry.ReadPrivate(OrderEndedPrivate.Parser).Reason, entry.At);
                if (entry.IsErased) page.Erase("orders", ended.Number);
                break;
            case JournalKind.OrderNoticeRecorded:
                Notice(page, entry);
                break;
            default:
                Instant(page, entry);
                break;
        }
    }

    private async Task DraftAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        var step = entry.Read(OrderStep.Parser);
        var number = step.OrderNumber;
        if (page.OrderOrNone(number) is not null) throw new StateMismatchException(
            $"order {number} was drafted before");

        var order = new OrderRow
        {
            Number = number.ToKey(), Action = OrderAction.Block, State = OrderState.PendingApproval, Reason = "",
            Basis = "", Reference = "", DraftedBy = entry.Actor, DraftedAt = entry.At,
            DraftDigest = step.DraftDigest.ToByteArray(),
        };
        page.Db.Orders.Add(order);
        var message = entry.ReadPrivate(OrderDraftedPrivate.Parser);
        if (entry.IsErased)
        {
            page.Erase("orders", order.Number);
            page.Erase("order_items", order.Number);
        }
        else if (message.Action is { } measure) await MeasureAsync(page, order, measure, ct);
        else await BlockAsync(page, order, message, ct);

        // The private part must equal what the drafter signed; a rewritten one does not.
        if (!entry.IsErased && step.Signature is not null
            && !(OrderSigning.DraftDigest(message.Block, message.Action) is { } signed
            && step.DraftDigest.Span.SequenceEqual(signed)))
            throw new StateMismatchException($"what the draft of order {number} says is not what was signed");
    }

    private async Task BlockAsync(ReplayPage page, OrderRow order, OrderDraftedPrivate message, CancellationToken ct)
    {
        var block = message.Block ?? throw new StateMismatchException("it drafts nothing");
        (order.OrderClass, order.Reason, order.Basis, order.Reference, order.NoticeWaiver) =
            ((OrderClass)block.OrderClass, block.Reason, block.Basis, block.Reference, block.NoticeWaiver);
        (order.EffectiveAt, order.ExpiresAt) = (At(block.EffectiveAt), At(block.ExpiresAt));
        order.Evidence = [.. block.Evidence.Select(e => e.ToByteArray())];
        order.CheckReason = ReasonOf(order);
        if (block.Supersedes is not 0) await AgainstAsync(page, order, block.Supersedes, ct);
        _signed[(ulong)order.Number] = block;
        foreach (var imei in block.Imeis.Select((text, i) => Inputs.Imei($"imeis[{i}]", text).Value)) page.Named(
            order.Number, OrderItemKind.Imei, (long)imei);
        foreach (var unit in block.Units) page.Named(order.Number, unit);

        foreach (var imei in JournalEntryRules.FromDeltas(message.ImeiDeltas))
            Cover(page, order, OrderItemKind.Imei, (long)imei);
        foreach (var tac in block.Tacs) Cover(page, order, OrderItemKind.Tac, Inputs.Tac("tacs", tac).Value);
        var subjects = Orders.OrderSubjects.Read(block, order.OrderClass);
        foreach (var pair in subjects.Pairs.Where(p => p.Imei is not null))
        {
            page.Named(order.Number, OrderItemKind.Pair, (long)pair.Imei!.Value.Value, (long)pair.Pseudonym,
                pair.Operator);
            Cover(page, order, OrderItemKind.Pair, (long)pair.Imei.Value.Value, (long)pair.Pseudonym, pair.Operator);
        }

        foreach (var range in subjects.Ranges) Cover(page, order, OrderItemKind.Range, (long)range.First.Value,
            (long)range.Last.Value);
    }

    private static async Task MeasureAsync(ReplayPage page, OrderRow order, DraftOrderActionRequest measure,
        CancellationToken ct)
    {
        (order.Action, order.Basis, order.Reference) = ((OrderAction)measure.Action, measure.Basis, measure.Reference);
        order.Evidence = [.. measure.Evidence.Select(e => e.ToByteArray())];
        if (measure.AppealNumber > 0) order.Appeal = measure.AppealNumber.ToKey();
        var target = await AgainstAsync(page, order, measure.OrderNumber, ct);
        (order.OrderClass, order.Reason, order.CheckReason) = (target.OrderClass, target.Reason, target.CheckReason);
    }

    private static async Task<OrderRow> AgainstAsync(ReplayPage page, OrderRow order, ulong number,
        CancellationToken ct)
    {
        var target = await FindAsync(page, number, ct);
        (order.Against, order.AgainstDraftedBy, order.AgainstApprovedBy) =
            (target.Number, target.DraftedBy, target.ApprovedBy);
        return target;
    }

    private static async Task<OrderRow> FindAsync(ReplayPage page, ulong number, CancellationToken ct) =>
        page.OrderOrNone(number) ?? await page.Db.Orders.FindAsync([number.ToKey()], ct)
            ?? throw new StateMismatchException($"no entry before it drafted order {number}");

    private void Arm(ReplayPage page, ReplayedEntry entry)
    {
        var message = entry.Read(OrderArmed.Parser);
        var order = page.Order(message.OrderNumber);
        var begun = At(message.InForceAt);
        order.State = begun is null ? OrderState.Armed : OrderState.InForce;
        if (begun is not null) order.InForceAt = begun;
        (order.EnforcedAt, order.ChangedBy, order.CheckReason) = (null, null, (CheckReason)message.CheckReason);
        foreach (var imei in JournalEntryRules.FromDeltas(message.ImeiDeltas)) Cover(page, order, OrderItemKind.Imei,
            (long)imei);

        // Other IMEIs of the same units may be armed too, and are compared with the units at the end; the rest must
        // equal the signed draft.
        if (_signed.TryGetValue(message.OrderNumber, out var draft)
            && ArmedRules.Differs(draft, message, out _) is { Length: > 0 } differs)
            throw new StateMismatchException($"what is armed is not what was drafted: {differs}");
    }

    private void ArmPairs(ReplayPage page, ReplayedEntry entry)
    {
        var message = entry.Read(OrderPairsArmed.Parser);
        var order = page.Order(message.OrderNumber);
        if (entry.IsErased)
        {
            page.Erase("order_items", order.Number);
            return;
        }

        var pairs = entry.ReadPrivate(OrderPairs.Parser);
        foreach (var pair in pairs.Pairs.Where(p => p.Identity.Length is 0)) Cover(page, order, OrderItemKind.Pair,
            (long)pair.Imei, (long)pair.Pseudonym, message.OperatorPartyId.ToKey());
        if (_signed.TryGetValue(message.OrderNumber, out var draft)
            && ArmedRules.Differs(draft, message, pairs, out _) is { Length: > 0 } differs)
            throw new StateMismatchException($"what is armed is not what was drafted: {differs}");
    }

    private async Task EndAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        var message = entry.Read(OrderLifted.Parser);
        var order = page.Order(message.OrderNumber);
        var by = await FindAsync(page, message.LiftingOrderNumber, ct);
        var at = At(message.At) ?? throw new StateMismatchException("it has no time");

        // An order action ends the wait for the start if the start has passed, whether or not that was recorded.
        if (order.State is OrderState.Armed && order.EffectiveAt <= at) order.InForceAt = order.EffectiveAt;
        if (entry.Kind is not JournalKind.OrderStayed) _signed.Remove(message.OrderNumber);
        order.ChangedBy = by.Number;
        (order.State, order.EndedAt) = entry.Kind switch
        {
            JournalKind.OrderLifted => (OrderState.Lifted, at),
            JournalKind.OrderStayed => (OrderState.Stayed, order.EndedAt),
            _ => (OrderState.Annulled, order.EndedAt ?? (order.ExpiresAt <= at ? order.ExpiresAt : at)),
        };
    }

    private static void Notice(ReplayPage page, ReplayedEntry entry)
    {
        var order = page.Order(entry.Read(OrderStep.Parser).OrderNumber);
        var notice = entry.ReadPrivate(Contracts.V1.Notice.Parser);
        (order.NoticeReference, order.NoticeAt, order.NoticeChannel, order.NoticeEvidence, order.NoticedBy) =
            (notice.Reference, At(notice.At), notice.Channel, notice.Evidence.ToByteArray(), entry.Actor);
        if (entry.IsErased) page.Erase("orders", order.Number);
    }

    private static void Instant(ReplayPage page, ReplayedEntry entry)
    {
        var message = entry.Read(OrderInstant.Parser);
        var order = page.Order(message.OrderNumber);
        switch (entry.Kind)
        {
            case JournalKind.OrderInForce:
                (order.State, order.InForceAt) = (OrderState.InForce, At(message.At));
                break;
            case JournalKind.OrderExpired:
                (order.State, order.EndedAt) = (OrderState.Lifted, At(message.At));
                break;
            default:
                (order.State, order.EnforcedAt) = (OrderState.Enforced, At(message.At));
                break;
        }
    }

    // From the table of reasons valid on that day; the entry that arms an order overrides it.
    private CheckReason ReasonOf(OrderRow order)
    {
        var day = DateOnly.FromDateTime(order.DraftedAt);
        return reasons.FirstOrDefault(r => r.Code == order.Reason && r.OrderClass == order.OrderClass
            && r.ValidFrom <= day && (r.ValidUntil is null || r.ValidUntil >= day))?.CheckReason ?? default;
    }

    private static void Cover(ReplayPage page, OrderRow order, OrderItemKind kind, long value, long detail = 0,
        long? party = null)
    {
        page.Added.OrderItems.AddRow(5);
        page.Added.OrderItems.AddBigint(order.Number);
        page.Added.OrderItems.AddSmallint((short)kind);
        page.Added.OrderItems.AddBigint(value);
        page.Added.OrderItems.AddBigint(detail);
        if (party is { } home) page.Added.OrderItems.AddBigint(home);
        else page.Added.OrderItems.AddNull();
    }

    // Truncated to the millisecond, the registry's precision of instants.
    private static DateTime? At(Timestamp? message) =>
        message is null ? null : DateTime.UnixEpoch.AddMilliseconds(message.Seconds * 1000 + message.Nanos / 1_000_000);
}
