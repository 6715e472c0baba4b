using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Parties.Changes;

/// <summary>Records TAC mandates of a party.</summary>
internal sealed class TacMandateChange : ProposedChange
{
    private readonly PutTacMandateRequest _request;
    private readonly List<int> _tacs;
    private readonly (DateOnly From, DateOnly Until) _days;
    private readonly byte[] _document;

    public TacMandateChange(PutTacMandateRequest request)
    {
        _request = request;
        Inputs.Require(request.Tacs.Count is >= 1 and <= 1000, "tacs", "1 to 1000 TACs");
        _tacs = [.. request.Tacs.Select((text, i) => (int)Inputs.Tac($"tacs[{i}]", text).Value).Distinct()];
        _days = Inputs.Days(request.ValidFrom, request.ValidUntil);
        Inputs.Printable("brand_owner", request.BrandOwner, 100);
        if (request.TacHolder.Length > 0) Inputs.Printable("tac_holder", request.TacHolder, 100);
        _document = Inputs.Digest("document_hash", request.DocumentHash.Span);
    }

    /// <inheritdoc/>
    public override ChangeKind Kind => ChangeKind.TacMandate;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Subjects => [.. _tacs.Select(t => $"{_request.Party} {t}")];

    /// <inheritdoc/>
    public override Task ValidateAsync(RegistryContext db, CancellationToken ct) => db.PartyAsync(_request.Party, ct);

    /// <inheritdoc/>
    public override async Task<ulong> ApplyAsync(RegistryWrite write, long proposer, CancellationToken ct)
    {
        var party = await write.Db.PartyAsync(_request.Party, ct);
        var holder = _request.TacHolder.Length > 0 ? _request.TacHolder : _request.BrandOwner;
        var known = await write.Db.TacMandates.Where(m => m.PartyId == party.Id && _tacs.Contains(m.Tac))
            .ToDictionaryAsync(m => m.Tac, ct);
        foreach (var tac in _tacs)
        {
            if (!known.TryGetValue(tac, out var mandate))
                write.Db.TacMandates.Add(
                    mandate = new TacMandateRow
                    {
                        Tac = tac, PartyId = party.Id, BrandOwner = _request.BrandOwner,
                        TacHolder = holder, DocumentHash = _document
                    });
            (mandate.BrandOwner, mandate.TacHolder, mandate.DocumentHash) = (_request.BrandOwner, holder, _document);
            (mandate.ValidFrom, mandate.ValidUntil) = _days;
        }

        write.Stage(JournalKind.TacMandateChanged, new RightChanged { PartyId = (ulong)party.Id }, _request);
        return 0;
    }
}
