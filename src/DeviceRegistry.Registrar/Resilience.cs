using DeviceRegistry.Postgres;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace DeviceRegistry.Registrar;

/// <summary>How the registrar treats what it depends on: one pipeline a dependency, all of them here.</summary>
public sealed class Resilience(TimeProvider time)
{
    /// <summary>The database. Around whole writes, which are idempotent under their reference, and around reads; never around a part of a write.</summary>
    public ResiliencePipeline Database { get; } = new ResiliencePipelineBuilder { Name = "database", TimeProvider = time }

        // 1. However patient the caller: work that takes this long is stuck.
        .AddTimeout(Limits.DatabaseWorkMost)

        // 2. A cut connection or a lost race is worth another try: at most 3, after about 50, 100 and 200 ms.
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<Exception>(fault => DatabaseFault.IsOutOfReach(fault) || DatabaseFault.IsRace(fault)),
            MaxRetryAttempts = 3, Delay = TimeSpan.FromMilliseconds(50), BackoffType = DelayBackoffType.Exponential, UseJitter = true,
        })

        // 3. A database that is gone is not asked by every caller: after five tries of which half failed, half a second of quiet, then one more.
        .AddCircuitBreaker(new CircuitBreakerStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<Exception>(DatabaseFault.IsOutOfReach),
            FailureRatio = 0.5, MinimumThroughput = 5, SamplingDuration = TimeSpan.FromSeconds(2), BreakDuration = TimeSpan.FromMilliseconds(500),
        })
        .Build();
}
