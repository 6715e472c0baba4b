using System.Collections.Frozen;

namespace DeviceRegistry.Core;

/// <summary>Kind of party. Numbers as on the wire.</summary>
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

/// <summary>Kind of key holder. Numbers as on the wire.</summary>
public enum ActorKind : byte
{
    /// <summary>A person.</summary>
    Person = 1,

    /// <summary>A machine of a party.</summary>
    Node = 2,
}

/// <summary>A party. Only the registrar knows its name; on a node the name is empty.</summary>
public sealed record Party(ulong Id, PartyKind Kind, bool Active, IReadOnlyList<string> Plmns, string Name = "");

/// <summary>A person or node. Keys are SHA-256 of the SubjectPublicKeyInfo, upper-case hex. Only the registrar knows
/// the name.</summary>
public sealed record Actor(ulong Id, ulong PartyId, ActorKind Kind, bool Active, string Key,
    IReadOnlyList<string> RevokedKeys, string Name = "");

/// <summary>Caller of an RPC: an active actor of an active party, identified by the key of its certificate. The names
/// are the registered ones, empty where they are not known.</summary>
public sealed record Caller(ulong ActorId, ActorKind ActorKind, ulong PartyId, PartyKind PartyKind, string Name = "",
    string Party = "");

/// <summary>Status of a key in the registry.</summary>
public enum KeyStatus
{
    /// <summary>Never registered.</summary>
    Unknown,

    /// <summary>Replaced, or its actor or party is retired.</summary>
    Revoked,

    /// <summary>May call.</summary>
    Valid,
}

/// <summary>Directory of keys: certificate → person or node → party. Filled from the tables at the registrar and from
/// the feed on a node. Readers use one immutable state, which the single writer replaces.</summary>
public sealed class MemberDirectory
{
    private sealed record State(
        FrozenDictionary<ulong, Party> Parties, FrozenDictionary<ulong, Actor> Actors,
        FrozenDictionary<string, Caller?> Keys, IReadOnlyList<string> Plmns);

    private readonly Lock _writing = new();
    private volatile State _state = Derive([], []);

    /// <summary>Rises with every change. A cached decision is valid while this number is unchanged.</summary>
    public int Version { get; private set; }

    /// <summary>PLMN codes of all operators, including retired ones: their subscribers are still local.</summary>
    public IReadOnlyList<string> Plmns => _state.Plmns;

    /// <summary>Status of a key, and its caller if the key may call. Allocates nothing.</summary>
    public KeyStatus Find(string key, out Caller? caller)
    {
        if (!_state.Keys.TryGetValue(key, out caller)) return KeyStatus.Unknown;

        return caller is null ? KeyStatus.Revoked : KeyStatus.Valid;
    }

    /// <summary>The active operator of an IMSI, by the longest PLMN code that the IMSI begins with; null if there is
    /// none.</summary>
    public ulong? HomeOf(string imsi) => (
        from party in _state.Parties.Values
        where party is { Kind: PartyKind.Operator, Active: true }
        from plmn in party.Plmns
        where imsi.StartsWith(plmn, StringComparison.Ordinal)
        orderby plmn.Length descending
        select (ulong?)party.Id).FirstOrDefault();

    /// <summary>Adds or replaces a party.</summary>
    public void Put(Party party)
    {
        lock (_writing)
            Replace_NeedsLock([.. _state.Parties.Values.Where(p => p.Id != party.Id), party], _state.Actors.Values);
    }

    /// <summary>Adds or replaces an actor.</summary>
    public void Put(Actor actor)
    {
        lock (_writing)
            Replace_NeedsLock(_state.Parties.Values, [.. _state.Actors.Values.Where(a => a.Id != actor.Id), actor]);
    }

    /// <summary>Replaces all parties and actors.</summary>
    public void Reset(IEnumerable<Party> parties, IEnumerable<Actor> actors)
    {
        lock (_writing) Replace_NeedsLock(parties, actors);
    }

    /// <summary>Replaces the contents with those of another directory.</summary>
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
        // A key that may not call is stored without a caller: known and revoked.
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
