using Microsoft.Extensions.Hosting;

namespace DeviceRegistry.Registrar;

/// <summary>Works in rounds until it is told to stop. A round that fails, mostly since the database is away, in
/// whatever clothes, is made again in a moment; that is said once, not each time until one succeeds.</summary>
internal abstract class RetryingBackgroundService(TimeProvider time) : BackgroundService
{
    /// <summary>The clock it waits by.</summary>
    protected TimeProvider Time { get; } = time;

    /// <summary>One round, with the wait for the next.</summary>
    protected abstract Task RunIterationAsync(CancellationToken ct);

    /// <summary>Says that a round failed.</summary>
    protected abstract void Interrupted(Exception fault);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var cut = false;
        while (!stoppingToken.IsCancellationRequested)
            try
            {
                await RunIterationAsync(stoppingToken);
                cut = false;
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                if (!cut) Interrupted(fault);
                cut = true;
                await Task.Delay(Limits.ResumeAfter, Time, stoppingToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
    }
}
