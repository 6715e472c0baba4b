using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;
using Google.Protobuf.WellKnownTypes;
using OrderAction = DeviceRegistry.Core.OrderAction;
using OrderClass = DeviceRegistry.Core.OrderClass;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>gRPC service for orders: validates each request and passes it to <see cref="OrderWorkflow"/>.</summary>
internal sealed class OrdersService(OrderWorkflow workflow, OrderDrafts drafts, OrderWatch watch,
    OrderSignatures signatures,
    Pseudonyms pseudonyms) : Contracts.V1.OrdersService.OrdersServiceBase
{
    /// <inheritdoc/>
    public override Task<DraftOrderResponse> DraftOrder(DraftOrderRequest request, ServerCallContext context)
    {
        var caller = CallSession.Of(context).Caller;
        var draft = Read(request);
        return workflow.DraftAsync(caller, request, draft, signatures.OfDraft(caller, request, request.Signature),
            context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<DraftOrderActionResponse> DraftOrderAction(DraftOrderActionRequest request,
        ServerCallContext context)
    {
        var action = Inputs.Choice<Contracts.V1.OrderAction, OrderAction>("action", request.Action);
        Inputs.Require(action is not OrderAction.Block, "action", "LIFT, STAY, VACATE or ANNUL");
        Inputs.Printable("basis", request.Basis, 500);
        var (caller, evidence) = (CallSession.Of(context).Caller, Evidence(request.Evidence));
        return workflow.DraftOrderActionAsync(caller, request, action, evidence,
            signatures.OfDraft(caller, request, request.Signature), context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<GetDraftResponse> GetDraft(GetDraftRequest request,
        ServerCallContext context) => drafts.GetAsync(request.OrderNumber, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ApproveOrderResponse> ApproveOrder(ApproveOrderRequest request, ServerCallContext context)
    {
        var caller = CallSession.Of(context).Caller;
        return workflow.ApproveAsync(caller, request, signatures.OfApproval(caller, request),
            context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<RejectOrderResponse> RejectOrder(RejectOrderRequest request, ServerCallContext context)
    {
        Inputs.Printable("reason", request.Reason, 500);
        return workflow.RejectAsync(CallSession.Of(context).Caller, request, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<WithdrawOrderResponse> WithdrawOrder(WithdrawOrderRequest request, ServerCallContext context)
    {
        Inputs.Printable("reason", request.Reason, 500);
        return workflow.WithdrawAsync(CallSession.Of(context).Caller, request, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<RecordNoticeResponse> RecordNotice(RecordNoticeRequest request, ServerCallContext context)
    {
        var notice = request.Notice ?? new Notice();
        Inputs.Printable("notice.reference", notice.Reference, 100);
        Inputs.Printable("notice.channel", notice.Channel, 100);
        Inputs.Digest("notice.evidence", notice.Evidence.Span);
        var at = Instant("notice.at", notice.At);
        Inputs.Require(at is not null, "notice.at", "when notice was given");
        return workflow.NoticeAsync(CallSession.Of(context).Caller, request, at!.Value, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task WatchOrder(WatchOrderRequest request, IServerStreamWriter<WatchOrderResponse> responseStream,
        ServerCallContext context) =>
        watch.WatchAsync(CallSession.Of(context), request.OrderNumber, responseStream, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<PseudonymizeSubscribersResponse> PseudonymizeSubscribers(
        PseudonymizeSubscribersRequest request, ServerCallContext context)
    {
        Inputs.Require(request.Imsis.Count is >= 1 and <= Limits.OrderSubjectsMax, "imsis",
            $"1 to {Limits.OrderSubjectsMax} IMSIs");
        var answer = new PseudonymizeSubscribersResponse();
        for (var i = 0; i < request.Imsis.Count; i++) answer.Subscribers.Add(
            await pseudonyms.OfAsync($"imsis[{i}]", request.Imsis[i], context.CancellationToken));
        return answer;
    }

    private static BlockDraft Read(DraftOrderRequest request)
    {
        var rank = Inputs.Choice<Contracts.V1.OrderClass, OrderClass>("order_class", request.OrderClass);
        var reason = Inputs.Printable("reason", request.Reason, 32);
        Inputs.Printable("basis", request.Basis, 500);
        var subjects = OrderSubjects.Read(request, rank);

        var effective = Instant("effective_at", request.EffectiveAt);
        var expires = Instant("expires_at", request.ExpiresAt);
        Inputs.Require(expires is null || effective is null || expires > effective, "expires_at",
            "a time later than effective_at");
        if (request.NoticeWaiver.Length > 0)
        {
            Inputs.Require(rank is OrderClass.A or OrderClass.B, "notice_waiver",
                "none; only orders of class A and B may do without notice");
            Inputs.Printable("notice_waiver", request.NoticeWaiver, 500);
        }

        return new BlockDraft(rank, reason, subjects, effective, expires, Evidence(request.Evidence),
            request.Supersedes.ToKey());
    }

    /// <summary>Validates SHA-256 digests of documents.</summary>
    internal static byte[][] Evidence(Google.Protobuf.Collections.RepeatedField<Google.Protobuf.ByteString> hashes)
    {
        Inputs.Require(hashes.Count <= Limits.EvidenceMax, "evidence", $"at most {Limits.EvidenceMax} digests");
        return [.. hashes.Select((hash, i) => Inputs.Digest($"evidence[{i}]", hash.Span))];
    }

    private static DateTime? Instant(string field, Timestamp? value)
    {
        if (value is null) return null;

        // The upper limit is one second before the last second of 9999, because the driver maps the last tick of 9999
        // to "infinity". Truncated to milliseconds, the precision of nodes.
        Inputs.Require(value.Seconds is >= 0 and < 253_402_300_799 && value.Nanos is >= 0 and < 1_000_000_000, field,
            "a time from 1970 to 9999-12-31T23:59:58; to have none, leave it out");
        return DateTime.UnixEpoch.AddMilliseconds(value.Seconds * 1000 + value.Nanos / 1_000_000);
    }
}

/// <summary>A validated draft of a block order.</summary>
internal sealed record BlockDraft(
    OrderClass Class, string Reason, OrderSubjects Subjects, DateTime? EffectiveAt, DateTime? ExpiresAt,
    byte[][] Evidence, long Supersedes);
