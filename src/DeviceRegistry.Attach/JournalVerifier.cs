using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Attach;

/// <summary>Verifies each entry against the end of the chain, then applies it to a node's state. Every entry passes
/// here. One writer at a time.</summary>
/// <param name="node">The state that entries are applied to.</param>
/// <param name="from">End of the chain in the snapshot that the state comes from; null: before the first entry.</param>
internal sealed class JournalVerifier(NodeState node, ChainEnd? from = null)
{
    private readonly EntryApplier _applier = new(node);
    private Checkpoints? _checkpoints = CheckpointsOf(node);

    // Readers on other threads read it as one reference.
    private volatile ChainEnd _end = from ?? ChainEnd.Genesis;

    /// <summary>End of the chain that this node has verified.</summary>
    public ChainEnd End => _end;

    /// <summary>The state built from the entries.</summary>
    public NodeState Node => node;

    /// <summary>Verifies and applies the next entry. Returns false if the entry is not the next one or is not
    /// understood; <paramref name="why"/> has the reason.</summary>
    public bool TryApply(JournalEntry entry, out string why)
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

        // A checkpoint that does not match stops nothing: it raises an alarm, and the node keeps answering.
        node.Digests.Put(entry.Position, entry.Hash.ToByteArray(), node.Index.Digest);
        if (_checkpoints?.Take(entry) is { Length: > 0 } mismatch) node.Contradict(
            $"entry {entry.Position}: {mismatch}");

        _end = ChainEnd.At(entry);
        node.Epoch = _end.Epoch;
        node.Index.Publish(entry.Position);
        why = "";
        return true;
    }

    /// <summary>Replaces state and chain end with those of another verifier.</summary>
    public void ReplaceWith(JournalVerifier other)
    {
        node.ReplaceWith(other.Node);
        _end = other._end;
        if (_end.Position > 0) node.Digests.Put(_end.Position, _end.Hash, node.Index.Digest);

        // Discard the remembered checkpoints: those of the void history would contradict the new one.
        _checkpoints = CheckpointsOf(node);
    }

    private static Checkpoints? CheckpointsOf(NodeState node) =>
        node.Root is { } root ? new Checkpoints(root, node.Digests) : null;
}
