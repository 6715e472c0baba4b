using DeviceRegistry.Attach.Interfaces.N17;
using Microsoft.Extensions.Logging.Abstractions;
using Polly;
using Polly.Retry;

namespace DeviceRegistry.Attach;

/// <summary>Retry pipelines for what an attach node depends on: the registrar's feed, and the NRF of a 5G-EIR. Checks
/// depend on neither.</summary>
/// <remarks>The pipelines report to the meter "Polly". They write no log: the feed and the NRF registration log their
/// own disconnections.</remarks>
internal static class Resilience
{
    /// <summary>Repeats feed sessions until one receives a message, with exponential delays and jitter, so that the
    /// nodes of a country do not reconnect at the same moment. No limit of attempts.</summary>
    public static ResiliencePipeline<bool> Feed(TimeProvider time) =>
        new ResiliencePipelineBuilder<bool> { Name = "feed", TimeProvider = time }
        .AddRetry(new RetryStrategyOptions<bool>
        {
            ShouldHandle = session => ValueTask.FromResult(session.Outcome is { Exception: null, Result: false }),
            MaxRetryAttempts = int.MaxValue, Delay = Limits.RetryDelayMin, MaxDelay = Limits.RetryDelayMax,
            BackoffType = DelayBackoffType.Exponential, UseJitter = true,
        })
        .ConfigureTelemetry(NullLoggerFactory.Instance)
        .Build();

    /// <summary>Repeats a call to the NRF until it succeeds, with the delays of the feed and no limit of attempts: PUT
    /// and the heartbeat are idempotent.</summary>
    public static ResiliencePipeline<NrfResult> Nrf(TimeProvider time) =>
        new ResiliencePipelineBuilder<NrfResult> { Name = "nrf", TimeProvider = time }
        .AddRetry(new RetryStrategyOptions<NrfResult>
        {
            ShouldHandle = call => ValueTask.FromResult(call.Outcome is { Exception: null, Result: NrfResult.Failed }),
            MaxRetryAttempts = int.MaxValue, Delay = Limits.RetryDelayMin, MaxDelay = Limits.RetryDelayMax,
            BackoffType = DelayBackoffType.Exponential, UseJitter = true,
        })
        .ConfigureTelemetry(NullLoggerFactory.Instance)
        .Build();
}
