using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using ActorKind = DeviceRegistry.Core.ActorKind;
using PartyKind = DeviceRegistry.Core.PartyKind;
using AuthorizationKind = DeviceRegistry.Postgres.Schema.AuthorizationKind;
using AuthorizationState = DeviceRegistry.Postgres.Schema.AuthorizationState;

namespace DeviceRegistry.Registrar.Parties;

/// <summary>Who takes part, and with what rights. Each put registers or changes what its name names.</summary>
public sealed class PartyBook(Writes writes, MemberRoll roll)
{
    /// <summary>The registry itself: it registers the first members, before there is anybody who could.</summary>
    public static Caller Registry { get; } = new(0, ActorKind.Node, 0, PartyKind.Regulator);

    /// <summary>Registers the regulator and its first people, whole or not at all, while the registry has no members. The same again changes
    /// nothing. No person among them set another's key, so that they count as two.</summary>
    public async Task FoundAsync(string regulator, IEnumerable<(string Name, byte[] KeyDigest)> people, CancellationToken ct)
    {
        var first = people.OrderBy(p => p.Name, StringComparer.Ordinal).ToList();
        Inputs.Require(first.DistinctBy(p => p.Name).Count() == first.Count && first.Count >= 2, "people", "at least two different ones, since whatever blocks a handset needs two");
        var putParty = Reading(new PutPartyRequest { Name = regulator, Kind = Contracts.V1.PartyKind.Regulator, State = MembershipState.Active });
        var putPeople = first.Select(p => Reading(Registry, new PutActorRequest
        {
            Name = p.Name, Party = regulator, Kind = Contracts.V1.ActorKind.Person, State = MembershipState.Active, KeyDigest = ByteString.CopyFrom(p.KeyDigest),
        })).ToList();

        // The content is its own reference: the same founding finds its receipt, and any other finds that there are members.
        var digest = WriteClaim.DigestOf("founding", Encoding.UTF8.GetBytes(string.Join('\n', first.Select(p => $"{p.Name} {Convert.ToHexString(p.KeyDigest)}").Prepend(regulator))));
        await writes.OnceAsync(Registry, $"founding-{Convert.ToHexString(digest)}", digest, async (write, ct) =>
        {
            await write.LockAsync(WriteLock.Members, ct);
            if (await write.Db.Parties.AnyAsync(ct) || await write.Db.Journal.AnyAsync(ct))
                throw new RegistryException(RegistryError.WrongState,
                    "This registry has members already, and others than these were its first. Nothing was changed. Its regulator registers people: dreg actor put.");

            var founded = await putParty(write, ct);
            foreach (var putPerson in putPeople) await putPerson(write, ct);
            return founded;
        }, ct);
        await roll.ReloadAsync(ct);
    }

    /// <summary>Registers, changes or retires a party.</summary>
    public async Task<PutPartyResponse> PutPartyAsync(Caller caller, PutPartyRequest request, CancellationToken ct)
    {
        var put = Reading(request);
        var answer = await writes.OnceAsync(caller, request.Reference, request, async (write, ct) =>
        {
            await write.LockAsync(WriteLock.Members, ct);
            SyncPoints.Reached(SyncPoint.MembersLocked);
            return await put(write, ct);
        }, ct);
        await roll.ReloadAsync(ct);
        return answer;
    }

    /// <summary>Registers, changes or retires a person or node.</summary>
    public async Task<PutActorResponse> PutActorAsync(Caller caller, PutActorRequest request, CancellationToken ct)
    {
        var put = Reading(caller, request);
        var answer = await writes.OnceAsync(caller, request.Reference, request, async (write, ct) =>
        {
            await write.LockAsync(WriteLock.Members, ct);
            SyncPoints.Reached(SyncPoint.MembersLocked);
            return await put(write, ct);
        }, ct);
        await roll.ReloadAsync(ct);
        return answer;
    }

    /// <summary>Registers or changes an authorization.</summary>
    public Task<PutAuthorizationResponse> PutAuthorizationAsync(Caller caller, PutAuthorizationRequest request, CancellationToken ct)
    {
        var number = Inputs.Printable("number", request.Number, 64);
        var kind = Inputs.Choice<Contracts.V1.AuthorizationKind, AuthorizationKind>("kind", request.Kind);
        var state = Inputs.Choice<Contracts.V1.AuthorizationState, AuthorizationState>("state", request.State);
        var (from, until) = Days(request.ValidFrom, request.ValidUntil);
        Inputs.Printable("legal_basis", request.LegalBasis, 500);
        return writes.OnceAsync(caller, request.Reference, request, async (write, ct) =>
        {
            await write.LockAsync(WriteLock.Members, ct);
            SyncPoints.Reached(SyncPoint.MembersLocked);
            var party = await write.Db.PartyAsync(request.Party, ct);
            var right = await write.Db.Authorizations.SingleOrDefaultAsync(a => a.Number == number, ct);
            Inputs.Require(right is null || right.PartyId == party.Id, "party", "its holder, who cannot change");
            if (right is null) write.Db.Authorizations.Add(right = new AuthorizationRow { Number = number, PartyId = party.Id, LegalBasis = request.LegalBasis });
            (right.Kind, right.State, right.ValidFrom, right.ValidUntil, right.LegalBasis) = (kind, state, from, until, request.LegalBasis);
            write.Stage(JournalKind.AuthorizationChanged, new RightChanged { PartyId = (ulong)party.Id }, request);
            return new PutAuthorizationResponse();
        }, ct);
    }

    /// <summary>Records a mandate over TACs.</summary>
    public Task<PutTacMandateResponse> PutTacMandateAsync(Caller caller, PutTacMandateRequest request, CancellationToken ct)
    {
        Inputs.Require(request.Tacs.Count is >= 1 and <= 1000, "tacs", "1 to 1000 TACs");
        var tacs = request.Tacs.Select((text, i) => (int)Inputs.Tac($"tacs[{i}]", text).Value).Distinct().ToList();
        var (from, until) = Days(request.ValidFrom, request.ValidUntil);
        var brand = Inputs.Printable("brand_owner", request.BrandOwner, 100);
        var document = Inputs.Digest("document_hash", request.DocumentHash.Span);
        return writes.OnceAsync(caller, request.Reference, request, async (write, ct) =>
        {
            await write.LockAsync(WriteLock.Members, ct);
            SyncPoints.Reached(SyncPoint.MembersLocked);
            var party = await write.Db.PartyAsync(request.Party, ct);
            var known = await write.Db.TacMandates.Where(m => m.PartyId == party.Id && tacs.Contains(m.Tac)).ToDictionaryAsync(m => m.Tac, ct);
            foreach (var tac in tacs)
            {
                if (!known.TryGetValue(tac, out var mandate))
                    write.Db.TacMandates.Add(mandate = new TacMandateRow { Tac = tac, PartyId = party.Id, BrandOwner = brand, DocumentHash = document });
                (mandate.BrandOwner, mandate.ValidFrom, mandate.ValidUntil, mandate.DocumentHash) = (brand, from, until, document);
            }

            write.Stage(JournalKind.TacMandateChanged, new RightChanged { PartyId = (ulong)party.Id }, request);
            return new PutTacMandateResponse();
        }, ct);
    }

    // Reads the fields at once and gives back what is then done inside a write that holds the lock of members.
    private static Func<RegistryWrite, CancellationToken, Task<PutPartyResponse>> Reading(PutPartyRequest request)
    {
        var name = Inputs.Name("name", request.Name);
        var kind = Inputs.Choice<Contracts.V1.PartyKind, PartyKind>("kind", request.Kind);
        var active = IsActive(request.State);
        Inputs.Require(request.Plmns.Count <= 16 && request.Plmns.All(p => p.Length is 5 or 6 && p.All(char.IsAsciiDigit)), "plmns", "at most 16 codes of 5 or 6 digits");
        Inputs.Require(request.Plmns.Count is 0 || kind is PartyKind.Operator, "plmns", "none for a party that is no operator");
        return async (write, ct) =>
        {
            var party = await write.Db.Parties.SingleOrDefaultAsync(p => p.Name == name, ct);
            Inputs.Require(party is null || party.Kind == kind, "kind", $"{party?.Kind}; it cannot change");
            if (party is null) write.Db.Parties.Add(party = new PartyRow { Name = name, Kind = kind });
            party.Active = active;
            party.Plmns = [.. request.Plmns];
            await write.Db.SaveChangesAsync(ct);
            write.Stage(
                JournalKind.PartyChanged,
                new PartyChanged { PartyId = (ulong)party.Id, Kind = request.Kind, State = request.State, Plmns = { request.Plmns } },
                new PartyChangedPrivate { Name = name });
            return new PutPartyResponse { PartyId = (ulong)party.Id };
        };
    }

    // The same for a person or node.
    private static Func<RegistryWrite, CancellationToken, Task<PutActorResponse>> Reading(Caller caller, PutActorRequest request)
    {
        var name = Inputs.Name("name", request.Name);
        var kind = Inputs.Choice<Contracts.V1.ActorKind, ActorKind>("kind", request.Kind);
        var active = IsActive(request.State);
        var key = request.KeyDigest.IsEmpty ? "" : Convert.ToHexString(Inputs.Digest("key_digest", request.KeyDigest.Span));
        return async (write, ct) =>
        {
            var party = await write.Db.PartyAsync(request.Party, ct);
            var actor = await write.Db.Actors.SingleOrDefaultAsync(a => a.Name == name, ct);
            Inputs.Require(actor is null || actor.PartyId == party.Id, "party", "the party it was registered for; it cannot change");
            Inputs.Require(actor is null || actor.Kind == kind, "kind", $"{actor?.Kind}; it cannot change");
            if (actor is null) write.Db.Actors.Add(actor = new ActorRow { Name = name, PartyId = party.Id, Kind = kind });
            actor.Active = active;
            if (key.Length > 0 && key != actor.Key) await ChangeKeyAsync(write.Db, caller, actor, key, ct);
            await write.Db.SaveChangesAsync(ct);
            write.Stage(JournalKind.ActorChanged, ToChanged(actor), new ActorChangedPrivate { Name = name });
            return new PutActorResponse { ActorId = (ulong)actor.Id };
        };
    }

    // A key belongs to one actor for ever, so that a signature of years ago still says whose it was.
    private static async Task ChangeKeyAsync(RegistryContext db, Caller by, ActorRow actor, string key, CancellationToken ct)
    {
        if (await db.Actors.AnyAsync(a => a.Key == key || a.RevokedKeys.Contains(key), ct))
            throw new RegistryException(RegistryError.KeyInUse, "That key is or was another certificate's. Make a new key.", "key_digest", "the digest of a key never registered before");

        if (actor.Key.Length > 0) actor.RevokedKeys = [.. actor.RevokedKeys, actor.Key];
        actor.Key = key;
        var setter = (long)by.ActorId;
        if (setter is not 0 && setter != actor.Id && !actor.KeySetBy.Contains(setter)) actor.KeySetBy = [.. actor.KeySetBy, setter];
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

    private static bool IsActive(MembershipState state)
    {
        Inputs.Require(state is MembershipState.Active or MembershipState.Retired, "state", "ACTIVE or RETIRED");
        return state is MembershipState.Active;
    }

    private static (DateOnly From, DateOnly Until) Days(string validFrom, string validUntil)
    {
        var (from, until) = (Inputs.Date("valid_from", validFrom), Inputs.Date("valid_until", validUntil));
        Inputs.Require(from <= until, "valid_until", "a day not before valid_from");
        return (from, until);
    }
}
