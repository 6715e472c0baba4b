using DeviceRegistry.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace DeviceRegistry.Registrar;

/// <summary>Timeout, retry and circuit breaker around the database, the registrar's only dependency.
/// Thread-safe.</summary>
/// <remarks>The pipelines report to the meter "Polly". They write no log: the interceptor or service that made a failed
/// call logs it once.</remarks>
public sealed class Resilience(TimeProvider time, NpgsqlDataSource database)
{
    /// <summary>Timeout and retry around a whole write, which is idempotent under its reference, or a whole read; never
    /// around a part of a write.</summary>
    public ResiliencePipeline Work { get; } =
        new ResiliencePipelineBuilder { Name = "database-work", TimeProvider = time }

        // 1. Work that takes this long is stuck, whatever the caller's deadline.
        .AddTimeout(Limits.DatabaseWorkTimeout)

        // 2. Retry a lost connection or a serialization conflict at most 3 times, after about 50, 100 and 200 ms. Do
        // not retry a call that the circuit breaker rejected.
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<Exception>(fault =>
                fault is not BrokenCircuitException
                && (DatabaseFault.IsOutOfReach(fault) || DatabaseFault.IsRace(fault))),
            OnRetry = retry => ClearPool(database, retry.Outcome.Exception!),
            MaxRetryAttempts = 3, Delay = TimeSpan.FromMilliseconds(50), BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .ConfigureTelemetry(NullLoggerFactory.Instance)
        .Build();

    /// <summary>Circuit breaker around the first statement of each unit of work, inside <see cref="Work"/>. Opens for
    /// 500 ms after at least 5 attempts within 2 s of which half failed, then lets one probe through. Only the first
    /// statement, so that a long unit of work is never the probe.</summary>
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
    private static ValueTask ClearPool(NpgsqlDataSource database, Exception fault)
    {
        if (DatabaseFault.IsOutOfReach(fault)) database.Clear();
        return ValueTask.CompletedTask;
    }
}
