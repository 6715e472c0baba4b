using System.Globalization;
using DeviceRegistry.Attach.Snapshots;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>When a node writes a snapshot, and when it takes one from the registrar.</summary>
/// <param name="Entries">It writes one after so many entries, or <see cref="Limits.SnapshotBytes"/> of them; 0: it
/// writes none.</param>
/// <param name="Behind">It takes one that is further ahead of it than so many entries.</param>
public sealed record SnapshotOptions(int Entries, int Behind);

/// <summary>What a node knows, as it stands on its disk: two snapshots and the copy of the journal since the older of
/// them. The keeper's own: one writer.</summary>
internal sealed partial class NodeStore(NodeState node, LocalJournal copy, SnapshotStore snapshots,
    SnapshotOptions plan,
    TimeProvider time, ILogger<NodeStore> log)
{
    // Statements that were judged once: each costs a replay of the journal.
    private readonly HashSet<ByteString> _disbelieved = [];
    private readonly JournalVerifier _replay = new(node);
    private Task? _writing;
    private ulong _writingPosition;
    private TimeSpan _heldUp;
    private long _entries;
    private long _bytes;
    private long _rememberedAtMs;

    /// <summary>The chain's end as the node trusts it.</summary>
    public ChainEnd End => _replay.End;

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Loads the newest sound snapshot, then the tail of the copy.</summary>
    public void Load()
    {
        if (snapshots.Newest(Fresh) is { } newest) Become(newest.State);
        var from = End.Position;
        copy.Load(from, entry => TryTake(entry, out _));

        // A clock that was set back must not make it look fresher than it is.
        var known = node.Index.KnownAtMs is var kept and > 0 && kept <= NowMs ? kept : 0;
        if (End.Position > 0) node.Index.KnewEverythingAt(
            Math.Max(Math.Max(copy.RecallKnownAt(End.Position, NowMs), known), End.AtUs / 1000));
        Loaded(log, End.Position, from);
    }

    /// <summary>Takes the next entry; false: it is not the next, or not to be understood, and <paramref name="why"/>
    /// says so.</summary>
    public bool TryTake(JournalEntry entry, out string why)
    {
        if (!_replay.TryTake(entry, out why)) return false;

        _entries++;
        _bytes += entry.PublicBytes.Length;
        return true;
    }

    /// <summary>Puts entries that were taken into the copy. False: the disk did not take them.</summary>
    public bool TryKeep(IEnumerable<JournalEntry> taken, out string fault) => copy.TryAppend(taken, out fault);

    /// <summary>Between two messages: takes a snapshot, if one is due. What fails here costs the next restart time, and
    /// nothing else.</summary>
    /// <param name="level">The node has everything; one that catches up does not write one snapshot after the
    /// other.</param>
    public void KeepSnapshot(bool level)
    {
        try
        {
            if (_writing is { IsCompleted: true }) EndWriting();
            if (_writing is null && IsDue(level)) BeginWriting();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            NotWritten(log, fault.Message);
        }
    }

    /// <summary>The node knew everything at this time; put on the disk now and then.</summary>
    public void Remember(long nowMs)
    {
        node.Index.KnewEverythingAt(nowMs);
        if (Math.Abs(nowMs - _rememberedAtMs) < (long)Limits.RememberEvery.TotalMilliseconds) return;

        copy.RememberKnownAt(End.Position, nowMs);
        _rememberedAtMs = nowMs;
    }

    /// <summary>Whether a statement about a restore is one that takes this node back, and it went; otherwise <paramref
    /// name="why"/> says why not. <paramref name="beyond"/>: it is believed, but is about a point before everything the
    /// node has, so that only a snapshot of the registrar's can take it there.</summary>
    public bool TryRecover(JournalEntry recovery, out bool beyond, out string why)
    {
        // 1. A statement about an epoch that this node is in or past is an old one, and would take it back for nothing.
        beyond = false;
        why = "it is about an epoch this node is past, or was refused before";
        if (recovery.Epoch <= End.Epoch || recovery.Position is 0 || _disbelieved.Contains(recovery.Hash)) return false;

        // 2. What this node knew at that point, from its own snapshots and copy, beside what it answers from; or the
        // oldest that it has.
        var after = recovery.Position - 1;
        var earlier = snapshots.Newest(Fresh, most: after)?.State
            ?? (copy.Begin is 0 ? new JournalVerifier(Fresh()) : null);
        beyond = earlier is null;
        earlier ??= (snapshots.All is [var oldest, ..] ? snapshots.Newest(Fresh, most: oldest.Position)?.State : null)
            ?? _replay;

        // 3. The statement must be about just that, and signed by two whom it knew then and who were not sent away
        // since.
        var end = beyond ? default : copy.Read(earlier.End.Position, entry => entry.Position <= after
            && earlier.TryTake(entry, out _));
        if (!IsBelieved(recovery, earlier, beyond, out why))
        {
            _disbelieved.Add(recovery.Hash);
            beyond = false;
            return false;
        }

        why = "it is about a point before everything this node keeps, so that it waits for a snapshot of the " +
            "registrar's";
        if (beyond) return false;

        // 4. What is beyond is kept as evidence, and the node goes on from there. In this order: killed in between, it
        // is where it was, and goes back again.
        _disbelieved.Clear();
        var before = End.Position;
        AwaitWriting();
        copy.KeepAs(Void(recovery.Epoch), end);
        snapshots.DropAfter(after);
        copy.CutAt(end);
        earlier.Node.Index.KnewEverythingAt(earlier.End.AtUs / 1000);
        Become(earlier);
        Recovered(log, before, End.Position);
        return true;
    }

    /// <summary>Knows from now on what a snapshot of the registrar's says, which was verified and lies in a
    /// file.</summary>
    /// <param name="path">The file; it is moved.</param>
    /// <param name="state">What it says.</param>
    /// <param name="grew">The state is more than the file: what is this operator's alone came beside it.</param>
    /// <param name="isVoid">What the node had is of a history that became void: it is kept as evidence.</param>
    public void TakeOver(string path, JournalVerifier state, bool grew, bool isVoid)
    {
        var before = End.Position;
        AwaitWriting();
        if (isVoid) copy.KeepAs(Void(state.End.Epoch));
        if (grew) snapshots.Write(NodeSnapshot.Of(state), path);
        snapshots.TakeOver(path, state.End.Position);
        copy.BeginAnew(state.End.Position);
        state.Node.Index.KnewEverythingAt(state.End.AtUs / 1000);
        Become(state);
        TakenOver(log, End.Position, before);
    }

    /// <summary>A state to build up beside the one that answers.</summary>
    public NodeState Fresh() => new(node.OwnKey, new MemberDirectory());

    private static string Void(uint epoch) =>
        string.Create(CultureInfo.InvariantCulture, $"feed.log.void-before-epoch-{epoch}");

    private void Become(JournalVerifier other)
    {
        _replay.Become(other);
        (_entries, _bytes) = (0, 0);
    }

    // Where the point is out of reach, nothing of the chain can be compared: the two signatures are what is left, of
    // people whom the node knew as long ago as it can tell.
    private bool IsBelieved(JournalEntry recovery, JournalVerifier earlier, bool beyond, out string why)
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

    private bool IsDue(bool level) =>
        plan.Entries > 0 && End.Position > 0 && snapshots.IsRested && copy.IsWritten
            && (_entries >= plan.Entries || _bytes >= Limits.SnapshotBytes)
            && (level || _bytes > snapshots.NewestBytes);

    private void BeginWriting()
    {
        // Whatever becomes of it: the next one is due after as many entries again.
        (_entries, _bytes, _writingPosition) = (0, 0, End.Position);
        copy.BeginPart(_writingPosition);
        var begun = time.GetTimestamp();
        var image = NodeSnapshot.Of(_replay);
        _heldUp = time.GetElapsedTime(begun);
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
            NotWritten(log, fault.Message);
            return;
        }

        snapshots.Take(position);
        if (snapshots.All is [var oldest, _, ..]) copy.DropBefore(oldest.Position);
        SyncPoints.Reached(SyncPoint.NodeCopyShortened);
        Written(log, position, snapshots.NewestBytes, (long)_heldUp.TotalMilliseconds);
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Information,
        Message = "The node's own copy of the journal reaches position {Position}; its snapshot, position {Snapshot}.")]
    private static partial void Loaded(ILogger log, ulong position, ulong snapshot);

    [LoggerMessage(EventId = 3008, Level = LogLevel.Warning,
        Message =
        "The registry was restored; two people signed for it. The node went back from position {Before} to {After} " +
        "and follows on.")]
    private static partial void Recovered(ILogger log, ulong before, ulong after);

    [LoggerMessage(EventId = 3041, Level = LogLevel.Information,
        Message =
        "A snapshot of position {Position}, {Bytes} bytes, is on the disk; the feed was held up for {Ms} ms.")]
    private static partial void Written(ILogger log, ulong position, long bytes, long ms);

    [LoggerMessage(EventId = 3042, Level = LogLevel.Error,
        Message = "ALARM: a snapshot cannot be written ({Why}); answers go on, a restart takes longer.")]
    private static partial void NotWritten(ILogger log, string why);

    [LoggerMessage(EventId = 3043, Level = LogLevel.Information,
        Message = "The node took over a snapshot of the registrar's of position {Position}; it was at {Before}.")]
    private static partial void TakenOver(ILogger log, ulong position, ulong before);
}
