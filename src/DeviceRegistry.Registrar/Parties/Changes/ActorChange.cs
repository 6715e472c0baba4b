using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using ActorKind = DeviceRegistry.Core.ActorKind;

namespace DeviceRegistry.Registrar.Parties.Changes;

/// <summary>Registers, changes or retires a person or node, and sets its key.</summary>
internal sealed class ActorChange : ProposedChange
{
    private readonly PutActorRequest _request;
    private readonly string _name;
    private readonly ActorKind _kind;
    private readonly bool _active;
    private readonly string _key;

    public ActorChange(PutActorRequest request)
    {
        _request = request;
        _name = Inputs.Name("name", request.Name);
        _kind = Inputs.Choice<Contracts.V1.ActorKind, ActorKind>("kind", request.Kind);
        _active = Inputs.IsActive(request.State);
        _key = request.KeyDigest.IsEmpty ? ""
            : Convert.ToHexString(Inputs.Digest("key_digest", request.KeyDigest.Span));
    }

    /// <inheritdoc/>
    public override ChangeKind Kind => ChangeKind.Actor;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Subjects => [_name];

    /// <inheritdoc/>
    public override Task ValidateAsync(RegistryContext db, CancellationToken ct) => FindAsync(db, ct);

    /// <inheritdoc/>
    public override async Task<ulong> ApplyAsync(RegistryWrite write, long proposer, CancellationToken ct)
    {
        var (party, actor) = await FindAsync(write.Db, ct);
        if (actor is null) write.Db.Actors.Add(actor = new ActorRow { Name = _name, PartyId = party.Id, Kind = _kind });
        actor.Active = _active;
        if (IsNewKeyOf(actor)) ChangeKey(actor, proposer);
        await write.Db.SaveChangesAsync(ct);
        write.Stage(JournalKind.ActorChanged, ToChanged(actor), new ActorChangedPrivate { Name = _name });
        return (ulong)actor.Id;
    }

    private async Task<(PartyRow Party, ActorRow? Actor)> FindAsync(RegistryContext db, CancellationToken ct)
    {
        var party = await db.PartyAsync(_request.Party, ct);
        var actor = await db.Actors.SingleOrDefaultAsync(a => a.Name == _name, ct);
        Inputs.Require(actor is null || actor.PartyId == party.Id, "party",
            "the party it was registered for; it cannot change");
        Inputs.Require(actor is null || actor.Kind == _kind, "kind", $"{actor?.Kind}; it cannot change");

        // A key belongs to one actor permanently, so that an old signature still identifies its signer.
        if (IsNewKeyOf(actor) && await db.Actors.AnyAsync(a => a.Key == _key || a.RevokedKeys.Contains(_key), ct))
            throw new RegistryException(RegistryError.KeyInUse,
                "That key is or was another certificate's. Make a new key.", "key_digest",
                "the digest of a key never registered before");
        return (party, actor);
    }

    private bool IsNewKeyOf(ActorRow? actor) => _key.Length > 0 && _key != actor?.Key;

    // The proposer of a key may hold its private part and is recorded; the approver did not choose the key and is not.
    private void ChangeKey(ActorRow actor, long proposer)
    {
        if (actor.Key.Length > 0) actor.RevokedKeys = [.. actor.RevokedKeys, actor.Key];
        actor.Key = _key;
        if (proposer is not 0 && proposer != actor.Id && !actor.KeySetBy.Contains(proposer)) actor.KeySetBy =
            [.. actor.KeySetBy, proposer];
    }

    private static ActorChanged ToChanged(ActorRow actor) => new()
    {
        ActorId = (ulong)actor.Id,
        PartyId = (ulong)actor.PartyId,
        Kind = (Contracts.V1.ActorKind)actor.Kind,
        State = actor.Active ? MembershipState.Active : MembershipState.Retired,
        KeyDigest = ByteString.CopyFrom(Convert.FromHexString(actor.Key)),
        RevokedKeyDigests = { actor.RevokedKeys.Select(k => ByteString.CopyFrom(Convert.FromHexString(k))) },
    };
}
