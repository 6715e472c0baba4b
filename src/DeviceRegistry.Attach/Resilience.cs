using DeviceRegistry.Attach.Interfaces.N17;
using Microsoft.Extensions.Logging.Abstractions;
using Polly;
using Polly.Retry;

namespace DeviceRegistry.Attach;

/// <summary>How an attach node treats what it depends on: the registrar's feed and, where it is a 5G-EIR that is found
/// by itself, an NRF. The answer's path depends on nobody.</summary>
/// <remarks>The pipelines report to the meter "Polly". They write no log: the feed and the NRF registration log their
/// own disconnections.</remarks>
internal static class Resilience
{
    /// <summary>The feed. Runs sessions until one of them was heard: for ever, at pauses that double up to the longest,
    /// with jitter, so that a nation of nodes does not come back in one moment.</summary>
    public static ResiliencePipeline<bool> Feed(TimeProvider time) =>
        new ResiliencePipelineBuilder<bool> { Name = "feed", TimeProvider = time }
        .AddRetry(new RetryStrategyOptions<bool>
        {
            ShouldHandle = session => ValueTask.FromResult(session.Outcome is { Exception: null, Result: false }),
            MaxRetryAttempts = int.MaxValue, Delay = Limits.RetryFirst, MaxDelay = Limits.RetryMost,
            BackoffType = DelayBackoffType.Exponential, UseJitter = true,
        })
        .ConfigureTelemetry(NullLoggerFactory.Instance)
        .Build();

    /// <summary>The NRF. Asks until it says something that helps, for ever, at pauses like the feed's: PUT and the
    /// heartbeat are idempotent.</summary>
    public static ResiliencePipeline<NrfResult> Nrf(TimeProvider time) =>
        new ResiliencePipelineBuilder<NrfResult> { Name = "nrf", TimeProvider = time }
        .AddRetry(new RetryStrategyOptions<NrfResult>
        {
            ShouldHandle = call => ValueTask.FromResult(call.Outcome is { Exception: null, Result: NrfResult.Nothing }),
            MaxRetryAttempts = int.MaxValue, Delay = Limits.RetryFirst, MaxDelay = Limits.RetryMost,
            BackoffType = DelayBackoffType.Exponential, UseJitter = true,
        })
        .ConfigureTelemetry(NullLoggerFactory.Instance)
        .Build();
}
