using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Parties;

/// <summary>The door to parties, people, nodes and rights.</summary>
internal sealed class PartiesService(PartyBook book, TableReads reads) : Contracts.V1.PartiesService.PartiesServiceBase
{
    /// <inheritdoc/>
    public override Task<WhoAmIResponse> WhoAmI(WhoAmIRequest request, ServerCallContext context)
    {
        var caller = CallSession.Of(context).Caller;
        return reads.ReadAsync(
            async (db, ct) =>
            {
                var actor = await db.Actors.AsNoTracking().SingleAsync(a => a.Id == (long)caller.ActorId, ct);
                var party = await db.Parties.AsNoTracking().SingleAsync(p => p.Id == actor.PartyId, ct);
                return new WhoAmIResponse { Actor = actor.Name, ActorKind = (ActorKind)actor.Kind, Party = party.Name, PartyKind = (PartyKind)party.Kind };
            },
            context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<PutPartyResponse> PutParty(PutPartyRequest request, ServerCallContext context) =>
        book.PutPartyAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<PutActorResponse> PutActor(PutActorRequest request, ServerCallContext context) =>
        book.PutActorAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<PutAuthorizationResponse> PutAuthorization(PutAuthorizationRequest request, ServerCallContext context) =>
        book.PutAuthorizationAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<PutTacMandateResponse> PutTacMandate(PutTacMandateRequest request, ServerCallContext context) =>
        book.PutTacMandateAsync(CallSession.Of(context).Caller, request, context.CancellationToken);
}

/// <summary>The door to policy.</summary>
internal sealed class PolicyService(PolicyBook book) : Contracts.V1.PolicyService.PolicyServiceBase
{
    /// <inheritdoc/>
    public override Task<GetPolicyResponse> GetPolicy(GetPolicyRequest request, ServerCallContext context) => book.GetAsync(context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ProposePolicyResponse> ProposePolicy(ProposePolicyRequest request, ServerCallContext context) =>
        book.ProposeAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ApprovePolicyResponse> ApprovePolicy(ApprovePolicyRequest request, ServerCallContext context) =>
        book.ApproveAsync(CallSession.Of(context).Caller, request, context.CancellationToken);
}
