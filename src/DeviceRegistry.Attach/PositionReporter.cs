using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>Tells the registrar where the node stands, by what clock, and by which orders it has refused: beside the
/// feed and never in its way.</summary>
internal sealed partial class PositionReporter(NodeState node, DenialLog refusals, FailOpenLog failOpens,
    TimeProvider time, ILogger<PositionReporter> log)
{
    // Completed when there is something to report; replaced by the reporter before it reads where the node stands.
    private volatile TaskCompletionSource _moved = NewSignal();
    private volatile HeardBeat? _newest;
    private bool _clockWrong;

    /// <summary>The node has moved, or heard that it has everything.</summary>
    public void Moved() => _moved.TrySetResult();

    /// <summary>A heartbeat came.</summary>
    public void Heard(Heartbeat heartbeat) => _newest = heartbeat.At is null ? null
        : new HeardBeat(heartbeat.At, Timestamp.FromDateTimeOffset(time.GetUtcNow()));

    /// <summary>What the node refused by was in a history that became void.</summary>
    public void Forget() => refusals.Forget();

    /// <summary>Reports while a session lasts, the newest position only. A call that fails is made again.</summary>
    public async Task ReportAsync(FeedService.FeedServiceClient feed, Func<ChainEnd> end, CancellationToken ct)
    {
        _newest = null;
        try
        {
            while (true)
            {
                await _moved.Task.WaitAsync(ct);
                _moved = NewSignal();
                while (await TryReportAsync(feed, end(), ct))
                {
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The session is over.
        }
    }

    // True: there is more to tell at once.
    private async Task<bool> TryReportAsync(FeedService.FeedServiceClient feed, ChainEnd end, CancellationToken ct)
    {
        try
        {
            var (told, opened) = (refusals.Waiting(Limits.RefusalsPerReportMax), failOpens.Waiting());
            var (heard, sent) = (_newest, time.GetUtcNow());
            var request = new ReportPositionRequest
            {
                Position = end.Position, Hash = end.Position is 0 ? ByteString.Empty : ByteString.CopyFrom(end.Hash),
                NodeTime = Timestamp.FromDateTimeOffset(sent),
                HeartbeatAt = heard?.At, HeartbeatReceivedAt = heard?.ReceivedAt,
                Refusals = { told.Select(r => new FirstRefusal { OrderNumber = r.Order, At = At(r.AtMs) }) },
                FailOpen = opened is null ? null
                : new FailOpenEpisode { Answers = (ulong)opened.Answers, FirstAt = At(opened.FirstMs),
                LastAt = At(opened.LastMs) },
            };
            var answer = await feed.ReportPositionAsync(request, deadline: sent.UtcDateTime + Limits.RetryMost,
                cancellationToken: ct);
            node.Feed.Reports++;
            if (answer.At is { } at) Judge(sent, at.ToDateTimeOffset(), time.GetUtcNow());
            refusals.Drop(told);
            failOpens.Drop(opened);
            return told.Count is Limits.RefusalsPerReportMax;
        }
        catch (RpcException) when (!ct.IsCancellationRequested)
        {
            // the next heartbeat, a second from now, asks for a report again
            return false;
        }
        catch (RpcException)
        {
            throw new OperationCanceledException(ct);
        }
    }

    // The registrar read its clock between our sending and our hearing. Orders start and end by ours, so that a wrong
    // one is said here too.
    private void Judge(DateTimeOffset sent, DateTimeOffset theirs, DateTimeOffset heard)
    {
        if (ClockSkew.Between(sent - theirs, heard - theirs) is not { } clock) return;

        node.Feed.Clock = clock;
        if (clock.IsBeyond(node.ClockSkewMostMs) && !_clockWrong)
        {
            _clockWrong = true;
            ClockWrong(log, clock.AheadMs, node.ClockSkewMostMs);
        }
        else if (clock.IsWithin(node.ClockSkewMostMs) && _clockWrong)
        {
            _clockWrong = false;
            ClockRight(log, clock.AheadMs);
        }
    }

    private static Timestamp At(long ms) => Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeMilliseconds(ms));

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record HeardBeat(Timestamp At, Timestamp ReceivedAt);

    [LoggerMessage(EventId = 3016, Level = LogLevel.Error,
        Message =
        "ALARM: the node's clock is {AheadMs} ms ahead of the registrar's, {MostMs} ms are tolerated; it starts and " +
        "ends orders by it.")]
    private static partial void ClockWrong(ILogger log, long aheadMs, long mostMs);

    [LoggerMessage(EventId = 3017, Level = LogLevel.Information,
        Message = "The node's clock is right again: {AheadMs} ms ahead of the registrar's.")]
    private static partial void ClockRight(ILogger log, long aheadMs);
}
