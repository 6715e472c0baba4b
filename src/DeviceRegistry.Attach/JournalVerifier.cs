using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Attach;

/// <summary>The one way entries get into a node's state: each is verified against the end of the chain, then applied.
/// One writer at a time.</summary>
/// <param name="node">The state.</param>
/// <param name="from">Where the chain ended as the state was put into a snapshot; null: before the first entry.</param>
internal sealed class JournalVerifier(NodeState node, ChainEnd? from = null)
{
    private readonly EntryApplier _applier = new(node);
    private Checkpoints? _checkpoints = CheckpointsOf(node);

    // Readers take it as one reference.
    private volatile ChainEnd _end = from ?? ChainEnd.Genesis;

    /// <summary>The chain's end as this node trusts it.</summary>
    public ChainEnd End => _end;

    /// <summary>What was built from the entries.</summary>
    public NodeState Node => node;

    /// <summary>Takes the next entry; false: it is not the next, or not to be understood, and <paramref name="why"/>
    /// says so.</summary>
    public bool TryTake(JournalEntry entry, out string why)
    {
        if (!JournalEntryRules.Follows(entry, _end, out var fault))
        {
            why = $"entry {entry.Position} of the feed does not follow entry {_end.Position}: {fault}";
            return false;
        }

        if ((JournalKind)entry.Kind is JournalKind.Recovered
            && !RecoveryRules.Follows(entry, _end, node.Members, out fault))
        {
            why = $"entry {entry.Position} states a recovery that is not believed: {fault}";
            return false;
        }

        if (!_applier.TryApply(entry))
        {
            why = $"entry {entry.Position} is of kind {entry.Kind}, which this version does not understand and must; " +
                $"upgrade the node";
            return false;
        }

        // A doubt about a checkpoint stops nobody: an alarm for people to look into, while handsets are answered as
        // before.
        node.Digests.Put(entry.Position, entry.Hash.ToByteArray(), node.Index.Digest);
        if (_checkpoints?.Take(entry) is { Length: > 0 } doubt) node.Contradict($"entry {entry.Position}: {doubt}");

        _end = ChainEnd.At(entry);
        node.Epoch = _end.Epoch;
        node.Index.Publish(entry.Position);
        why = "";
        return true;
    }

    /// <summary>Takes over what another replay built, state and end.</summary>
    public void Become(JournalVerifier other)
    {
        node.Become(other.Node);
        _end = other._end;
        if (_end.Position > 0) node.Digests.Put(_end.Position, _end.Hash, node.Index.Digest);

        // What it remembers of the history that is void contradicts the one that goes on.
        _checkpoints = CheckpointsOf(node);
    }

    private static Checkpoints? CheckpointsOf(NodeState node) =>
        node.Root is { } root ? new Checkpoints(root, node.Digests) : null;
}
