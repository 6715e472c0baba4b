using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using ActorKind = DeviceRegistry.Core.ActorKind;
using AuthorizationKind = DeviceRegistry.Postgres.Schema.AuthorizationKind;
using AuthorizationState = DeviceRegistry.Postgres.Schema.AuthorizationState;
using ChangeState = DeviceRegistry.Postgres.Schema.ChangeState;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.Registrar.State;

/// <summary>Replays entries about members, their rights, and the changes of them that two people approved.</summary>
internal sealed class MemberReplay
{
    // The effect of a change is journalled directly after it; the proposer chose the key that it registers.
    private (ulong Position, long Proposer) _approved;

    public Task TakeAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct) => entry.Kind switch
    {
        JournalKind.PartyChanged => PartyAsync(page, entry, ct),
        JournalKind.ActorChanged => ActorAsync(page, entry, ct),
        JournalKind.AuthorizationChanged => AuthorizationAsync(page, entry, ct),
        JournalKind.TacMandateChanged => MandateAsync(page, entry, ct),
        JournalKind.ChangeProposed => ProposedAsync(page, entry),
        _ => DecidedAsync(page, entry),
    };

    private static async Task PartyAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        var message = entry.Read(PartyChanged.Parser);
        var row = await page.Db.Parties.FindAsync([message.PartyId.ToKey()], ct);
        if (row is null) page.Db.Parties.Add(row = new PartyRow { Id = message.PartyId.ToKey(), Name = "" });
        (row.Kind, row.Active, row.Plmns) =
            ((PartyKind)message.Kind, message.State is MembershipState.Active, [.. message.Plmns]);
        if (entry.IsErased) page.Erase("parties", row.Id);
        else row.Name = entry.ReadPrivate(PartyChangedPrivate.Parser).Name;
    }

    private async Task ActorAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        var message = entry.Read(ActorChanged.Parser);
        var row = await page.Db.Actors.FindAsync([message.ActorId.ToKey()], ct);
        if (row is null) page.Db.Actors.Add(row = new ActorRow { Id = message.ActorId.ToKey(), Name = "" });
        var key = Convert.ToHexString(message.KeyDigest.Span);
        var proposer = _approved.Position + 1 == entry.Position ? _approved.Proposer : 0;
        if (key.Length > 0 && key != row.Key && proposer is not 0 && proposer != row.Id
            && !row.KeySetBy.Contains(proposer)) row.KeySetBy = [.. row.KeySetBy, proposer];
        (row.PartyId, row.Kind, row.Active) =
            (message.PartyId.ToKey(), (ActorKind)message.Kind, message.State is MembershipState.Active);
        (row.Key, row.RevokedKeys) = (key, [.. message.RevokedKeyDigests.Select(d => Convert.ToHexString(d.Span))]);
        if (entry.IsErased) page.Erase("actors", row.Id);
        else row.Name = entry.ReadPrivate(ActorChangedPrivate.Parser).Name;
    }

    // If the private part was erased, the right's number is unknown: none of the party's rights is compared.
    private static async Task AuthorizationAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        var party = entry.Read(RightChanged.Parser).PartyId.ToKey();
        if (entry.IsErased)
        {
            page.Erase("authorizations", party);
            return;
        }

        var message = entry.ReadPrivate(PutAuthorizationRequest.Parser);
        var row = await page.Db.Authorizations.FindAsync([message.Number], ct);
        if (row is null) page.Db.Authorizations.Add(
            row = new AuthorizationRow { Number = message.Number, LegalBasis = "" });
        (row.PartyId, row.Kind, row.State, row.LegalBasis, row.QuotaUnits) =
            (party, (AuthorizationKind)message.Kind, (AuthorizationState)message.State, message.LegalBasis,
            (long)message.QuotaUnits);
        (row.ValidFrom, row.ValidUntil) = Inputs.Days(message.ValidFrom, message.ValidUntil);
    }

    private static async Task MandateAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        var party = entry.Read(RightChanged.Parser).PartyId.ToKey();
        if (entry.IsErased)
        {
            page.Erase("tac_mandates", party);
            return;
        }

        var message = entry.ReadPrivate(PutTacMandateRequest.Parser);
        var (from, until) = Inputs.Days(message.ValidFrom, message.ValidUntil);
        foreach (var tac in message.Tacs.Select(t => (int)Inputs.Tac("tacs", t).Value).Distinct())
        {
            var row = await page.Db.TacMandates.FindAsync([tac, party], ct);
            if (row is null) page.Db.TacMandates.Add(
                row = new TacMandateRow
                {
                    Tac = tac, PartyId = party, BrandOwner = "", TacHolder = "",
                    DocumentHash = []
                });
            (row.BrandOwner, row.TacHolder) =
                (message.BrandOwner, message.TacHolder.Length > 0 ? message.TacHolder : message.BrandOwner);
            (row.ValidFrom, row.ValidUntil, row.DocumentHash) = (from, until, message.DocumentHash.ToByteArray());
        }
    }

    private static Task ProposedAsync(ReplayPage page, ReplayedEntry entry)
    {
        var number = entry.Read(ChangeStep.Parser).ChangeNumber;
        if (page.ChangeOrNone(number) is not null) throw new StateMismatchException(
            $"change {number} was proposed before");

        page.Db.Changes.Add(new ChangeRow
        {
            Number = number.ToKey(), Kind = (ChangeKind)entry.ReadPrivate(Change.Parser).SubjectCase,
            Body = entry.Private ?? [], State = ChangeState.Proposed, ProposedBy = entry.Actor, ProposedAt = entry.At,
        });
        if (entry.IsErased) page.Erase("changes", number.ToKey());
        return Task.CompletedTask;
    }

    private Task DecidedAsync(ReplayPage page, ReplayedEntry entry)
    {
        var row = page.Change(entry.Read(ChangeStep.Parser).ChangeNumber);
        if (row.State is not ChangeState.Proposed) throw new StateMismatchException(
            $"change {row.Number} was decided before");

        var isApproved = entry.Kind is JournalKind.ChangeApproved;
        (row.State, row.DecidedBy, row.DecidedAt) =
            (isApproved ? ChangeState.InForce : ChangeState.Rejected, entry.Actor, entry.At);
        if (isApproved) _approved = (entry.Position, row.ProposedBy);
        return Task.CompletedTask;
    }
}
