using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Registrar.Parties.Changes;
using DeviceRegistry.Registrar.Registration;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.EntityFrameworkCore;
using ActorKind = DeviceRegistry.Contracts.V1.ActorKind;
using AuthorizationState = DeviceRegistry.Contracts.V1.AuthorizationState;
using PartyKind = DeviceRegistry.Contracts.V1.PartyKind;

namespace DeviceRegistry.Registrar.Parties;

/// <summary>gRPC service for parties, persons, nodes and rights.</summary>
internal sealed class PartiesService(ChangeApproval changes, Database reads, TimeProvider time)
    : Contracts.V1.PartiesService.PartiesServiceBase
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
                return new WhoAmIResponse
                {
                    Actor = actor.Name, ActorKind = (ActorKind)actor.Kind, Party = party.Name,
                    PartyKind = (PartyKind)party.Kind
                };
            },
            context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<PutPartyResponse> PutParty(PutPartyRequest request, ServerCallContext context) =>
        changes.ProposeAsync(
        CallSession.Of(context).Caller, request.Reference, request, new Change { Party = request }, n =>
            new PutPartyResponse { ChangeNumber = n }, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<PutActorResponse> PutActor(PutActorRequest request, ServerCallContext context) =>
        changes.ProposeAsync(
        CallSession.Of(context).Caller, request.Reference, request, new Change { Actor = request }, n =>
            new PutActorResponse { ChangeNumber = n }, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<PutAuthorizationResponse> PutAuthorization(PutAuthorizationRequest request,
        ServerCallContext context) => changes.ProposeAsync(
        CallSession.Of(context).Caller, request.Reference, request, new Change { Authorization = request }, n =>
            new PutAuthorizationResponse { ChangeNumber = n }, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<PutTacMandateResponse> PutTacMandate(PutTacMandateRequest request,
        ServerCallContext context) => changes.ProposeAsync(
        CallSession.Of(context).Caller, request.Reference, request, new Change { TacMandate = request }, n =>
            new PutTacMandateResponse { ChangeNumber = n }, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ListPartiesResponse> ListParties(ListPartiesRequest request, ServerCallContext context)
    {
        var (size, after) = (Inputs.PageSize(request.PageSize), Inputs.NameOrNone("after_name", request.AfterName));
        return reads.ReadAsync(
            async (db, ct) =>
            {
                var rows = await db.Parties.AsNoTracking().Where(p => string.Compare(p.Name, after) > 0)
                    .OrderBy(p => p.Name).Take(size + 1).ToListAsync(ct);
                return new ListPartiesResponse
                {
                    Parties = { rows.Take(size).Select(p =>
                        new PartyRecord { Name = p.Name, PartyId = (ulong)p.Id, Kind = (PartyKind)p.Kind,
                        State = StateOf(p.Active), Plmns = { p.Plmns } }) },
                    More = rows.Count > size,
                };
            },
            context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<ListActorsResponse> ListActors(ListActorsRequest request, ServerCallContext context)
    {
        var (size, after, ofParty) = (Inputs.PageSize(request.PageSize),
            Inputs.NameOrNone("after_name", request.AfterName), Inputs.NameOrNone("party", request.Party));
        var kind = Inputs.ChoiceOrAny<ActorKind, Core.ActorKind>("kind", request.Kind);
        return reads.ReadAsync(
            async (db, ct) =>
            {
                var rows = await (from a in db.Actors
                                  join p in db.Parties on a.PartyId equals p.Id
                                  where string.Compare(a.Name, after) > 0 && (ofParty == "" || p.Name == ofParty)
                                      && (kind == null || a.Kind == kind)
                                  orderby a.Name
                                  select new
                                  {
                                      Actor = a, Party = p.Name,
                                      Node = db.NodePositions.FirstOrDefault(n => n.ActorId == a.Id)
                                  }).AsNoTracking()
                                      .Take(size + 1).ToListAsync(ct);
                return new ListActorsResponse
                {
                    Actors =
                    {
                        rows.Take(size).Select(r => new ActorRecord
                        {
                            Name = r.Actor.Name, ActorId = (ulong)r.Actor.Id, Party = r.Party,
                            Kind = (ActorKind)r.Actor.Kind, State = StateOf(r.Actor.Active),
                            KeyDigest = ByteString.CopyFrom(Convert.FromHexString(r.Actor.Key)), Node = r.Node is null
                            ? null : StatusOf(r.Node),
                        }),
                    },
                    More = rows.Count > size,
                };
            },
            context.CancellationToken);
    }

    private static NodeStatusReport StatusOf(Postgres.Schema.NodePositionRow node) => new()
    {
        Position = (ulong)node.Position,
        ReportedAt = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTime(node.ReportedAt),
        ClockMeasured = node.ClockSkewMs is not null, ClockSkewMs = node.ClockSkewMs ?? 0,
        ClockUncertaintyMs = node.ClockUncertaintyMs ?? 0,
    };

    /// <inheritdoc/>
    public override Task<ListAuthorizationsResponse> ListAuthorizations(ListAuthorizationsRequest request,
        ServerCallContext context)
    {
        var size = Inputs.PageSize(request.PageSize);
        var after = request.AfterNumber.Length is 0 ? "" : Inputs.Printable("after_number", request.AfterNumber, 64);
        var (own, ofParty) = Scope.Of(CallSession.Of(context).Caller, request.Party);
        var today = DateOnly.FromDateTime(time.Now());
        return reads.ReadAsync(
            async (db, ct) =>
            {
                var rows = await (from a in db.Authorizations
                                  join p in db.Parties on a.PartyId equals p.Id
                                  where string.Compare(a.Number, after) > 0 && (own == null || p.Id == own)
                                      && (ofParty == "" || p.Name == ofParty)
                                  orderby a.Number
                                  select new
                                  {
                                      Right = a, Party = p.Name,
                                      Units = db.Batches.Where(b => b.AuthorizationNumber == a.Number
                                      && b.State >= Postgres.Schema.BatchState.Valid).Sum(b => (long)b.Units),
                                  }).AsNoTracking().Take(size + 1).ToListAsync(ct);
                return new ListAuthorizationsResponse
                {
                    Authorizations =
                    {
                        rows.Take(size).Select(r => new AuthorizationRecord
                        {
                            Number = r.Right.Number, Party = r.Party, Kind = (AuthorizationKind)r.Right.Kind,
                            ValidFrom = r.Right.ValidFrom.ToWire(), ValidUntil = r.Right.ValidUntil.ToWire(),
                            State = r.Right.State is Postgres.Schema.AuthorizationState.Active
                            && r.Right.ValidUntil < today ? AuthorizationState.Expired
                            : (AuthorizationState)r.Right.State,
                            LegalBasis = r.Right.LegalBasis, QuotaUnits = (ulong)r.Right.QuotaUnits,
                            Units = (ulong)r.Units,
                        }),
                    },
                    More = rows.Count > size,
                };
            },
            context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<ListTacMandatesResponse> ListTacMandates(ListTacMandatesRequest request,
        ServerCallContext context)
    {
        var size = Inputs.PageSize(request.PageSize);
        var (own, ofParty) = Scope.Of(CallSession.Of(context).Caller, request.Party);
        var afterParty = Inputs.NameOrNone("after_party", request.AfterParty);
        var after = request.AfterTac.Length is 0 ? -1 : (int)Inputs.Tac("after_tac", request.AfterTac).Value;
        return reads.ReadAsync(
            async (db, ct) =>
            {
                var rows = await (from m in db.TacMandates
                                  join p in db.Parties on m.PartyId equals p.Id
                                  where (m.Tac > after || (m.Tac == after && afterParty != ""
                                      && string.Compare(p.Name, afterParty) > 0))
                                      && (own == null || p.Id == own) && (ofParty == "" || p.Name == ofParty)
                                  orderby m.Tac, p.Name
                                  select new { Mandate = m, Party = p.Name }).AsNoTracking().Take(size + 1)
                                      .ToListAsync(ct);
                return new ListTacMandatesResponse
                {
                    Mandates =
                    {
                        rows.Take(size).Select(r => new TacMandateRecord
                        {
                            Tac = new Tac((uint)r.Mandate.Tac).ToString(), Party = r.Party,
                            BrandOwner = r.Mandate.BrandOwner, TacHolder = r.Mandate.TacHolder,
                            ValidFrom = r.Mandate.ValidFrom.ToWire(), ValidUntil = r.Mandate.ValidUntil.ToWire(),
                            DocumentHash = ByteString.CopyFrom(r.Mandate.DocumentHash),
                        }),
                    },
                    More = rows.Count > size,
                };
            },
            context.CancellationToken);
    }

    private static MembershipState StateOf(bool active) => active ? MembershipState.Active : MembershipState.Retired;
}

/// <summary>gRPC service for the policy.</summary>
internal sealed class PolicyService(PolicyCommands commands) : Contracts.V1.PolicyService.PolicyServiceBase
{
    /// <inheritdoc/>
    public override Task<GetPolicyResponse> GetPolicy(GetPolicyRequest request, ServerCallContext context) =>
        commands.GetAsync(context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ProposePolicyResponse> ProposePolicy(ProposePolicyRequest request,
        ServerCallContext context) =>
        commands.ProposeAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ApprovePolicyResponse> ApprovePolicy(ApprovePolicyRequest request,
        ServerCallContext context) =>
        commands.ApproveAsync(CallSession.Of(context).Caller, request, context.CancellationToken);
}
