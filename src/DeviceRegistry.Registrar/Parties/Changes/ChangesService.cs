using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;
using Microsoft.EntityFrameworkCore;
using ChangeState = DeviceRegistry.Postgres.Schema.ChangeState;

namespace DeviceRegistry.Registrar.Parties.Changes;

/// <summary>gRPC service that lists, approves and rejects proposed changes.</summary>
internal sealed class ChangesService(ChangeApproval approval, Database reads)
    : Contracts.V1.ChangesService.ChangesServiceBase
{
    /// <inheritdoc/>
    public override Task<ApproveChangeResponse> ApproveChange(ApproveChangeRequest request,
        ServerCallContext context) =>
        approval.ApproveAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<RejectChangeResponse> RejectChange(RejectChangeRequest request, ServerCallContext context) =>
        approval.RejectAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ListChangesResponse> ListChanges(ListChangesRequest request, ServerCallContext context)
    {
        var (size, state) = (Inputs.PageSize(request.PageSize),
            Inputs.ChoiceOrAny<Contracts.V1.ChangeState, ChangeState>("state", request.State));
        return reads.ReadAsync(
            async (db, ct) =>
            {
                var changes = db.Changes.AsNoTracking();
                if (state is not null) changes = changes.Where(c => c.State == state);
                if (request.BeforeNumber > 0) changes = changes.Where(c => c.Number < request.BeforeNumber.ToKey());
                var rows = await changes.OrderByDescending(c => c.Number).Take(size + 1).ToListAsync(ct);
                return new ListChangesResponse
                {
                    Changes =
                    { await ChangeApproval.ToSummariesAsync(db, [.. rows.Take(size)], ct) }, More = rows.Count > size
                };
            },
            context.CancellationToken);
    }
}
