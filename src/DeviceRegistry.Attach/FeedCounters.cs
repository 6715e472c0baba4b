using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>Counts what the keeper does with the feed. The keeper alone writes; a 64-bit number is read
/// whole.</summary>
public sealed class FeedCounters
{
    /// <summary>Newest position the registrar told of; 0: it has not spoken yet.</summary>
    public ulong HeadPosition { get; internal set; }

    /// <summary>Entries of the feed that were applied; those of the node's own copy are not counted.</summary>
    public long EntriesApplied { get; internal set; }

    /// <summary>Sessions in which the registrar was heard.</summary>
    public long SessionsBegun { get; internal set; }

    /// <summary>Of these, ended before the node was.</summary>
    public long SessionsLost { get; internal set; }

    /// <summary>Reports of the node's position that the registrar took.</summary>
    public long Reports { get; internal set; }

    /// <summary>Checkpoints that were not believed, or contradicted the node.</summary>
    public long Contradictions { get; internal set; }

    /// <summary>How far the node's clock is ahead of the registrar's; null: it was not measured yet.</summary>
    public ClockSkew? Clock { get; internal set; }

    /// <summary>Times the disk did not take the node's own copy.</summary>
    public long CopyFailures { get; internal set; }

    /// <summary>Bytes of the registrar's snapshots that came.</summary>
    public long SnapshotBytes { get; internal set; }

    /// <summary>Snapshots of the registrar's that were taken over.</summary>
    public long SnapshotsTaken { get; internal set; }

    /// <summary>Of these, refused: not signed by the registry, or not what was signed.</summary>
    public long SnapshotsRefused { get; internal set; }
}
