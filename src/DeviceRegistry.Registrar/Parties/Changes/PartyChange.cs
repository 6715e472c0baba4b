using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.Registrar.Parties.Changes;

/// <summary>Registers, changes or retires a party.</summary>
internal sealed class PartyChange : ProposedChange
{
    private readonly PutPartyRequest _request;
    private readonly string _name;
    private readonly PartyKind _kind;
    private readonly bool _active;

    public PartyChange(PutPartyRequest request)
    {
        _request = request;
        _name = Inputs.Name("name", request.Name);
        _kind = Inputs.Choice<Contracts.V1.PartyKind, PartyKind>("kind", request.Kind);
        _active = Inputs.IsActive(request.State);
        Inputs.Require(request.Plmns.Count <= 16
            && request.Plmns.All(p => p.Length is 5 or 6 && p.All(char.IsAsciiDigit)), "plmns",
            "at most 16 codes of 5 or 6 digits");
        Inputs.Require(request.Plmns.Count is 0 || _kind is PartyKind.Operator, "plmns",
            "none for a party that is no operator");
    }

    /// <inheritdoc/>
    public override ChangeKind Kind => ChangeKind.Party;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Subjects => [_name];

    /// <inheritdoc/>
    public override Task ValidateAsync(RegistryContext db, CancellationToken ct) => FindAsync(db, ct);

    /// <inheritdoc/>
    public override async Task<ulong> ApplyAsync(RegistryWrite write, long proposer, CancellationToken ct)
    {
        var party = await FindAsync(write.Db, ct);
        if (party is null) write.Db.Parties.Add(party = new PartyRow { Name = _name, Kind = _kind });
        party.Active = _active;
        party.Plmns = [.. _request.Plmns];
        await write.Db.SaveChangesAsync(ct);
        write.Stage(
            JournalKind.PartyChanged,
            new PartyChanged
            {
                PartyId = (ulong)party.Id, Kind = _request.Kind, State = _request.State,
                Plmns = { _request.Plmns }
            },
            new PartyChangedPrivate { Name = _name });
        return (ulong)party.Id;
    }

    private async Task<PartyRow?> FindAsync(RegistryContext db, CancellationToken ct)
    {
        var party = await db.Parties.SingleOrDefaultAsync(p => p.Name == _name, ct);
        Inputs.Require(party is null || party.Kind == _kind, "kind", $"{party?.Kind}; it cannot change");
        return party;
    }
}
