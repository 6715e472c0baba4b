using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Grpc.Core;
using Polly;
using Polly.Hedging;
using Polly.Retry;
using Polly.Timeout;

namespace DeviceRegistry.Client;

/// <summary>Resilience pipelines of the SDK: deadline, then retry, then hedging if there are several nodes.</summary>
internal static class Resilience
{
    /// <summary>Deadline of the call (UTC), for the timeout strategy.</summary>
    public static readonly ResiliencePropertyKey<DateTime> Deadline = new("deadline");

    private static readonly string Busy = StatusMapping.CodeOf(RegistryError.NodeBusy);

    // Timers are limited to 49 days; no unary call needs more than one.
    private static readonly TimeSpan DeadlineMax = TimeSpan.FromDays(1);

    /// <summary>Pipeline for the registrar. Writes are idempotent by their reference and all other calls read, so every
    /// call may be retried. Exponential backoff from 0.1 s to 2 s with jitter: a restart takes a few seconds, and not
    /// all clients of a country may reconnect at the same moment.</summary>
    public static ResiliencePipeline<Answer> Registrar(ClientOptions options) =>
        WithRetry(WithDeadline("registrar", options), options, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(2))
            .ConfigureTelemetry(options.LoggerFactory).Build();

    /// <summary>Pipeline for the attach nodes. A check only reads, so it may be sent to any number of nodes: to the
    /// next one after the hedging delay, or immediately if a node is unavailable. The first response, including a
    /// rejection, ends the call. If all nodes are unavailable, it retries after 20 ms, doubling to 200 ms: an attach
    /// procedure waits no longer.</summary>
    public static ResiliencePipeline<Answer> Attach(ClientOptions options)
    {
        var pipeline = WithRetry(WithDeadline("attach", options), options, TimeSpan.FromMilliseconds(20),
            TimeSpan.FromMilliseconds(200));
        if (options.AttachNodes.Count > 1)
            pipeline.AddHedging(new HedgingStrategyOptions<Answer>
            {
                Delay = options.HedgingDelay,
                MaxHedgedAttempts = options.AttachNodes.Count - 1,
                ShouldHandle = args => ValueTask.FromResult(IsUnavailable(args.Outcome)),
            });
        return pipeline.ConfigureTelemetry(options.LoggerFactory).Build();
    }

    private static ResiliencePipelineBuilder<Answer> WithDeadline(string name, ClientOptions options) =>
        new ResiliencePipelineBuilder<Answer> { Name = name, TimeProvider = options.Time }
            .AddTimeout(new TimeoutStrategyOptions
            {
                TimeoutGenerator = args =>
                {
                    var left = args.Context.Properties.GetValue(Deadline,
                        DateTime.MaxValue) - options.Time.GetUtcNow().UtcDateTime;
                    return ValueTask.FromResult(left < DeadlineMax ? left : Timeout.InfiniteTimeSpan);
                },
            });

    private static ResiliencePipelineBuilder<Answer> WithRetry(ResiliencePipelineBuilder<Answer> pipeline,
        ClientOptions options, TimeSpan first, TimeSpan max) =>
        options.RetriesMax is 0 ? pipeline : pipeline.AddRetry(new RetryStrategyOptions<Answer>
        {
            MaxRetryAttempts = options.RetriesMax,
            BackoffType = DelayBackoffType.Exponential,
            Delay = first,
            MaxDelay = max,
            UseJitter = true,

            // An overloaded node sends the retry delay.
            DelayGenerator = args => ValueTask.FromResult(args.Outcome.Exception is RpcException fault
                ? StatusMapping.RetryAfterOf(fault) : null),
            Randomizer = options.Jitter,
            ShouldHandle = args => ValueTask.FromResult(IsUnavailable(args.Outcome)),
        });

    private static bool IsUnavailable(Outcome<Answer> outcome) =>
        outcome.Exception is RpcException fault
            && (fault.StatusCode is StatusCode.Unavailable || StatusMapping.ReasonOf(fault) == Busy
            || IsClosedConnection(fault.Status.DebugException));

    // The GOAWAY of a server that shuts down may overtake a call and end it with INTERNAL. A status that a server sent
    // has no inner exception, and a failed TLS handshake has another one, so neither matches here.
    public static bool IsClosedConnection(Exception? cause)
    {
        while (cause is not null and not HttpProtocolException) cause = cause.InnerException;
        return cause is not null;
    }

    // A host that accepts the connection but does not complete the TLS handshake. grpc-dotnet reports the timeout of
    // SocketsHttpHandler as CANCELLED.
    public static bool IsConnectTimeout(RpcException fault)
    {
        var cause = fault.StatusCode is StatusCode.Cancelled ? fault.Status.DebugException : null;
        while (cause is not null and not TimeoutException) cause = cause.InnerException;
        return cause is not null;
    }
}
