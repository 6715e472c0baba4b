using System.Globalization;
using DeviceRegistry.Attach.Snapshots;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>When a node writes a snapshot, and when it downloads one from the registrar.</summary>
/// <param name="Entries">The node writes a snapshot after this many entries, or after <see
/// cref="Limits.SnapshotBytes"/> of them; 0: never.</param>
/// <param name="Behind">The node downloads a snapshot that is more than this many entries ahead of it.</param>
public sealed record SnapshotOptions(int Entries, int Behind);

/// <summary>The state of a node on its disk: two snapshots, and the local journal since the older of them. One writer:
/// the feed thread.</summary>
internal sealed partial class NodeStore(NodeState node, LocalJournal journal, SnapshotStore snapshots,
    SnapshotOptions options,
    TimeProvider time, ILogger<NodeStore> log)
{
    // Recovery statements that were rejected: verifying one again costs a replay of the journal.
    private readonly HashSet<ByteString> _rejected = [];
    private readonly JournalVerifier _verifier = new(node);
    private Task? _writing;
    private ulong _writingPosition;
    private TimeSpan _pausedFor;
    private long _entries;
    private long _bytes;
    private long _watermarkSavedMs;

    /// <summary>End of the chain that this node has verified.</summary>
    public ChainEnd End => _verifier.End;

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Loads the newest valid snapshot, then the rest of the local journal.</summary>
    public void Load()
    {
        if (snapshots.Newest(NewState) is { } newest) ReplaceWith(newest.State);
        var from = End.Position;
        journal.Load(from, entry => TryApply(entry, out _));

        // Ignore a time in the future: a clock that was set back must not make the data look fresher than it is.
        var watermark = node.Index.KnownAtMs is var kept and > 0 && kept <= NowMs ? kept : 0;
        if (End.Position > 0) node.Index.KnewEverythingAt(
            Math.Max(Math.Max(journal.LoadKnownAt(End.Position, NowMs), watermark), End.AtUs / 1000));
        LocalStateLoaded(log, End.Position, from);
    }

    /// <summary>Verifies and applies the next entry. Returns false if the entry is not the next one or is not
    /// understood; <paramref name="why"/> has the reason.</summary>
    public bool TryApply(JournalEntry entry, out string why)
    {
        if (!_verifier.TryApply(entry, out why)) return false;

        _entries++;
        _bytes += entry.PublicBytes.Length;
        return true;
    }

    /// <summary>Appends applied entries to the local journal. Returns false if the disk rejected them.</summary>
    public bool TryAppend(IEnumerable<JournalEntry> taken, out string fault) => journal.TryAppend(taken, out fault);

    /// <summary>Starts writing a snapshot if one is due, and finishes one that is written. Call it between two
    /// messages. A failure only makes the next restart slower.</summary>
    /// <param name="caughtUp">Whether the node has caught up with the registrar; a node that is catching up does not
    /// write one snapshot after another.</param>
    public void SnapshotIfDue(bool caughtUp)
    {
        try
        {
            if (_writing is { IsCompleted: true }) EndWriting();
            if (_writing is null && IsDue(caughtUp)) BeginWriting();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            SnapshotWriteFailed(log, fault.Message);
        }
    }

    /// <summary>Records that the node had the whole journal at this time; written to the disk every <see
    /// cref="Limits.WatermarkInterval"/>.</summary>
    public void SaveWatermark(long nowMs)
    {
        node.Index.KnewEverythingAt(nowMs);
        if (Math.Abs(nowMs - _watermarkSavedMs) < (long)Limits.WatermarkInterval.TotalMilliseconds) return;

        journal.SaveKnownAt(End.Position, nowMs);
        _watermarkSavedMs = nowMs;
    }

    /// <summary>Rolls the node back if a recovery statement is valid and applies to it; otherwise <paramref
    /// name="why"/> has the reason. <paramref name="beyond"/>: the statement is valid, but its position is before
    /// everything the node has, so only a registrar snapshot can bring the node there.</summary>
    public bool TryRecover(JournalEntry recovery, out bool beyond, out string why)
    {
        // 1. Ignore a statement about the current or an earlier epoch: it would roll the node back for nothing.
        beyond = false;
        why = "it is about an epoch this node is past, or was refused before";
        if (recovery.Epoch <= End.Epoch || recovery.Position is 0 || _rejected.Contains(recovery.Hash)) return false;

        // 2. Rebuild the state at that position from the node's own snapshots and local journal, separately from the
        // state it answers from; if that is impossible, use the oldest state it has.
        var after = recovery.Position - 1;
        var earlier = snapshots.Newest(NewState, max: after)?.State
            ?? (journal.Begin is 0 ? new JournalVerifier(NewState()) : null);
        beyond = earlier is null;
        earlier ??= (snapshots.All is [var oldest, ..] ? snapshots.Newest(NewState, max: oldest.Position)?.State : null)
            ?? _verifier;

        // 3. The statement must be about exactly that state, and signed by two people whom the state knows and who
        // still may sign today.
        var end = beyond ? default : journal.Read(earlier.End.Position, entry => entry.Position <= after
            && earlier.TryApply(entry, out _));
        if (!IsValidRecovery(recovery, earlier, beyond, out why))
        {
            _rejected.Add(recovery.Hash);
            beyond = false;
            return false;
        }

        why = "it is about a point before everything this node keeps, so that it waits for a snapshot of the " +
            "registrar's";
        if (beyond) return false;

        // 4. Keep the later entries as evidence and continue from that position. The order matters: a node killed in
        // between starts from its old state and rolls back again.
        _rejected.Clear();
        var before = End.Position;
        AwaitWriting();
        journal.SaveAs(VoidName(recovery.Epoch), end);
        snapshots.DeleteAfter(after);
        journal.CutAt(end);
        earlier.Node.Index.KnewEverythingAt(earlier.End.AtUs / 1000);
        ReplaceWith(earlier);
        Recovered(log, before, End.Position);
        return true;
    }

    /// <summary>Replaces the state with a verified snapshot of the registrar that is in a file.</summary>
    /// <param name="path">The snapshot file; it is moved.</param>
    /// <param name="state">The state read from the file.</param>
    /// <param name="extended">The state contains more than the file: entries for this operator alone came with the
    /// snapshot.</param>
    /// <param name="isVoid">The node's previous history is void: its local journal is kept as evidence.</param>
    public void InstallSnapshot(string path, JournalVerifier state, bool extended, bool isVoid)
    {
        var before = End.Position;
        AwaitWriting();
        if (isVoid) journal.SaveAs(VoidName(state.End.Epoch));
        if (extended) snapshots.Write(NodeSnapshot.Of(state), path);
        snapshots.Install(path, state.End.Position);
        journal.Restart(state.End.Position);
        state.Node.Index.KnewEverythingAt(state.End.AtUs / 1000);
        ReplaceWith(state);
        SnapshotInstalled(log, End.Position, before);
    }

    /// <summary>A new empty state, separate from the one that answers.</summary>
    public NodeState NewState() => new(node.OwnKey, new MemberDirectory());

    private static string VoidName(uint epoch) =>
        string.Create(CultureInfo.InvariantCulture, $"feed.log.void-before-epoch-{epoch}");

    private void ReplaceWith(JournalVerifier other)
    {
        _verifier.ReplaceWith(other);
        (_entries, _bytes) = (0, 0);
    }

    // If the position is before all local state, the chain cannot be compared. The two signatures remain, of people
    // known to the oldest local state.
    private bool IsValidRecovery(JournalEntry recovery, JournalVerifier earlier, bool beyond, out string why)
    {
        if (!beyond && !RecoveryRules.Follows(recovery, earlier.End, earlier.Node.Members, out why)) return false;
        if (!JournalEntryRules.TryRead(recovery, Contracts.V1.Recovered.Parser, out var recovered))
        {
            why = "it cannot be read";
            return false;
        }

        return (!beyond || (RecoveryRules.IsAbout(recovery, recovered, out why)
            && RecoveryRules.IsSigned(recovered, earlier.Node.Members, out _, out why)))
            && RecoveryRules.IsSigned(recovered, node.Members, out _, out why);
    }

    private bool IsDue(bool caughtUp) =>
        options.Entries > 0 && End.Position > 0 && snapshots.IsRested && journal.IsWritten
            && (_entries >= options.Entries || _bytes >= Limits.SnapshotBytes)
            && (caughtUp || _bytes > snapshots.NewestBytes);

    private void BeginWriting()
    {
        // Whether or not this one succeeds, the next one is due after as many entries again.
        (_entries, _bytes, _writingPosition) = (0, 0, End.Position);
        journal.BeginPart(_writingPosition);
        var started = time.GetTimestamp();
        var image = NodeSnapshot.Of(_verifier);
        _pausedFor = time.GetElapsedTime(started);
        _writing = Task.Factory.StartNew(() => snapshots.Write(image), CancellationToken.None,
            TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void AwaitWriting()
    {
        if (_writing is null) return;

        Task.WaitAny(_writing);
        EndWriting();
    }

    private void EndWriting()
    {
        var (written, position) = (_writing!, _writingPosition);
        _writing = null;
        if (written.Exception?.InnerException is { } fault)
        {
            SnapshotWriteFailed(log, fault.Message);
            return;
        }

        snapshots.Register(position);
        if (snapshots.All is [var oldest, _, ..]) journal.DropBefore(oldest.Position);
        SyncPoints.Reached(SyncPoint.NodeCopyShortened);
        SnapshotWritten(log, position, snapshots.NewestBytes, (long)_pausedFor.TotalMilliseconds);
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Information,
        Message = "Local journal loaded up to position {Position}; snapshot at position {Snapshot}")]
    private static partial void LocalStateLoaded(ILogger log, ulong position, ulong snapshot);

    [LoggerMessage(EventId = 3008, Level = LogLevel.Warning,
        Message =
        "Registry was restored, recovery statement signed by two people; node rolled back from position {Before} " +
        "to {After}")]
    private static partial void Recovered(ILogger log, ulong before, ulong after);

    [LoggerMessage(EventId = 3041, Level = LogLevel.Information,
        Message = "Snapshot written at position {Position}, {Bytes} bytes (feed paused {Ms} ms)")]
    private static partial void SnapshotWritten(ILogger log, ulong position, long bytes, long ms);

    [LoggerMessage(EventId = 3042, Level = LogLevel.Error,
        Message = "Cannot write snapshot: {Why}; the next restart will take longer")]
    private static partial void SnapshotWriteFailed(ILogger log, string why);

    [LoggerMessage(EventId = 3043, Level = LogLevel.Information,
        Message = "Installed registrar snapshot at position {Position}; node was at {Before}")]
    private static partial void SnapshotInstalled(ILogger log, ulong position, ulong before);
}
