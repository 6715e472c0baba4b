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
public sealed partial class IndexKeeper(
    NodeState node, Func<CancellationToken, Task<GrpcChannel>> connect, string folder, TimeProvider time, ILogger<IndexKeeper> log) : BackgroundService
{
    private static readonly TimeSpan RetryFirst = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RetryMost = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RememberEvery = TimeSpan.FromSeconds(10);
    private readonly EntryApplier _applier = new(node);

    // The chain's end as this node trusts it. Written by the keeper alone; the reporter reads the pair as one reference.
    private volatile ChainEnd _end = new(0, long.MinValue, JournalHash.Genesis);
    private long _rememberedAtMs;

    // Completed when there is something to report; replaced by the reporter before it reads where the node stands.
    private volatile TaskCompletionSource _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record ChainEnd(ulong Position, long AtUs, byte[] Hash);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        using var copy = new FeedLog(folder);
        copy.Load(entry => Verify(entry, out _) && TryTake(entry));
        if (_end.Position > 0) node.Index.KnewEverythingAt(Math.Max(copy.RecallKnownAt(), _end.AtUs / 1000));
        Loaded(log, _end.Position);

        using var registrar = await connect(stoppingToken);
        var feed = new FeedService.FeedServiceClient(registrar);
        for (var pause = RetryFirst; !stoppingToken.IsCancellationRequested;)
        {
            var before = _end.Position;
            try
            {
                await FollowAsync(feed, copy, stoppingToken);
            }
            catch (RpcException fault) when (!stoppingToken.IsCancellationRequested)
            {
                // The centre is away, or refuses to be followed. Another history stays an alarm until it is ours again.
                if (StatusMapping.ReasonOf(fault) == StatusMapping.CodeOf(RegistryError.ChainMismatch)) Halt(fault.Status.Detail);
                else FeedLost(log, fault.StatusCode, fault.Status.Detail);
            }
            catch (Exception fault) when (fault is OperationCanceledException && stoppingToken.IsCancellationRequested)
            {
                return;
            }

            // Doubling with jitter, so that a nation of nodes does not come back in one moment.
            if (_end.Position != before) pause = RetryFirst;
            await Task.Delay(pause * (0.5 + Random.Shared.NextDouble() / 2), time, stoppingToken);
            pause = pause * 2 < RetryMost ? pause * 2 : RetryMost;
        }
    }

    private async Task FollowAsync(FeedService.FeedServiceClient feed, FeedLog copy, CancellationToken stopping)
    {
        using var session = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var start = _end;
        using var call = feed.Subscribe(
            new SubscribeRequest { AfterPosition = start.Position, Hash = start.Position is 0 ? ByteString.Empty : ByteString.CopyFrom(start.Hash), Follow = true },
            cancellationToken: session.Token);
        var reporting = ReportAsync(feed, session.Token);
        try
        {
            while (await call.ResponseStream.MoveNext(session.Token))
            {
                var message = call.ResponseStream.Current;
                var going = message.PartCase switch
                {
                    SubscribeResponse.PartOneofCase.Entries => TakeAll(message.Entries.Entries, copy),
                    SubscribeResponse.PartOneofCase.Heartbeat => TakeHeartbeat(message.Heartbeat, copy),
                    _ => true,
                };
                if (!going) return;
            }
        }
        finally
        {
            await session.CancelAsync();
            await reporting;
        }
    }

    private bool TakeAll(RepeatedField<JournalEntry> entries, FeedLog copy)
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

        Keep(() => copy.Append(entries.Take(taken)));
        if (taken < entries.Count) return false;

        node.Halted = null;
        _moved.TrySetResult();
        return true;
    }

    private bool TakeHeartbeat(Heartbeat heartbeat, FeedLog copy)
    {
        if (heartbeat.HeadPosition > _end.Position) return true;

        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        node.Index.KnewEverythingAt(nowMs);
        if (nowMs - _rememberedAtMs >= (long)RememberEvery.TotalMilliseconds)
        {
            Keep(() => copy.RememberKnownAt(nowMs));
            _rememberedAtMs = nowMs;
        }

        _moved.TrySetResult();
        return true;
    }

    // A full or broken disk costs the node its memory of today at the next restart, never an answer now.
    private void Keep(Action write)
    {
        try
        {
            write();
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

    // Tells where the node stands, the newest position only, beside the feed and never in its way.
    private async Task ReportAsync(FeedService.FeedServiceClient feed, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                await _moved.Task.WaitAsync(ct);
                _moved = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                var end = _end;
                var request = new ReportPositionRequest { Position = end.Position, Hash = end.Position is 0 ? ByteString.Empty : ByteString.CopyFrom(end.Hash) };
                await feed.ReportPositionAsync(request, cancellationToken: ct);
            }
        }
        catch (Exception fault) when (fault is RpcException or OperationCanceledException)
        {
            // The feed's own loop sees the same fault and says so; the next session reports again.
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
}
