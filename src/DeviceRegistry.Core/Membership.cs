using System.Collections.Frozen;

namespace DeviceRegistry.Core;

/// <summary>Kind of party (DOMAIN 2). Numbers as on the wire.</summary>
public enum PartyKind : byte
{
    /// <summary>The regulator.</summary>
    Regulator = 1,

    /// <summary>Reads everything, changes nothing.</summary>
    Auditor = 2,

    /// <summary>Mobile network operator.</summary>
    Operator = 3,

    /// <summary>Holder of manufacturing authorizations.</summary>
    Manufacturer = 4,

    /// <summary>Importer.</summary>
    Importer = 5,

    /// <summary>Lender.</summary>
    Lender = 6,
}

/// <summary>Who or what holds a key. Numbers as on the wire.</summary>
public enum ActorKind : byte
{
    /// <summary>A person.</summary>
    Person = 1,

    /// <summary>A machine of a party.</summary>
    Node = 2,
}

/// <summary>A party. Its name is known at the centre only; a node has it empty.</summary>
public sealed record Party(ulong Id, PartyKind Kind, bool Active, IReadOnlyList<string> Plmns, string Name = "");

/// <summary>A person or node. Keys are SHA-256 of the SubjectPublicKeyInfo, upper-case hex. Its name is known at the
/// centre only.</summary>
public sealed record Actor(ulong Id, ulong PartyId, ActorKind Kind, bool Active, string Key,
    IReadOnlyList<string> RevokedKeys, string Name = "");

/// <summary>Who is calling: an active actor of an active party, known by the key of its certificate. The names are the
/// registered ones, empty where they are not known.</summary>
public sealed record Caller(ulong ActorId, ActorKind ActorKind, ulong PartyId, PartyKind PartyKind, string Name = "",
    string Party = "");

/// <summary>What a key means to the registry.</summary>
public enum KeyStatus
{
    /// <summary>Never registered.</summary>
    Unknown,

    /// <summary>Replaced, or its actor or party is retired.</summary>
    Revoked,

    /// <summary>May call.</summary>
    Valid,
}

/// <summary>Who holds which key: certificate → person or node → party. Fed from the tables at the centre and from the
/// feed on a node; readers take one immutable state, the one writer replaces it.</summary>
public sealed class MemberDirectory
{
    private sealed record State(
        FrozenDictionary<ulong, Party> Parties, FrozenDictionary<ulong, Actor> Actors,
        FrozenDictionary<string, Caller?> Keys, IReadOnlyList<string> Plmns);

    private readonly Lock _writing = new();
    private volatile State _state = Derive([], []);

    /// <summary>Counts every change. A decision remembered beside this number holds while the number does.</summary>
    public int Version { get; private set; }

    /// <summary>PLMN codes of all operators, retired ones included: their subscribers are still local.</summary>
    public IReadOnlyList<string> Plmns => _state.Plmns;

    /// <summary>Who holds the key, if it may call. Allocates nothing.</summary>
    public KeyStatus Find(string key, out Caller? caller)
    {
        if (!_state.Keys.TryGetValue(key, out caller)) return KeyStatus.Unknown;

        return caller is null ? KeyStatus.Revoked : KeyStatus.Valid;
    }

    /// <summary>The active operator whose subscriber an IMSI is: by the longest PLMN code that it begins with; null: of
    /// none here.</summary>
    public ulong? HomeOf(string imsi) => (
        from party in _state.Parties.Values
        where party is { Kind: PartyKind.Operator, Active: true }
        from plmn in party.Plmns
        where imsi.StartsWith(plmn, StringComparison.Ordinal)
        orderby plmn.Length descending
        select (ulong?)party.Id).FirstOrDefault();

    /// <summary>Takes a party as it is now.</summary>
    public void Put(Party party)
    {
        lock (_writing)
            Replace_NeedsLock([.. _state.Parties.Values.Where(p => p.Id != party.Id), party], _state.Actors.Values);
    }

    /// <summary>Takes an actor as it is now.</summary>
    public void Put(Actor actor)
    {
        lock (_writing)
            Replace_NeedsLock(_state.Parties.Values, [.. _state.Actors.Values.Where(a => a.Id != actor.Id), actor]);
    }

    /// <summary>Takes everything as it is now.</summary>
    public void Reset(IEnumerable<Party> parties, IEnumerable<Actor> actors)
    {
        lock (_writing) Replace_NeedsLock(parties, actors);
    }

    /// <summary>Knows from now on whom another directory knows, and nobody else.</summary>
    public void Become(MemberDirectory other)
    {
        lock (_writing)
        {
            _state = other._state;
            Version++;
        }
    }

    private void Replace_NeedsLock(IEnumerable<Party> parties, IEnumerable<Actor> actors)
    {
        _state = Derive(parties, actors);
        Version++;
    }

    private static State Derive(IEnumerable<Party> parties, IEnumerable<Actor> actors)
    {
        // A key that may not call is kept with no caller: known, and revoked.
        var all = actors.ToList();
        var byId = parties.ToFrozenDictionary(p => p.Id);
        var keys = new Dictionary<string, Caller?>(StringComparer.Ordinal);
        foreach (var actor in all)
            foreach (var key in actor.RevokedKeys) keys[key] = null;
        foreach (var actor in all.Where(a => a.Key.Length > 0))
            keys[actor.Key] = actor.Active && byId.TryGetValue(actor.PartyId, out var party) && party.Active
                ? new Caller(actor.Id, actor.Kind, party.Id, party.Kind, actor.Name, party.Name)
                : null;

        return new State(byId, all.ToFrozenDictionary(a => a.Id), keys.ToFrozenDictionary(StringComparer.Ordinal),
            [.. byId.Values.Where(p => p.Kind is PartyKind.Operator).SelectMany(p => p.Plmns)]);
    }
}
