using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Indexing;

namespace DeviceRegistry.Attach;

/// <summary>Everything that an answer depends on, for one node. The feed thread writes; the interfaces read.</summary>
/// <param name="ownKey">SHA-256 of the node's own public key, upper-case hex: identifies the operator that the node
/// works for.</param>
/// <param name="members">Members and their keys, filled from the journal if there is no registrar in the
/// process.</param>
/// <param name="digests">Receives the state digest at each position; null: the digests are not shared.</param>
/// <param name="root">Root certificate that the certificates of checkpoint signers must chain to; null: checkpoints are
/// not verified.</param>
/// <param name="subscribers">Pseudonym key of the operator's subscribers; null: none.</param>
public sealed class NodeState(string ownKey, MemberDirectory members, StateDigests? digests = null,
    X509Certificate2? root = null, SubscriberKey? subscribers = null)
{
    private volatile AttachRules _rules = AttachRules.Default;
    private volatile DeviceIndex _index = new();
    private volatile FirstDenials _denials = new();
    private PolicyInForce _policy = new() { Policy = PolicyMapping.Defaults() };
    private ulong _partyId;

    /// <summary>The index. Read it once per answer: a recovery replaces it as a whole.</summary>
    public DeviceIndex Index => _index;

    /// <summary>First denials by this node.</summary>
    public FirstDenials Denials => _denials;

    /// <summary>Pseudonym key of the operator's subscribers.</summary>
    public SubscriberKey Subscribers { get; } = subscribers ?? new SubscriberKey(null);

    /// <summary>Counters of the feed.</summary>
    public FeedCounters Feed { get; } = new();

    public MemberDirectory Members => members;

    /// <summary>The policy as it applies to this operator. Read it once per answer.</summary>
    public AttachRules Rules => _rules;

    /// <summary>Party id of the operator that the node works for; 0: not known from the journal yet.</summary>
    public ulong PartyId => Volatile.Read(ref _partyId);

    /// <summary>Tolerated offset of the node's clock, ms (policy node_clock_skew_max_ms).</summary>
    public long ClockSkewMostMs => PolicyMapping.NodeClockSkewMaxMs(_policy.Policy);

    /// <summary>State digests at the newest positions.</summary>
    internal StateDigests Digests { get; } = digests ?? new StateDigests();

    internal X509Certificate2? Root => root;

    /// <summary>Why the newest mismatching checkpoint did not match; null: every one matched. The node keeps applying
    /// entries and answering.</summary>
    public string? Contradiction { get; private set; }

    /// <summary>SHA-256 of the node's own public key, upper-case hex.</summary>
    internal string OwnKey => ownKey;

    /// <summary>Why the node applies no more entries; null: it applies them. It keeps answering from the last verified
    /// state.</summary>
    public string? Halted { get; internal set; }

    /// <summary>Whether the operator is draining the node: it reports "not ready" and starts no streams, and answers
    /// everything else.</summary>
    public bool Draining { get; internal set; }

    /// <summary>Epoch of the newest entry applied; 0: none yet.</summary>
    public ulong Epoch { get; internal set; }

    /// <summary>The node has found its own operator in the journal and has caught up with the registrar once.</summary>
    public bool IsReady => PartyId is not 0 && Index.KnownAtMs is not 0;

    /// <summary>Starts from the index of a snapshot. Feed thread only.</summary>
    internal void Begin(DeviceIndex index) => _index = index;

    /// <summary>Applies a policy. Feed thread only.</summary>
    internal void Put(PolicyInForce policy)
    {
        _policy = policy;
        Derive();
    }

    /// <summary>Records a checkpoint that is not valid or does not match. Feed thread only.</summary>
    internal void Contradict(string mismatch)
    {
        Contradiction = mismatch;
        Feed.Contradictions++;
    }

    /// <summary>Call after members changed: the node's own operator may have changed. Feed thread only.</summary>
    internal void MembersChanged()
    {
        if (members.Find(ownKey, out var self) is not KeyStatus.Valid || self!.PartyId == PartyId) return;

        Volatile.Write(ref _partyId, self.PartyId);
        Derive();
    }

    /// <summary>Replaces the whole state with another one. Feed thread only.</summary>
    internal void ReplaceWith(NodeState other)
    {
        members.Become(other.Members);
        _policy = other._policy;
        Volatile.Write(ref _partyId, other.PartyId);
        Derive();
        _index = other._index;
        _denials = other._denials;
        Epoch = other.Epoch;
    }

    private void Derive() => _rules = PolicyMapping.RulesFor(PartyId, _policy.Version, _policy.Policy);
}
