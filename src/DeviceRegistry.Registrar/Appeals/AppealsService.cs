using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;
using Microsoft.EntityFrameworkCore;
using AppealDecision = DeviceRegistry.Core.AppealDecision;
using AppealForum = DeviceRegistry.Core.AppealForum;

namespace DeviceRegistry.Registrar.Appeals;

/// <summary>gRPC service for appeals: validates each request and passes it to <see cref="AppealWorkflow"/>.</summary>
internal sealed class AppealsService(AppealWorkflow workflow, Database reads, TimeProvider time)
    : Contracts.V1.AppealsService.AppealsServiceBase
{
    /// <inheritdoc/>
    public override Task<FileAppealResponse> FileAppeal(FileAppealRequest request, ServerCallContext context)
    {
        var forum = Inputs.Choice<Contracts.V1.AppealForum, AppealForum>("forum", request.Forum);
        Inputs.Printable("appellant", request.Appellant, 200);
        Inputs.Printable("grounds", request.Grounds, Limits.AppealTextMax);
        DateOnly? filedOn = request.FiledOn.Length is 0 ? null : Inputs.Date("filed_on", request.FiledOn);
        Inputs.Require(forum is not AppealForum.SupremeCourt || request.AfterAppeal > 0, "after_appeal",
            "the appeal that the tribunal decided: the Supreme Court hears none but against that");
        return workflow.FileAsync(CallSession.Of(context).Caller, request, forum, filedOn,
            Orders.OrdersService.Evidence(request.Evidence), context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<ReviewAppealResponse> ReviewAppeal(ReviewAppealRequest request, ServerCallContext context) =>
        workflow.ReviewAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<DecideAppealResponse> DecideAppeal(DecideAppealRequest request, ServerCallContext context)
    {
        var decision = Inputs.Choice<Contracts.V1.AppealDecision, AppealDecision>("decision", request.Decision);
        Inputs.Printable("findings", request.Findings, Limits.AppealTextMax);
        Inputs.Require(decision is AppealDecision.Reverse || request.ActionNumber is 0, "action_number",
            "none; only a reversal names what ended the order");
        Inputs.Require(decision is not AppealDecision.Reverse || request.ActionNumber > 0, "action_number",
            "the number of the lift or annulment that ended the order; two people sign it first");
        return workflow.DecideAsync(CallSession.Of(context).Caller, request, decision,
            Orders.OrdersService.Evidence(request.Evidence), context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<WithdrawAppealResponse> WithdrawAppeal(WithdrawAppealRequest request,
        ServerCallContext context)
    {
        Inputs.Printable("reason", request.Reason, Limits.AppealTextMax);
        return workflow.WithdrawAsync(CallSession.Of(context).Caller, request, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<GetAppealResponse> GetAppeal(GetAppealRequest request, ServerCallContext context) =>
        reads.ReadAsync(
            async (db, ct) =>
            {
                var appeal = await db.Appeals.AsNoTracking()
                    .SingleOrDefaultAsync(a => a.Number == request.AppealNumber.ToKey(), ct)
                    ?? throw AppealWorkflow.NoAppeal("appeal_number", request.AppealNumber);
                return new GetAppealResponse { Appeal = await appeal.ToSummaryAsync(db, time.Today(), ct) };
            },
            context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ListAppealsResponse> ListAppeals(ListAppealsRequest request, ServerCallContext context)
    {
        var query = AppealQuery.From(request, time.Today());
        return reads.ReadAsync(query.ListAsync, context.CancellationToken);
    }
}
