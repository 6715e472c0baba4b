using Polly;
using Polly.Retry;

namespace DeviceRegistry.Attach;

/// <summary>How an attach node treats what it depends on: the registrar's feed, and nothing else. The answer's path depends on nobody.</summary>
internal static class Resilience
{
    /// <summary>Pause before the feed is asked for again at first.</summary>
    public static readonly TimeSpan FeedPauseFirst = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest pause; a centre that is back is noticed within it.</summary>
    public static readonly TimeSpan FeedPauseMost = TimeSpan.FromSeconds(5);

    /// <summary>The feed. Runs sessions until one of them was heard: for ever, at pauses that double up to the longest, with jitter, so that a
    /// nation of nodes does not come back in one moment.</summary>
    public static ResiliencePipeline<bool> Feed(TimeProvider time) => new ResiliencePipelineBuilder<bool> { Name = "feed", TimeProvider = time }
        .AddRetry(new RetryStrategyOptions<bool>
        {
            ShouldHandle = session => ValueTask.FromResult(session.Outcome is { Exception: null, Result: false }),
            MaxRetryAttempts = int.MaxValue, Delay = FeedPauseFirst, MaxDelay = FeedPauseMost, BackoffType = DelayBackoffType.Exponential, UseJitter = true,
        })
        .Build();
}
