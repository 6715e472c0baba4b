using System.Diagnostics;

namespace DeviceRegistry.Core;

/// <summary>Every point at which a process may die in the middle of a write, in the order a write passes them. One is
/// reached when what its sentence says is done.</summary>
public enum SyncPoint
{
    /// <summary>TAC list: the whole file is here; nothing is written yet.</summary>
    FileRead,

    /// <summary>Any write: its transaction is open.</summary>
    WriteBegun,

    /// <summary>Any write with a reference: it is claimed, and was not used before.</summary>
    WriteClaimed,

    /// <summary>Upload: its party may register the batch.</summary>
    UploadAuthorized,

    /// <summary>Upload: a chunk is durable, and its sender not told yet.</summary>
    UploadChunkStored,

    /// <summary>Upload: sealed, and its sender not told yet.</summary>
    UploadSealed,

    /// <summary>Sealed batch: its lines are read.</summary>
    BatchRead,

    /// <summary>Sealed batch: its lines are compared with what is known.</summary>
    BatchJudged,

    /// <summary>Sealed batch: a piece of its units is stored.</summary>
    BatchUnitsStored,

    /// <summary>Sealed batch: a piece of its IMEIs is stored.</summary>
    BatchImeisStored,

    /// <summary>Sealed batch: its party may register it, and no other batch under that authorization can be registered
    /// now.</summary>
    BatchAuthorized,

    /// <summary>Sealed batch: no order against its units came in between, and none can now.</summary>
    BatchCovered,

    /// <summary>Decided batch: its file is not needed any more.</summary>
    BatchFileDropped,

    /// <summary>Rejected batch: a piece of what it stored is removed.</summary>
    BatchWithdrawn,

    /// <summary>Rejected batch: a page of its bad lines is written down.</summary>
    BatchReported,

    /// <summary>Certification, release, recall, retirement, board swap: nobody else changes the batch.</summary>
    BatchLocked,

    /// <summary>Release, recall, retirement: it is known which units are meant, and each is in a state for
    /// it.</summary>
    UnitsSelected,

    /// <summary>The same: their IMEIs are in entries that are not in the journal yet.</summary>
    UnitsStaged,

    /// <summary>Board swap: the new numbers are free and good.</summary>
    SwapJudged,

    /// <summary>Sightings: the segment is in its table, and units that were seen are known.</summary>
    SightingsTaken,

    /// <summary>TAC list: it is known which rows differ.</summary>
    TacsCompared,

    /// <summary>TAC list: the differing rows are in their table.</summary>
    TacsWritten,

    /// <summary>Draft: its reason is one of today's.</summary>
    DraftJudged,

    /// <summary>Draft, of an order or a lift: the order and what it names are in their tables.</summary>
    DraftSaved,

    /// <summary>Approval: nobody else approves the order.</summary>
    ApprovalLocked,

    /// <summary>Approval: it is another person's, in time.</summary>
    ApprovalJudged,

    /// <summary>Approval: the order is armed, or the other one changed.</summary>
    ApprovalEffected,

    /// <summary>Notice: its proof is in the order's row, and the order is armed if it waited for that alone.</summary>
    NoticeRecorded,

    /// <summary>Clock of orders: it is in their rows, and the entries about it are not in the journal yet.</summary>
    ClockRecorded,

    /// <summary>Appeal: its order is locked, and the step is one that may be made, in time and by this person; nothing
    /// is written yet.</summary>
    AppealJudged,

    /// <summary>Changes of members, rights and quarantine: nobody else changes them.</summary>
    MembersLocked,

    /// <summary>Approval of a change: it is another person's, and what is to change is as it should be.</summary>
    ChangeJudged,

    /// <summary>Policy: nobody else proposes or approves.</summary>
    PolicyLocked,

    /// <summary>Recovery: the statement is about this restore and two people's.</summary>
    RecoveryJudged,

    /// <summary>Any write: its rows are in their tables.</summary>
    WriteSaved,

    /// <summary>Any write: entries, receipt and chain are in their tables; the journal's lock is held.</summary>
    WriteJournalled,

    /// <summary>Any write that journals: committed for all to see, and not known to be durable yet.</summary>
    WriteSeen,

    /// <summary>Any write: committed and durable, and its caller not told yet.</summary>
    WriteCommitted,

    /// <summary>Node: entries of the feed are in the index, not in the node's copy.</summary>
    NodeApplied,

    /// <summary>Node: the entries are in its copy.</summary>
    NodeCopied,

    /// <summary>Node: the copy is on the disk, the time it was level is not remembered yet.</summary>
    NodeFlushed,

    /// <summary>Node: the time is written beside, the file that counts is the old one.</summary>
    NodeTimeWritten,

    /// <summary>Node: a snapshot is on the disk under another name; those that count are the older ones.</summary>
    NodeSnapshotWritten,

    /// <summary>Node: it has its name; what it makes needless is not deleted yet.</summary>
    NodeSnapshotNamed,

    /// <summary>Node: older snapshots, and the copy before them, are deleted.</summary>
    NodeCopyShortened,
}

/// <summary>Says that a point was reached: an event in the trace of the call, and a place where a fault test can hold
/// the process and kill it. Costs a comparison while nobody listens.</summary>
public static class SyncPoints
{
    private static readonly DiagnosticListener Listener = new("DeviceRegistry.SyncPoints");

    /// <summary>What the point stands for is done.</summary>
    public static void Reached(SyncPoint point)
    {
        Activity.Current?.AddEvent(new ActivityEvent(point.ToString()));
        if (Listener.IsEnabled()) Listener.Write(point.ToString(), null);
    }
}
