using DeviceRegistry.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace DeviceRegistry.Registrar;

/// <summary>How the registrar treats what it depends on: the database, and nothing else.</summary>
/// <remarks>The pipelines report to the meter "Polly". They write no log: a call that fails is logged once, by the
/// interceptor or service that made it.</remarks>
public sealed class Resilience(TimeProvider time, NpgsqlDataSource database)
{
    /// <summary>Around whole writes, which are idempotent under their reference, and around reads; never around a part
    /// of a write.</summary>
    public ResiliencePipeline Work { get; } =
        new ResiliencePipelineBuilder { Name = "database-work", TimeProvider = time }

        // 1. However patient the caller: work that takes this long is stuck.
        .AddTimeout(Limits.DatabaseWorkMost)

        // 2. A cut connection or a lost race is worth another try: at most 3, after about 50, 100 and 200 ms. Not what
        // the breaker refused.
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<Exception>(fault =>
                fault is not BrokenCircuitException
                && (DatabaseFault.IsOutOfReach(fault) || DatabaseFault.IsRace(fault))),
            OnRetry = tried => Forget(database, tried.Outcome.Exception!),
            MaxRetryAttempts = 3, Delay = TimeSpan.FromMilliseconds(50), BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .ConfigureTelemetry(NullLoggerFactory.Instance)
        .Build();

    /// <summary>Around the first question of each piece of work, inside <see cref="Work"/>: a database that is gone is
    /// not asked by every caller. After five tries of which half failed, half a second of quiet, then one more. The
    /// first question only, so that no long work is that one.</summary>
    public ResiliencePipeline Reach { get; } =
        new ResiliencePipelineBuilder { Name = "database-reach", TimeProvider = time }
        .AddCircuitBreaker(new CircuitBreakerStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<Exception>(DatabaseFault.IsOutOfReach),
            FailureRatio = 0.5, MinimumThroughput = 5, SamplingDuration = TimeSpan.FromSeconds(2),
            BreakDuration = TimeSpan.FromMilliseconds(500),
        })
        .ConfigureTelemetry(NullLoggerFactory.Instance)
        .Build();

    // If a connection was cut or leads to a demoted server, the same holds for the idle connections of the pool, and
    // the next attempt must not use them.
    private static ValueTask Forget(NpgsqlDataSource database, Exception fault)
    {
        if (DatabaseFault.IsOutOfReach(fault)) database.Clear();
        return ValueTask.CompletedTask;
    }
}
