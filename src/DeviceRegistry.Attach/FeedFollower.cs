using DeviceRegistry.Attach.Snapshots;
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

/// <summary>The single writer of the index: loads what the node has on its disk, follows the registrar's feed, verifies
/// every entry, applies in order. Whatever goes wrong, the doors keep answering from what is in.</summary>
internal sealed partial class FeedFollower(
    NodeState node, NodeStore memory, SnapshotDownloader snapshots, PositionReporter reporter,
    Func<CancellationToken, Task<GrpcChannel>> connect, TimeProvider time,
    ILogger<FeedFollower> log) : BackgroundService
{
    private string? _contradictionSaid;
    private bool _heard;
    private bool _level;

    /// <summary>Loads what is on the disk before the doors open: a restarted node has its knowledge with its first
    /// answer.</summary>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        node.Subscribers.Recall();
        memory.Load();
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
        catch (RpcException fault) when (!stopping.IsCancellationRequested
            && StatusMapping.ReasonOf(fault) == StatusMapping.CodeOf(RegistryError.ChainMismatch))
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
        return _heard || (mismatch is not null && await TryGoBackAsync(mismatch, registrar, stopping));
    }

    private async Task FollowAsync(FeedService.FeedServiceClient feed, CancellationTokenSource session)
    {
        await AskForKeyAsync(feed, session.Token);

        // A download knows silence by itself, and takes as long as it takes; what it brought counts as heard.
        var before = node.Feed.SnapshotBytes;
        session.CancelAfter(Timeout.InfiniteTimeSpan);
        try
        {
            await snapshots.TakeIfFarBehindAsync(feed, session.Token);
        }
        finally
        {
            _heard = node.Feed.SnapshotBytes > before;
        }

        session.CancelAfter(Limits.SilenceMost);
        var start = memory.End;
        using var call = feed.Subscribe(
            new SubscribeRequest { AfterPosition = start.Position, Hash = start.Position is 0 ? ByteString.Empty
                : ByteString.CopyFrom(start.Hash), Follow = true },
            cancellationToken: session.Token);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(session.Token);
        var begun = false;
        var reporting = reporter.ReportAsync(feed, () => memory.End, over.Token);
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
                if (!begun) Begun(start.Position);
                _heard = begun = true;
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
            if (!memory.TryTake(entry, out var fault))
            {
                Halt(fault);
                break;
            }

            taken++;
            node.Feed.EntriesApplied++;
        }

        SyncPoints.Reached(SyncPoint.NodeApplied);
        if (node.Contradiction is { } contradiction && contradiction != _contradictionSaid) Contradicted(log,
            _contradictionSaid = contradiction);

        // A full or broken disk costs the node its memory of today at the next restart, never an answer now.
        if (!memory.TryKeep(entries.Take(taken), out var why)) Lament(why);
        SyncPoints.Reached(SyncPoint.NodeCopied);
        if (taken < entries.Count) return false;

        node.Halted = null;
        memory.KeepSnapshot(level: false);
        reporter.Moved();
        return true;
    }

    private bool TakeHeartbeat(Heartbeat heartbeat)
    {
        node.Feed.HeadPosition = heartbeat.HeadPosition;
        reporter.Heard(heartbeat);
        if (heartbeat.HeadPosition != memory.End.Position) return true;

        if (!_level) Level(log, memory.End.Position);
        _level = true;
        node.Halted = null;
        memory.KeepSnapshot(level: true);
        try
        {
            memory.Remember(time.GetUtcNow().ToUnixTimeMilliseconds());
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Lament(fault.Message);
        }

        reporter.Moved();
        return true;
    }

    // The registrar was restored to a point this node is past. Only the signed word of two people, known from this
    // node's own history up to that point, makes it drop what it knows beyond. Whatever goes wrong on the way, it stays
    // where it is and answers.
    private async Task<bool> TryGoBackAsync(RpcException mismatch, CallInvoker invoker, CancellationToken ct)
    {
        var (registrar, feed) = (new RecoveryService.RecoveryServiceClient(invoker),
            new FeedService.FeedServiceClient(invoker));
        var refused = "";
        try
        {
            var found = await registrar.FindRecoveriesAsync(
                new FindRecoveriesRequest { Epoch = memory.End.Epoch }, deadline: time.GetUtcNow().UtcDateTime
                    + Limits.RetryMost, cancellationToken: ct);
            foreach (var recovery in found.Recoveries)
            {
                if (memory.TryRecover(recovery, out var beyond, out var why)
                    || (beyond && await snapshots.TakeAsync(feed, recovery.Epoch, ct)))
                {
                    reporter.Forget();
                    node.Halted = null;
                    return true;
                }

                refused += $" The statement at position {recovery.Position} is not followed: {why}.";
            }
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            refused =
                $" The way back failed: {(fault is RpcException call ? call.StatusCode.ToString() : fault.Message)}.";
        }

        Halt(mismatch.Status.Detail + refused);
        return false;
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
    private static string WhyLost(RpcException fault) =>
        StatusMapping.ReasonOf(fault) is { Length: > 0 } reason ? reason : fault.Status.Detail;

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

    [LoggerMessage(EventId = 3002, Level = LogLevel.Warning,
        Message = "The feed is lost ({Status}: {Detail}); answers go on from memory.")]
    private static partial void FeedLost(ILogger log, StatusCode status, string detail);

    [LoggerMessage(EventId = 3003, Level = LogLevel.Error,
        Message = "ALARM: the node applies no more entries: {Why}. Answers go on from what it trusts.")]
    private static partial void ApplicationHalted(ILogger log, string why);

    [LoggerMessage(EventId = 3018, Level = LogLevel.Error,
        Message =
        "ALARM: a checkpoint contradicts what this node knows: {Why}. Answers go on; compare dreg journal verify at " +
        "the registrar and from this node's copy.")]
    private static partial void Contradicted(ILogger log, string why);

    [LoggerMessage(EventId = 3020, Level = LogLevel.Error,
        Message =
        "ALARM: the key of this operator's subscribers: {Why}. Orders on a handset with one of them may refuse " +
        "nobody here.")]
    private static partial void NoKey(ILogger log, string why);

    [LoggerMessage(EventId = 3004, Level = LogLevel.Error,
        Message =
        "ALARM: the node's own copy of the journal cannot be written ({Why}); answers go on, a restart will fetch " +
        "the rest again.")]
    private static partial void CopyNotWritten(ILogger log, string why);

    [LoggerMessage(EventId = 3005, Level = LogLevel.Error,
        Message = "ALARM: a feed session failed unexpectedly; answers go on from memory.")]
    private static partial void SessionFailed(ILogger log, Exception fault);

    [LoggerMessage(EventId = 3006, Level = LogLevel.Information,
        Message = "A feed session has begun after position {Position}.")]
    private static partial void SessionBegun(ILogger log, ulong position);

    [LoggerMessage(EventId = 3007, Level = LogLevel.Information,
        Message = "The node is level with the registrar at position {Position}.")]
    private static partial void Level(ILogger log, ulong position);
}
