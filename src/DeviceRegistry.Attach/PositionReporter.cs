using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>Reports the node's position, clock and first denials to the registrar. Runs in parallel with the feed and
/// never delays it.</summary>
internal sealed partial class PositionReporter(NodeState node, DenialLog denials, FailOpenLog failOpens,
    TimeProvider time, ILogger<PositionReporter> log)
{
    // Completed when there is something to report; replaced before the reporter reads the position.
    private volatile TaskCompletionSource _changed = NewSignal();
    private volatile ReceivedHeartbeat? _lastHeartbeat;
    private bool _clockSkewed;

    /// <summary>The position changed, or a heartbeat confirmed that the node has caught up.</summary>
    public void PositionChanged() => _changed.TrySetResult();

    /// <summary>Records a heartbeat and when it arrived.</summary>
    public void HeartbeatReceived(Heartbeat heartbeat) => _lastHeartbeat = heartbeat.At is null ? null
        : new ReceivedHeartbeat(heartbeat.At, Timestamp.FromDateTimeOffset(time.GetUtcNow()));

    /// <summary>Removes all recorded denials: they belong to a history that a recovery made void.</summary>
    public void Reset() => denials.Reset();

    /// <summary>Reports while a session lasts, always the newest position. A failed call is repeated.</summary>
    public async Task ReportAsync(FeedService.FeedServiceClient feed, Func<ChainEnd> end, CancellationToken ct)
    {
        _lastHeartbeat = null;
        try
        {
            while (true)
            {
                await _changed.Task.WaitAsync(ct);
                _changed = NewSignal();
                while (await TryReportAsync(feed, end(), ct))
                {
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The session has ended.
        }
    }

    // Returns true if there is more to report at once.
    private async Task<bool> TryReportAsync(FeedService.FeedServiceClient feed, ChainEnd end, CancellationToken ct)
    {
        try
        {
            var (firstDenials, failOpen) = (denials.Pending(Limits.DenialsPerReportMax), failOpens.Pending());
            var (received, sent) = (_lastHeartbeat, time.GetUtcNow());
            var request = new ReportPositionRequest
            {
                Position = end.Position, Hash = end.Position is 0 ? ByteString.Empty : ByteString.CopyFrom(end.Hash),
                NodeTime = Timestamp.FromDateTimeOffset(sent),
                HeartbeatAt = received?.At, HeartbeatReceivedAt = received?.ReceivedAt,
                FirstDenials = { firstDenials.Select(r => new FirstDenial { OrderNumber = r.Order, At = At(r.AtMs) }) },
                FailOpen = failOpen is null ? null
                : new FailOpenEpisode
                {
                    Answers = (ulong)failOpen.Answers, FirstAt = At(failOpen.FirstMs),
                    LastAt = At(failOpen.LastMs)
                },
            };
            var answer = await feed.ReportPositionAsync(request, deadline: sent.UtcDateTime + Limits.RetryDelayMax,
                cancellationToken: ct);
            node.Feed.Reports++;
            if (answer.At is { } at) MeasureClock(sent, at.ToDateTimeOffset(), time.GetUtcNow());
            denials.Drop(firstDenials);
            failOpens.Drop(failOpen);
            return firstDenials.Count is Limits.DenialsPerReportMax;
        }
        catch (RpcException) when (!ct.IsCancellationRequested)
        {
            // the next heartbeat, a second later, triggers another report
            return false;
        }
        catch (RpcException)
        {
            throw new OperationCanceledException(ct);
        }
    }

    // The registrar read its clock between the sending of the request and the arrival of the response. The node starts
    // and ends orders by its own clock, so it logs a wrong one.
    private void MeasureClock(DateTimeOffset sent, DateTimeOffset theirs, DateTimeOffset received)
    {
        if (ClockSkew.Between(sent - theirs, received - theirs) is not { } clock) return;

        node.Feed.Clock = clock;
        if (clock.IsBeyond(node.ClockSkewMostMs) && !_clockSkewed)
        {
            _clockSkewed = true;
            ClockSkewed(log, clock.AheadMs, node.ClockSkewMostMs);
        }
        else if (clock.IsWithin(node.ClockSkewMostMs) && _clockSkewed)
        {
            _clockSkewed = false;
            ClockInSync(log, clock.AheadMs);
        }
    }

    private static Timestamp At(long ms) => Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeMilliseconds(ms));

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record ReceivedHeartbeat(Timestamp At, Timestamp ReceivedAt);

    [LoggerMessage(EventId = 3016, Level = LogLevel.Error,
        Message = "Clock skew {AheadMs} ms exceeds limit {MostMs} ms; orders start and end by the node's clock")]
    private static partial void ClockSkewed(ILogger log, long aheadMs, long mostMs);

    [LoggerMessage(EventId = 3017, Level = LogLevel.Information,
        Message = "Clock skew back within limit: {AheadMs} ms")]
    private static partial void ClockInSync(ILogger log, long aheadMs);
}
