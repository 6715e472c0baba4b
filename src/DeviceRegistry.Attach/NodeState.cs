using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Indexing;

namespace DeviceRegistry.Attach;

/// <summary>Everything an answer needs, as one node holds it. The keeper writes, the doors read.</summary>
/// <param name="ownKey">SHA-256 of the node's own public key, upper-case hex: how it finds out which operator it works
/// for.</param>
/// <param name="members">Who may call; fed from the journal where the node has no registrar beside it.</param>
/// <param name="digests">Takes the digest of the state at each position; null: nobody else wants to know.</param>
/// <param name="root">By whose certificates checkpoints are believed; null: they are not looked at.</param>
/// <param name="subscribers">By which its operator's subscribers are known; null: none is.</param>
public sealed class NodeState(string ownKey, MemberDirectory members, StateDigests? digests = null,
    X509Certificate2? root = null, SubscriberKey? subscribers = null)
{
    private volatile AttachRules _rules = AttachRules.Default;
    private volatile DeviceIndex _index = new();
    private volatile FirstDenials _refusals = new();
    private PolicyInForce _policy = new() { Policy = PolicyMapping.Defaults() };
    private ulong _partyId;

    /// <summary>What the node knows. Read once per answer: a recovery replaces it whole.</summary>
    public DeviceIndex Index => _index;

    /// <summary>By which orders it refused.</summary>
    public FirstDenials Refusals => _refusals;

    /// <summary>By which its operator's subscribers are known.</summary>
    public SubscriberKey Subscribers { get; } = subscribers ?? new SubscriberKey(null);

    /// <summary>What the feed brought.</summary>
    public FeedCounters Feed { get; } = new();

    /// <summary>Who may call.</summary>
    public MemberDirectory Members => members;

    /// <summary>The policy as this operator's node applies it. Read once per answer.</summary>
    public AttachRules Rules => _rules;

    /// <summary>The operator the node works for; 0: the journal has not said so yet.</summary>
    public ulong PartyId => Volatile.Read(ref _partyId);

    /// <summary>How far the policy lets the node's clock be off, ms.</summary>
    public long ClockSkewMostMs => PolicyMapping.NodeClockSkewMs(_policy.Policy);

    /// <summary>Digests of the state at the newest positions.</summary>
    internal StateDigests Digests { get; } = digests ?? new StateDigests();

    /// <summary>By whose certificates checkpoints are believed.</summary>
    internal X509Certificate2? Root => root;

    /// <summary>What was wrong with the newest checkpoint that contradicted this node; null: none ever did. It keeps
    /// applying and answering.</summary>
    public string? Contradiction { get; private set; }

    /// <summary>SHA-256 of the node's own public key, upper-case hex.</summary>
    internal string OwnKey => ownKey;

    /// <summary>Why the node applies no more entries; null: it does. It keeps answering from what it trusts.</summary>
    public string? Halted { get; internal set; }

    /// <summary>The operator takes the node out of service: it says that it is not ready and begins no streams, and
    /// answers whatever else it is asked.</summary>
    public bool Draining { get; internal set; }

    /// <summary>Epoch of the newest entry applied; 0: none yet.</summary>
    public ulong Epoch { get; internal set; }

    /// <summary>The node knows itself and has been level with the journal once.</summary>
    public bool IsReady => PartyId is not 0 && Index.KnownAtMs is not 0;

    /// <summary>Keeper only: begins with an index that was read from a snapshot.</summary>
    internal void Begin(DeviceIndex index) => _index = index;

    /// <summary>Keeper only: a policy is in force.</summary>
    internal void Put(PolicyInForce policy)
    {
        _policy = policy;
        Derive();
    }

    /// <summary>Keeper only: a checkpoint is not believed, or says something else than this node knows.</summary>
    internal void Contradict(string what)
    {
        Contradiction = what;
        Feed.Contradictions++;
    }

    /// <summary>Keeper only: members changed, perhaps the node itself.</summary>
    internal void MembersChanged()
    {
        if (members.Find(ownKey, out var self) is not KeyStatus.Valid || self!.PartyId == PartyId) return;

        Volatile.Write(ref _partyId, self.PartyId);
        Derive();
    }

    /// <summary>Keeper only: knows from now on what another state knows, and nothing else.</summary>
    internal void Become(NodeState other)
    {
        members.Become(other.Members);
        _policy = other._policy;
        Volatile.Write(ref _partyId, other.PartyId);
        Derive();
        _index = other._index;
        _refusals = other._refusals;
        Epoch = other.Epoch;
    }

    private void Derive() => _rules = PolicyMapping.RulesFor(PartyId, _policy.Version, _policy.Policy);
}
