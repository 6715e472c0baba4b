using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>Counters of the feed. Only <see cref="FeedFollower"/> writes them; other threads may read them, since
/// 64-bit values are read atomically.</summary>
public sealed class FeedCounters
{
    /// <summary>Newest position that the registrar announced; 0: none yet.</summary>
    public ulong HeadPosition { get; internal set; }

    /// <summary>Entries applied from the feed; entries loaded from the local journal are not counted.</summary>
    public long EntriesApplied { get; internal set; }

    /// <summary>Sessions in which the node received a message from the registrar.</summary>
    public long SessionsBegun { get; internal set; }

    /// <summary>Of these, the sessions that ended before the node stopped.</summary>
    public long SessionsLost { get; internal set; }

    /// <summary>Position reports that the registrar accepted.</summary>
    public long Reports { get; internal set; }

    /// <summary>Checkpoints with an invalid signature, or that do not match the node's history or state.</summary>
    public long Contradictions { get; internal set; }

    /// <summary>Offset of the node's clock from the registrar's; null: not measured yet.</summary>
    public ClockSkew? Clock { get; internal set; }

    /// <summary>Failed writes of the local journal.</summary>
    public long CopyFailures { get; internal set; }

    /// <summary>Bytes received of the registrar's snapshots.</summary>
    public long SnapshotBytes { get; internal set; }

    /// <summary>Registrar snapshots that were installed.</summary>
    public long SnapshotsTaken { get; internal set; }

    /// <summary>Registrar snapshots that were rejected: not signed by the registry, or different from what was
    /// signed.</summary>
    public long SnapshotsRefused { get; internal set; }
}
