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
    NodeState node, FeedLog copy, Func<CancellationToken, Task<GrpcChannel>> connect, TimeProvider time, ILogger<IndexKeeper> log) : BackgroundService
{
    private static readonly TimeSpan RetryFirst = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RetryMost = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RememberEvery = TimeSpan.FromSeconds(10);

    // A registrar sends a heartbeat each second. One that is silent this long is left, whatever its connection says; a message of 4 MiB
    // comes through in that time at 0.6 Mbit/s.
    private static readonly TimeSpan SilenceMost = TimeSpan.FromSeconds(60);
    private readonly EntryApplier _applier = new(node);

    // The chain's end as this node trusts it. Written by the keeper alone; the reporter reads it as one reference.
    private volatile ChainEnd _end = new(0, long.MinValue, JournalHash.Genesis);
    private long _rememberedAtMs;
    private bool _heard;

    // Completed when there is something to report; replaced by the reporter before it reads where the node stands.
    private volatile TaskCompletionSource _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record ChainEnd(ulong Position, long AtUs, byte[] Hash);

    /// <summary>Loads the copy before the doors open: a restarted node has its knowledge with its first answer.</summary>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        copy.Load(entry => Verify(entry, out _) && TryTake(entry));
        if (_end.Position > 0) node.Index.KnewEverythingAt(Math.Max(copy.RecallKnownAt(_end.Position, NowMs), _end.AtUs / 1000));
        Loaded(log, _end.Position);
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            using var registrar = await connect(stoppingToken);
            await KeepFollowingAsync(new FeedService.FeedServiceClient(registrar), stoppingToken);
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop: however the wait was cut short.
        }
    }

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task KeepFollowingAsync(FeedService.FeedServiceClient feed, CancellationToken stopping)
    {
        for (var pause = RetryFirst; ; pause = pause * 2 < RetryMost ? pause * 2 : RetryMost)
        {
            _heard = false;
            try
            {
                await FollowAsync(feed, stopping);
            }
            catch (RpcException fault) when (!stopping.IsCancellationRequested)
            {
                // The centre is away, or refuses to be followed. Another history stays an alarm until it is ours again.
                if (StatusMapping.ReasonOf(fault) == StatusMapping.CodeOf(RegistryError.ChainMismatch)) Halt(fault.Status.Detail);
                else FeedLost(log, fault.StatusCode, fault.Status.Detail);
            }
            catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
            {
                FeedLost(log, StatusCode.DeadlineExceeded, "the registrar fell silent");
            }
            catch (Exception fault) when (!stopping.IsCancellationRequested)
            {
                // Ours, and unexpected: said aloud, never a reason to stop answering.
                SessionFailed(log, fault);
            }

            // Doubling with jitter, so that a nation of nodes does not come back in one moment.
            if (_heard) pause = RetryFirst;
            await Task.Delay(pause * (0.5 + Random.Shared.NextDouble() / 2), time, stopping);
        }
    }

    private async Task FollowAsync(FeedService.FeedServiceClient feed, CancellationToken stopping)
    {
        using var session = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        session.CancelAfter(SilenceMost);
        var start = _end;
        using var call = feed.Subscribe(
            new SubscribeRequest { AfterPosition = start.Position, Hash = start.Position is 0 ? ByteString.Empty : ByteString.CopyFrom(start.Hash), Follow = true },
            cancellationToken: session.Token);
        var reporting = ReportAsync(feed, session.Token);
        try
        {
            while (await call.ResponseStream.MoveNext(session.Token))
            {
                session.CancelAfter(SilenceMost);
                var message = call.ResponseStream.Current;
                var going = message.PartCase switch
                {
                    SubscribeResponse.PartOneofCase.Entries => TakeAll(message.Entries.Entries),
                    SubscribeResponse.PartOneofCase.Heartbeat => TakeHeartbeat(message.Heartbeat),
                    _ => true,
                };
                if (!going) return;

                // Only what was taken counts as heard: a node that halts must not come back ten times a second.
                _heard = true;
            }
        }
        finally
        {
            await session.CancelAsync();
            await reporting;
        }
    }

    private bool TakeAll(RepeatedField<JournalEntry> entries)
    {
        var taken = 0;
        foreach (var entry in entries)
        {
            if (!Verify(entry, out var fault))
            {
                Halt($"entry {entry.Position} of the feed does not follow entry {_end.Position}: {fault}");
                break;
            }

            if (!TryTake(entry))
            {
                Halt($"entry {entry.Position} is of kind {entry.Kind}, which this version does not understand and must; upgrade the node");
                break;
            }

            taken++;
        }

        // A full or broken disk costs the node its memory of today at the next restart, never an answer now.
        if (!copy.TryAppend(entries.Take(taken), out var why)) CopyNotWritten(log, why);
        if (taken < entries.Count) return false;

        node.Halted = null;
        _moved.TrySetResult();
        return true;
    }

    private bool TakeHeartbeat(Heartbeat heartbeat)
    {
        if (heartbeat.HeadPosition != _end.Position) return true;

        var nowMs = NowMs;
        node.Halted = null;
        node.Index.KnewEverythingAt(nowMs);
        if (Math.Abs(nowMs - _rememberedAtMs) >= (long)RememberEvery.TotalMilliseconds)
        {
            Remember(nowMs);
            _rememberedAtMs = nowMs;
        }

        _moved.TrySetResult();
        return true;
    }

    private void Remember(long nowMs)
    {
        try
        {
            copy.RememberKnownAt(_end.Position, nowMs);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            CopyNotWritten(log, fault.Message);
        }
    }

    private bool Verify(JournalEntry entry, out string fault) => JournalEntryRules.Follows(entry, _end.Position, _end.AtUs, _end.Hash, out fault);

    private bool TryTake(JournalEntry entry)
    {
        if (!_applier.TryApply(entry)) return false;

        _end = new ChainEnd(entry.Position, entry.AtUs, entry.Hash.ToByteArray());
        node.Index.Publish(entry.Position);
        return true;
    }

    // Tells where the node stands, the newest position only, beside the feed and never in its way. A call that fails is made again.
    private async Task ReportAsync(FeedService.FeedServiceClient feed, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                await _moved.Task.WaitAsync(ct);
                _moved = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                await ReportOnceAsync(feed, _end, ct);
            }
        }
        catch (OperationCanceledException)
        {
            // The session is over.
        }
    }

    private async Task ReportOnceAsync(FeedService.FeedServiceClient feed, ChainEnd end, CancellationToken ct)
    {
        try
        {
            var request = new ReportPositionRequest { Position = end.Position, Hash = end.Position is 0 ? ByteString.Empty : ByteString.CopyFrom(end.Hash) };
            await feed.ReportPositionAsync(request, deadline: time.GetUtcNow().UtcDateTime + RetryMost, cancellationToken: ct);
        }
        catch (RpcException) when (!ct.IsCancellationRequested)
        {
            // The next heartbeat, a second from now, asks for a report again.
        }
        catch (RpcException)
        {
            throw new OperationCanceledException(ct);
        }
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

    [LoggerMessage(EventId = 3004, Level = LogLevel.Error, Message = "ALARM: the node's own copy of the journal cannot be written ({Why}); answers go on, a restart will fetch the rest again.")]
    private static partial void CopyNotWritten(ILogger log, string why);

    [LoggerMessage(EventId = 3005, Level = LogLevel.Error, Message = "ALARM: a feed session failed unexpectedly; answers go on from memory.")]
    private static partial void SessionFailed(ILogger log, Exception fault);
}
