using Microsoft.Extensions.Hosting;

namespace DeviceRegistry.Registrar;

/// <summary>A hosted service that runs iterations until it is stopped. A failed iteration, usually because the database
/// is unreachable (which surfaces as various exceptions), is retried after <see cref="Limits.RetryAfter"/>; only the
/// first failure in a row is reported.</summary>
internal abstract class RetryingBackgroundService(TimeProvider time) : BackgroundService
{
    protected TimeProvider Time { get; } = time;

    /// <summary>Runs one iteration, including the wait for the next.</summary>
    protected abstract Task RunIterationAsync(CancellationToken ct);

    /// <summary>Logs the first failure in a row.</summary>
    protected abstract void Interrupted(Exception fault);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var failed = false;
        while (!stoppingToken.IsCancellationRequested)
            try
            {
                await RunIterationAsync(stoppingToken);
                failed = false;
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                if (!failed) Interrupted(fault);
                failed = true;
                await Task.Delay(Limits.RetryAfter, Time, stoppingToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
    }
}
