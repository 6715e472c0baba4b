using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using AuthorizationKind = DeviceRegistry.Postgres.Schema.AuthorizationKind;
using AuthorizationState = DeviceRegistry.Postgres.Schema.AuthorizationState;

namespace DeviceRegistry.Registrar.Parties.Changes;

/// <summary>Registers or changes an authorization.</summary>
internal sealed class AuthorizationChange : ProposedChange
{
    private readonly PutAuthorizationRequest _request;
    private readonly string _number;
    private readonly AuthorizationKind _kind;
    private readonly AuthorizationState _state;
    private readonly (DateOnly From, DateOnly Until) _days;

    public AuthorizationChange(PutAuthorizationRequest request)
    {
        _request = request;
        _number = Inputs.Printable("number", request.Number, 64);
        _kind = Inputs.Choice<Contracts.V1.AuthorizationKind, AuthorizationKind>("kind", request.Kind);
        Inputs.Require(request.State is not Contracts.V1.AuthorizationState.Expired, "state",
            "ACTIVE, SUSPENDED or REVOKED; expiry follows from valid_until");
        _state = Inputs.Choice<Contracts.V1.AuthorizationState, AuthorizationState>("state", request.State);
        _days = Inputs.Days(request.ValidFrom, request.ValidUntil);
        Inputs.Printable("legal_basis", request.LegalBasis, 500);
        Inputs.Require(request.QuotaUnits <= 1_000_000_000_000, "quota_units",
            "at most 1000000000000 units; 0 for no limit");
    }

    /// <inheritdoc/>
    public override ChangeKind Kind => ChangeKind.Authorization;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Subjects => [_number];

    /// <inheritdoc/>
    public override Task ValidateAsync(RegistryContext db, CancellationToken ct) => FindAsync(db, ct);

    /// <inheritdoc/>
    public override async Task<ulong> ApplyAsync(RegistryWrite write, long proposer, CancellationToken ct)
    {
        var (party, right) = await FindAsync(write.Db, ct);
        if (right is null) write.Db.Authorizations.Add(
            right = new AuthorizationRow { Number = _number, PartyId = party.Id, LegalBasis = _request.LegalBasis });
        (right.Kind, right.State, right.LegalBasis, right.QuotaUnits) =
            (_kind, _state, _request.LegalBasis, (long)_request.QuotaUnits);
        (right.ValidFrom, right.ValidUntil) = _days;
        write.Stage(JournalKind.AuthorizationChanged, new RightChanged { PartyId = (ulong)party.Id }, _request);
        return 0;
    }

    private async Task<(PartyRow Party, AuthorizationRow? Right)> FindAsync(RegistryContext db, CancellationToken ct)
    {
        var party = await db.PartyAsync(_request.Party, ct);
        var right = await db.Authorizations.SingleOrDefaultAsync(a => a.Number == _number, ct);
        Inputs.Require(right is null || right.PartyId == party.Id, "party", "its holder, who cannot change");
        if (right is { State: AuthorizationState.Revoked })
            throw new RegistryException(RegistryError.WrongState,
                $"Authorization {_number} is REVOKED, for ever. Register another under a number of its own.", "number",
                "an authorization that is not revoked");
        return (party, right);
    }
}
