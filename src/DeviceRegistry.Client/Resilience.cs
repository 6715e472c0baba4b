using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Grpc.Core;
using Polly;
using Polly.Hedging;
using Polly.Retry;
using Polly.Timeout;

namespace DeviceRegistry.Client;

/// <summary>Every pipeline of the SDK. A call passes its deadline, then the retry, then, among several nodes, the
/// hedging. The pipelines report to the meter "Polly" and to the logger factory of the options.</summary>
internal static class Resilience
{
    /// <summary>When the call is over (UTC), for the strategy that ends it.</summary>
    public static readonly ResiliencePropertyKey<DateTime> Deadline = new("deadline");

    private static readonly string Busy = StatusMapping.CodeOf(RegistryError.NodeBusy);

    // Timers go to 49 days; nobody waits for the second day of a unary call.
    private static readonly TimeSpan DeadlineMost = TimeSpan.FromDays(1);

    /// <summary>To the registrar. Every write counts once under its reference and everything else reads, so that any
    /// call may be made again. Doubling from a tenth of a second to two: a restart takes a few seconds, and a nation of
    /// callers must not come back in one moment.</summary>
    public static ResiliencePipeline<Answer> Registrar(ClientOptions options) =>
        WithRetry(WithDeadline("registrar", options), options, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(2))
            .ConfigureTelemetry(options.LoggerFactory).Build();

    /// <summary>To the attach nodes. A check reads, so that any number of nodes may be asked: the next after the
    /// hedging delay, or at once when one is away. The first that answers, be it with a refusal, ends the call for all.
    /// When all are away they are asked again, from 20 ms doubling to 200: an attach does not wait for
    /// longer.</summary>
    public static ResiliencePipeline<Answer> Attach(ClientOptions options)
    {
        var pipeline = WithRetry(WithDeadline("attach", options), options, TimeSpan.FromMilliseconds(20),
            TimeSpan.FromMilliseconds(200));
        if (options.AttachNodes.Count > 1)
            pipeline.AddHedging(new HedgingStrategyOptions<Answer>
            {
                Delay = options.HedgingDelay,
                MaxHedgedAttempts = options.AttachNodes.Count - 1,
                ShouldHandle = args => ValueTask.FromResult(IsAway(args.Outcome)),
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
                return ValueTask.FromResult(left < DeadlineMost ? left : Timeout.InfiniteTimeSpan);
            },
        });

    private static ResiliencePipelineBuilder<Answer> WithRetry(ResiliencePipelineBuilder<Answer> pipeline,
        ClientOptions options, TimeSpan first, TimeSpan most) =>
        options.RetriesMax is 0 ? pipeline : pipeline.AddRetry(new RetryStrategyOptions<Answer>
        {
            MaxRetryAttempts = options.RetriesMax,
            BackoffType = DelayBackoffType.Exponential,
            Delay = first,
            MaxDelay = most,
            UseJitter = true,

            // A node that is busy says when it may be asked again.
            DelayGenerator = args => ValueTask.FromResult(args.Outcome.Exception is RpcException fault
                ? StatusMapping.RetryAfterOf(fault) : null),
            Randomizer = options.Jitter,
            ShouldHandle = args => ValueTask.FromResult(IsAway(args.Outcome)),
        });

    private static bool IsAway(Outcome<Answer> outcome) =>
        outcome.Exception is RpcException fault
            && (fault.StatusCode is StatusCode.Unavailable || StatusMapping.ReasonOf(fault) == Busy
            || IsClosedConnection(fault.Status.DebugException));

    // The farewell of a stopping server (GOAWAY) now and then overtakes a call and ends it INTERNAL. A status that a
    // server sent has no exception inside, and a server that is not believed (TLS) has another, so that neither is
    // taken for this.
    public static bool IsClosedConnection(Exception? cause)
    {
        while (cause is not null and not HttpProtocolException) cause = cause.InnerException;
        return cause is not null;
    }
}
