using System.Globalization;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>The single writer of the index: loads the node's own copy of the journal, follows the registrar's feed, verifies every entry,
/// applies in order. Whatever goes wrong, the doors keep answering from what is in.</summary>
internal sealed partial class IndexKeeper(
    NodeState node, FeedLog copy, StandingReporter reporter, Func<CancellationToken, Task<GrpcChannel>> connect, TimeProvider time, ILogger<IndexKeeper> log) : BackgroundService
{
    private readonly Replay _replay = new(node);

    // Statements that were judged once: each costs a replay of the journal.
    private readonly HashSet<ByteString> _disbelieved = [];
    private long _rememberedAtMs;
    private string? _contradictionSaid;
    private bool _heard;
    private bool _level;

    /// <summary>Loads the copy before the doors open: a restarted node has its knowledge with its first answer.</summary>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        node.Subscribers.Recall();
        copy.Load(entry => _replay.TryTake(entry, out _));
        var end = _replay.End;
        if (end.Position > 0) node.Index.KnewEverythingAt(Math.Max(copy.RecallKnownAt(end.Position, NowMs), end.AtUs / 1000));
        Loaded(log, end.Position);
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            using var registrar = await connect(stoppingToken);
            await KeepFollowingAsync(registrar.CreateCallInvoker(), stoppingToken);
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop: however the wait was cut short.
        }
    }

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task KeepFollowingAsync(CallInvoker registrar, CancellationToken stopping)
    {
        var reconnecting = Resilience.Feed(time);
        while (true)
        {
            await reconnecting.ExecuteAsync(async ct => await TryFollowAsync(registrar, ct), stopping);

            // A session that was heard ended: what was backed off from is over, so the next is not far.
            node.Feed.SessionsLost++;
            await Task.Delay(Limits.RetryFirst * (0.5 + Random.Shared.NextDouble() / 2), time, stopping);
        }
    }

    // One session, to whatever end. True: something of it was taken.
    private async Task<bool> TryFollowAsync(CallInvoker registrar, CancellationToken stopping)
    {
        _heard = _level = false;
        using var session = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        session.CancelAfter(Limits.SilenceMost);
        RpcException? mismatch = null;
        try
        {
            await FollowAsync(new FeedService.FeedServiceClient(registrar), session);
        }
        catch (Exception) when (session.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            FeedLost(log, StatusCode.DeadlineExceeded, "the registrar fell silent");
        }
        catch (RpcException fault) when (!stopping.IsCancellationRequested && StatusMapping.ReasonOf(fault) == StatusMapping.CodeOf(RegistryError.ChainMismatch))
        {
            mismatch = fault;
        }
        catch (RpcException fault) when (!stopping.IsCancellationRequested)
        {
            FeedLost(log, fault.StatusCode, WhyLost(fault));
        }
        catch (Exception fault) when (!stopping.IsCancellationRequested)
        {
            // Ours, and unexpected: said aloud, never a reason to stop answering.
            SessionFailed(log, fault);
        }

        // The registrar has another history: an alarm until it is ours again, or two people have said why.
        return _heard || (mismatch is not null && await TryGoBackAsync(mismatch, new RecoveryService.RecoveryServiceClient(registrar), stopping));
    }

    private async Task FollowAsync(FeedService.FeedServiceClient feed, CancellationTokenSource session)
    {
        await AskForKeyAsync(feed, session.Token);
        var start = _replay.End;
        using var call = feed.Subscribe(
            new SubscribeRequest { AfterPosition = start.Position, Hash = start.Position is 0 ? ByteString.Empty : ByteString.CopyFrom(start.Hash), Follow = true },
            cancellationToken: session.Token);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(session.Token);
        var reporting = reporter.ReportAsync(feed, () => _replay.End, over.Token);
        try
        {
            while (await call.ResponseStream.MoveNext(session.Token))
            {
                session.CancelAfter(Limits.SilenceMost);
                var message = call.ResponseStream.Current;
                var going = message.PartCase switch
                {
                    SubscribeResponse.PartOneofCase.Entries => TakeAll(message.Entries.Entries),
                    SubscribeResponse.PartOneofCase.Heartbeat => TakeHeartbeat(message.Heartbeat),
                    _ => true,
                };
                if (!going) return;

                // Only what was taken counts as heard: a node that halts must not come back ten times a second.
                if (!_heard) Begun(start.Position);
                _heard = true;
            }
        }
        finally
        {
            await over.CancelAsync();
            await reporting;
        }
    }

    private bool TakeAll(RepeatedField<JournalEntry> entries)
    {
        var taken = 0;
        foreach (var entry in entries)
        {
            if (!_replay.TryTake(entry, out var fault))
            {
                Halt(fault);
                break;
            }

            taken++;
            node.Feed.EntriesApplied++;
        }

        SyncPoints.Reached(SyncPoint.NodeApplied);
        if (node.Contradiction is { } contradiction && contradiction != _contradictionSaid) Contradicted(log, _contradictionSaid = contradiction);

        // A full or broken disk costs the node its memory of today at the next restart, never an answer now.
        if (!copy.TryAppend(entries.Take(taken), out var why)) Lament(why);
        SyncPoints.Reached(SyncPoint.NodeCopied);
        if (taken < entries.Count) return false;

        node.Halted = null;
        reporter.Moved();
        return true;
    }

    private bool TakeHeartbeat(Heartbeat heartbeat)
    {
        node.Feed.HeadPosition = heartbeat.HeadPosition;
        reporter.Heard(heartbeat);
        if (heartbeat.HeadPosition != _replay.End.Position) return true;

        if (!_level) Level(log, _replay.End.Position);
        _level = true;
        var nowMs = NowMs;
        node.Halted = null;
        node.Index.KnewEverythingAt(nowMs);
        if (Math.Abs(nowMs - _rememberedAtMs) >= (long)Limits.RememberEvery.TotalMilliseconds)
        {
            Remember(nowMs);
            _rememberedAtMs = nowMs;
        }

        reporter.Moved();
        return true;
    }

    private void Remember(long nowMs)
    {
        try
        {
            copy.RememberKnownAt(_replay.End.Position, nowMs);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Lament(fault.Message);
        }
    }

    // The registrar was restored to a point this node is past. Only the signed word of two people, known from this node's own history up to
    // that point, makes it drop what it knows beyond. Whatever goes wrong on the way, it stays where it is and answers.
    private async Task<bool> TryGoBackAsync(RpcException mismatch, RecoveryService.RecoveryServiceClient registrar, CancellationToken ct)
    {
        var refused = "";
        try
        {
            var found = await registrar.FindRecoveriesAsync(
                new FindRecoveriesRequest { Epoch = _replay.End.Epoch }, deadline: time.GetUtcNow().UtcDateTime + Limits.RetryMost, cancellationToken: ct);
            foreach (var recovery in found.Recoveries)
            {
                if (TryRecover(recovery, out var why)) return true;
                refused += $" The statement at position {recovery.Position} is not believed: {why}.";
            }
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            refused = $" The way back failed: {(fault is RpcException call ? call.StatusCode.ToString() : fault.Message)}.";
        }

        Halt(mismatch.Status.Detail + refused);
        return false;
    }

    private bool TryRecover(JournalEntry recovery, out string why)
    {
        // 1. A statement about an epoch that this node is in or past is an old one, and would take it back for nothing.
        why = "it is about an epoch this node is past, or was refused before";
        if (recovery.Epoch <= _replay.End.Epoch || _disbelieved.Contains(recovery.Hash)) return false;

        // 2. What this node knew at that point, from its own copy, beside what it answers from.
        var earlier = new Replay(new NodeState(node.OwnKey, new MemberDirectory()));
        var end = copy.Read(entry => entry.Position < recovery.Position && earlier.TryTake(entry, out _));

        // 3. The statement must be about just that, and signed by two whom it knew then and who were not sent away since.
        if (!RecoveryRules.Follows(recovery, earlier.End, earlier.Node.Members, out why)
            || !RecoveryRules.IsSigned(Contracts.V1.Recovered.Parser.ParseFrom(recovery.PublicBytes), node.Members, out _, out why))
        {
            _disbelieved.Add(recovery.Hash);
            return false;
        }

        // 4. The copy ends there, what was beyond is kept as evidence, and the node goes on from there.
        _disbelieved.Clear();
        var before = _replay.End.Position;
        copy.CutAt(end, string.Create(CultureInfo.InvariantCulture, $"void-before-epoch-{recovery.Epoch}"));
        earlier.Node.Index.KnewEverythingAt(earlier.End.AtUs / 1000);
        _replay.Become(earlier);
        reporter.Forget();
        node.Halted = null;
        Recovered(log, before, earlier.End.Position);
        return true;
    }

    // Beside the feed, not in its way: without a key less is refused, and everything else is as it should be.
    private async Task AskForKeyAsync(FeedService.FeedServiceClient feed, CancellationToken ct)
    {
        try
        {
            if (await node.Subscribers.AskAsync(feed, ct) is { Length: > 0 } wrong) NoKey(log, wrong);
        }
        catch (RpcException fault) when (fault.StatusCode is not (StatusCode.Unavailable or StatusCode.Cancelled))
        {
            NoKey(log, $"{fault.StatusCode}: {WhyLost(fault)}");
        }
    }

    // A refusal by its code: its words may name people.
    private static string WhyLost(RpcException fault) => StatusMapping.ReasonOf(fault) is { Length: > 0 } reason ? reason : fault.Status.Detail;

    private void Begun(ulong after)
    {
        node.Feed.SessionsBegun++;
        SessionBegun(log, after);
    }

    private void Lament(string why)
    {
        node.Feed.CopyFailures++;
        CopyNotWritten(log, why);
    }

    private void Halt(string why)
    {
        if (node.Halted == why) return;

        node.Halted = why;
        ApplicationHalted(log, why);
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Information, Message = "The node's own copy of the journal reaches position {Position}.")]
    private static partial void Loaded(ILogger log, ulong position);

    [LoggerMessage(EventId = 3002, Level = LogLevel.Warning, Message = "The feed is lost ({Status}: {Detail}); answers go on from memory.")]
    private static partial void FeedLost(ILogger log, StatusCode status, string detail);

    [LoggerMessage(EventId = 3003, Level = LogLevel.Error, Message = "ALARM: the node applies no more entries: {Why}. Answers go on from what it trusts.")]
    private static partial void ApplicationHalted(ILogger log, string why);

    [LoggerMessage(EventId = 3018, Level = LogLevel.Error, Message = "ALARM: a checkpoint contradicts what this node knows: {Why}. Answers go on; compare dreg journal verify at the registrar and from this node's copy.")]
    private static partial void Contradicted(ILogger log, string why);

    [LoggerMessage(EventId = 3020, Level = LogLevel.Error, Message = "ALARM: the key of this operator's subscribers: {Why}. Orders on a handset with one of them may refuse nobody here.")]
    private static partial void NoKey(ILogger log, string why);

    [LoggerMessage(EventId = 3004, Level = LogLevel.Error, Message = "ALARM: the node's own copy of the journal cannot be written ({Why}); answers go on, a restart will fetch the rest again.")]
    private static partial void CopyNotWritten(ILogger log, string why);

    [LoggerMessage(EventId = 3008, Level = LogLevel.Warning, Message = "The registry was restored; two people signed for it. The node went back from position {Before} to {After} and follows on.")]
    private static partial void Recovered(ILogger log, ulong before, ulong after);

    [LoggerMessage(EventId = 3005, Level = LogLevel.Error, Message = "ALARM: a feed session failed unexpectedly; answers go on from memory.")]
    private static partial void SessionFailed(ILogger log, Exception fault);

    [LoggerMessage(EventId = 3006, Level = LogLevel.Information, Message = "A feed session has begun after position {Position}.")]
    private static partial void SessionBegun(ILogger log, ulong position);

    [LoggerMessage(EventId = 3007, Level = LogLevel.Information, Message = "The node is level with the registrar at position {Position}.")]
    private static partial void Level(ILogger log, ulong position);
}
