using Polly;
using Polly.Retry;

namespace DeviceRegistry.Attach;

/// <summary>How an attach node treats what it depends on: the registrar's feed, and nothing else. The answer's path depends on nobody.</summary>
internal static class Resilience
{
    /// <summary>The feed. Runs sessions until one of them was heard: for ever, at pauses that double up to the longest, with jitter, so that a
    /// nation of nodes does not come back in one moment.</summary>
    public static ResiliencePipeline<bool> Feed(TimeProvider time) => new ResiliencePipelineBuilder<bool> { Name = "feed", TimeProvider = time }
        .AddRetry(new RetryStrategyOptions<bool>
        {
            ShouldHandle = session => ValueTask.FromResult(session.Outcome is { Exception: null, Result: false }),
            MaxRetryAttempts = int.MaxValue, Delay = Limits.RetryFirst, MaxDelay = Limits.RetryMost, BackoffType = DelayBackoffType.Exponential, UseJitter = true,
        })
        .Build();
}
