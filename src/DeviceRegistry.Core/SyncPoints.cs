using System.Diagnostics;

namespace DeviceRegistry.Core;

/// <summary>Points of a write at which a fault test may stop or kill the process, in the order of a write. Each is
/// reached after the step in its comment.</summary>
public enum SyncPoint
{
    /// <summary>TAC list: the whole file is received; nothing is written.</summary>
    FileRead,

    /// <summary>Any write: its transaction is open.</summary>
    WriteBegun,

    /// <summary>Any write with a reference: the reference is claimed and was not used before.</summary>
    WriteClaimed,

    /// <summary>Upload: the party may register the batch.</summary>
    UploadAuthorized,

    /// <summary>Upload: a chunk is durable; the sender has no answer yet.</summary>
    UploadChunkStored,

    /// <summary>Upload: sealed; the sender has no answer yet.</summary>
    UploadSealed,

    /// <summary>Sealed batch: its lines are read.</summary>
    BatchRead,

    /// <summary>Sealed batch: its lines are compared with the registered data.</summary>
    BatchJudged,

    /// <summary>Sealed batch: a part of its units is stored.</summary>
    BatchUnitsStored,

    /// <summary>Sealed batch: a part of its IMEIs is stored.</summary>
    BatchImeisStored,

    /// <summary>Sealed batch: its party may register it, and a lock keeps other batches under that authorization from
    /// being registered.</summary>
    BatchAuthorized,

    /// <summary>Sealed batch: no new order covers its units, and a lock keeps new ones out.</summary>
    BatchCovered,

    /// <summary>Decided batch: its file is no longer needed.</summary>
    BatchFileDropped,

    /// <summary>Rejected batch: a part of its stored rows is removed.</summary>
    BatchWithdrawn,

    /// <summary>Rejected batch: a page of its line errors is recorded.</summary>
    BatchReported,

    /// <summary>Certification, release, recall, retirement, board swap: the batch is locked.</summary>
    BatchLocked,

    /// <summary>Release, recall, retirement: the units are selected, and each is in a valid state for the
    /// change.</summary>
    UnitsSelected,

    /// <summary>Release, recall, retirement: their IMEIs are in entries that are not in the journal yet.</summary>
    UnitsStaged,

    /// <summary>Board swap: the new IMEIs are free and valid.</summary>
    SwapJudged,

    /// <summary>Sightings: the segment is in its table, and the units seen are known.</summary>
    SightingsTaken,

    /// <summary>TAC list: the changed rows are known.</summary>
    TacsCompared,

    /// <summary>TAC list: the changed rows are in their table.</summary>
    TacsWritten,

    /// <summary>Draft: its reason code is valid today.</summary>
    DraftJudged,

    /// <summary>Draft of an order or a lift: the order and its subjects are in their tables.</summary>
    DraftSaved,

    /// <summary>Approval: the order is locked.</summary>
    ApprovalLocked,

    /// <summary>Approval: the approver is another person, and the approval is in time.</summary>
    ApprovalJudged,

    /// <summary>Approval: the order is armed, or its target order changed.</summary>
    ApprovalEffected,

    /// <summary>Notice: its proof is in the order's row, and the order is armed if nothing else was missing.</summary>
    NoticeRecorded,

    /// <summary>Start or end of orders: recorded in their rows; the entries are not in the journal yet.</summary>
    ClockRecorded,

    /// <summary>Appeal: its order is locked, and the step is valid, in time and by a permitted person; nothing is
    /// written yet.</summary>
    AppealJudged,

    /// <summary>Changes of members, rights and quarantine: the members are locked.</summary>
    MembersLocked,

    /// <summary>Approval of a change: the approver is another person, and the objects are in the expected
    /// state.</summary>
    ChangeJudged,

    /// <summary>Policy: locked against other proposals and approvals.</summary>
    PolicyLocked,

    /// <summary>Recovery: the statement concerns this restore and has the signatures of two people.</summary>
    RecoveryJudged,

    /// <summary>Any write: its rows are in their tables.</summary>
    WriteSaved,

    /// <summary>Any write: entries, receipt and chain are in their tables; the journal lock is held.</summary>
    WriteJournalled,

    /// <summary>Any write that journals: committed and visible, but not known to be durable.</summary>
    WriteSeen,

    /// <summary>Any write: committed and durable; the caller has no answer yet.</summary>
    WriteCommitted,

    /// <summary>Node: entries of the feed are in the index, not in the local journal.</summary>
    NodeApplied,

    /// <summary>Node: the entries are in the local journal.</summary>
    NodeCopied,

    /// <summary>Node: the local journal is flushed; the time of the last complete journal is not saved yet.</summary>
    NodeFlushed,

    /// <summary>Node: the time is in a temporary file; the previous file is still the valid one.</summary>
    NodeTimeWritten,

    /// <summary>Node: a snapshot is on disk under a temporary name; older snapshots are still the valid ones.</summary>
    NodeSnapshotWritten,

    /// <summary>Node: the snapshot has its final name; files that it replaces are not deleted yet.</summary>
    NodeSnapshotNamed,

    /// <summary>Node: older snapshots, and the local journal before them, are deleted.</summary>
    NodeCopyShortened,
}

/// <summary>Reports that a point was reached: as an event in the trace of the call, and to a fault test, which can stop
/// and kill the process there. Costs one comparison while there is no listener.</summary>
public static class SyncPoints
{
    private static readonly DiagnosticListener Listener = new("DeviceRegistry.SyncPoints");

    /// <summary>Reports a point after its step is done.</summary>
    public static void Reached(SyncPoint point)
    {
        Activity.Current?.AddEvent(new ActivityEvent(point.ToString()));
        if (Listener.IsEnabled()) Listener.Write(point.ToString(), null);
    }
}
