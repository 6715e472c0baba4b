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

/// <summary>The single writer of the index. Loads the state from the disk, subscribes to the registrar's feed, verifies
/// every entry and applies the entries in order. If any of this fails, the interfaces keep answering from the current
/// state.</summary>
internal sealed partial class FeedFollower(
    NodeState node, NodeStore store, SnapshotDownloader snapshots, PositionReporter reporter,
    Func<CancellationToken, Task<GrpcChannel>> connect, TimeProvider time,
    ILogger<FeedFollower> log) : BackgroundService
{
    private string? _loggedContradiction;
    private bool _received;
    private bool _caughtUp;

    /// <summary>Loads the state from the disk before the listeners open, so that a restarted node has it for its first
    /// answer.</summary>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        node.Subscribers.Load();
        store.Load();
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
            // The host is stopping; the wait may end with any exception.
        }
    }

    private async Task KeepFollowingAsync(CallInvoker registrar, CancellationToken stopping)
    {
        var reconnecting = Resilience.Feed(time);
        while (true)
        {
            await reconnecting.ExecuteAsync(async ct => await TryFollowAsync(registrar, ct), stopping);

            // The last session received messages, so the backoff starts again from its shortest delay.
            node.Feed.SessionsLost++;
            await Task.Delay(Limits.RetryDelayMin * (0.5 + Random.Shared.NextDouble() / 2), time, stopping);
        }
    }

    // Runs one session until it ends. Returns true if the session applied something.
    private async Task<bool> TryFollowAsync(CallInvoker registrar, CancellationToken stopping)
    {
        _received = _caughtUp = false;
        using var session = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        session.CancelAfter(Limits.SilenceMax);
        RpcException? mismatch = null;
        try
        {
            await FollowAsync(new FeedService.FeedServiceClient(registrar), session);
        }
        catch (Exception) when (session.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            FeedDisconnected(log, StatusCode.DeadlineExceeded, "the registrar fell silent");
        }
        catch (RpcException fault) when (!stopping.IsCancellationRequested
            && StatusMapping.ReasonOf(fault) == StatusMapping.CodeOf(RegistryError.ChainMismatch))
        {
            mismatch = fault;
        }
        catch (RpcException fault) when (!stopping.IsCancellationRequested)
        {
            FeedDisconnected(log, fault.StatusCode, ReasonOf(fault));
        }
        catch (Exception fault) when (!stopping.IsCancellationRequested)
        {
            // A defect of this program: log it and keep answering.
            UnexpectedFeedError(log, fault);
        }

        // The registrar's history differs from the node's. The node raises an alarm until the histories match again or
        // two people have signed a recovery statement.
        return _received || (mismatch is not null && await TryRecoverAsync(mismatch, registrar, stopping));
    }

    private async Task FollowAsync(FeedService.FeedServiceClient feed, CancellationTokenSource session)
    {
        await FetchKeyAsync(feed, session.Token);

        // A download detects silence itself and has no total limit. Received snapshot bytes count as a successful
        // session.
        var before = node.Feed.SnapshotBytes;
        session.CancelAfter(Timeout.InfiniteTimeSpan);
        try
        {
            await snapshots.InstallIfFarBehindAsync(feed, session.Token);
        }
        finally
        {
            _received = node.Feed.SnapshotBytes > before;
        }

        session.CancelAfter(Limits.SilenceMax);
        var start = store.End;
        using var call = feed.Subscribe(
            new SubscribeRequest
            {
                AfterPosition = start.Position, Hash = start.Position is 0 ? ByteString.Empty
                : ByteString.CopyFrom(start.Hash), Follow = true
            },
            cancellationToken: session.Token);
        using var sessionEnd = CancellationTokenSource.CreateLinkedTokenSource(session.Token);
        var started = false;
        var reporting = reporter.ReportAsync(feed, () => store.End, sessionEnd.Token);
        try
        {
            while (await call.ResponseStream.MoveNext(session.Token))
            {
                session.CancelAfter(Limits.SilenceMax);
                var message = call.ResponseStream.Current;
                var proceed = message.PartCase switch
                {
                    SubscribeResponse.PartOneofCase.Entries => ApplyAll(message.Entries.Entries),
                    SubscribeResponse.PartOneofCase.Heartbeat => HandleHeartbeat(message.Heartbeat),
                    _ => true,
                };
                if (!proceed) return;

                // Only an applied message counts as a successful session: a node that halts must not reconnect ten
                // times a second.
                if (!started) SessionStarted(start.Position);
                _received = started = true;
            }
        }
        finally
        {
            await sessionEnd.CancelAsync();
            await reporting;
        }
    }

    private bool ApplyAll(RepeatedField<JournalEntry> entries)
    {
        var applied = 0;
        foreach (var entry in entries)
        {
            if (!store.TryApply(entry, out var fault))
            {
                Halt(fault);
                break;
            }

            applied++;
            node.Feed.EntriesApplied++;
        }

        SyncPoints.Reached(SyncPoint.NodeApplied);
        if (node.Contradiction is { } contradiction && contradiction != _loggedContradiction) Contradicted(log,
            _loggedContradiction = contradiction);

        // A full or broken disk costs the newest entries at the next restart, and no answer now.
        if (!store.TryAppend(entries.Take(applied), out var why)) ReportLocalJournalFailure(why);
        SyncPoints.Reached(SyncPoint.NodeCopied);
        if (applied < entries.Count) return false;

        node.Halted = null;
        store.SnapshotIfDue(caughtUp: false);
        reporter.PositionChanged();
        return true;
    }

    private bool HandleHeartbeat(Heartbeat heartbeat)
    {
        node.Feed.HeadPosition = heartbeat.HeadPosition;
        reporter.HeartbeatReceived(heartbeat);
        if (heartbeat.HeadPosition != store.End.Position) return true;

        if (!_caughtUp) CaughtUp(log, store.End.Position);
        _caughtUp = true;
        node.Halted = null;
        store.SnapshotIfDue(caughtUp: true);
        try
        {
            store.SaveWatermark(time.GetUtcNow().ToUnixTimeMilliseconds());
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            ReportLocalJournalFailure(fault.Message);
        }

        reporter.PositionChanged();
        return true;
    }

    // The registrar was restored to a position before this node's. Only a statement signed by two people, both known
    // from the node's own history up to that position, makes the node discard the entries after it. If any step fails,
    // the node keeps its state and keeps answering.
    private async Task<bool> TryRecoverAsync(RpcException mismatch, CallInvoker invoker, CancellationToken ct)
    {
        var (registrar, feed) = (new RecoveryService.RecoveryServiceClient(invoker),
            new FeedService.FeedServiceClient(invoker));
        var refused = "";
        try
        {
            var found = await registrar.ListRecoveriesAsync(
                new ListRecoveriesRequest { Epoch = store.End.Epoch }, deadline: time.GetUtcNow().UtcDateTime
                    + Limits.RetryDelayMax, cancellationToken: ct);
            foreach (var recovery in found.Recoveries)
            {
                if (store.TryRecover(recovery, out var beyond, out var why)
                    || (beyond && await snapshots.InstallAsync(feed, recovery.Epoch, ct)))
                {
                    reporter.Reset();
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

    // A missing key does not stop the feed: the node enforces fewer orders, and everything else works.
    private async Task FetchKeyAsync(FeedService.FeedServiceClient feed, CancellationToken ct)
    {
        try
        {
            if (await node.Subscribers.FetchAsync(feed, ct) is { Length: > 0 } problem) SubscriberKeyUnavailable(log,
                problem);
        }
        catch (RpcException fault) when (fault.StatusCode is not (StatusCode.Unavailable or StatusCode.Cancelled))
        {
            SubscriberKeyUnavailable(log, $"{fault.StatusCode}: {ReasonOf(fault)}");
        }
    }

    // Log the error code, because the message may name people.
    private static string ReasonOf(RpcException fault) =>
        StatusMapping.ReasonOf(fault) is { Length: > 0 } reason ? reason : fault.Status.Detail;

    private void SessionStarted(ulong after)
    {
        node.Feed.SessionsBegun++;
        FeedConnected(log, after);
    }

    private void ReportLocalJournalFailure(string why)
    {
        node.Feed.CopyFailures++;
        LocalJournalWriteFailed(log, why);
    }

    private void Halt(string why)
    {
        if (node.Halted == why) return;

        node.Halted = why;
        ApplicationHalted(log, why);
    }

    [LoggerMessage(EventId = 3002, Level = LogLevel.Warning,
        Message = "Feed disconnected ({Status}: {Detail}); answering from memory")]
    private static partial void FeedDisconnected(ILogger log, StatusCode status, string detail);

    [LoggerMessage(EventId = 3003, Level = LogLevel.Error,
        Message = "Journal application halted: {Why}; answering from the last verified state")]
    private static partial void ApplicationHalted(ILogger log, string why);

    [LoggerMessage(EventId = 3018, Level = LogLevel.Error,
        Message =
        "Checkpoint does not match this node: {Why}; compare dreg journal verify at the registrar and on this " +
        "node's local journal")]
    private static partial void Contradicted(ILogger log, string why);

    [LoggerMessage(EventId = 3020, Level = LogLevel.Error,
        Message = "Subscriber pseudonym key unavailable: {Why}; IMEI+IMSI orders not enforced on this node")]
    private static partial void SubscriberKeyUnavailable(ILogger log, string why);

    [LoggerMessage(EventId = 3004, Level = LogLevel.Error,
        Message = "Local journal write failed: {Why}; a restart will fetch the missing entries again")]
    private static partial void LocalJournalWriteFailed(ILogger log, string why);

    [LoggerMessage(EventId = 3005, Level = LogLevel.Error,
        Message = "Unexpected feed error; answering from memory")]
    private static partial void UnexpectedFeedError(ILogger log, Exception fault);

    [LoggerMessage(EventId = 3006, Level = LogLevel.Information,
        Message = "Feed connected from position {Position}")]
    private static partial void FeedConnected(ILogger log, ulong position);

    [LoggerMessage(EventId = 3007, Level = LogLevel.Information,
        Message = "Caught up with registrar at position {Position}")]
    private static partial void CaughtUp(ILogger log, ulong position);
}
