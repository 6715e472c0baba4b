using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Progress of a batch: written by the task that processes it, read by the calls that watch it.
/// Thread-safe.</summary>
internal sealed class BatchProgress(TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();
    private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Contracts.V1.BatchProgress _now = new() { Phase = BatchPhase.Waiting };

    /// <summary>Completes when the batch has entered the overlap gate, or its processing has ended or failed.</summary>
    public Task Entered => _entered.Task;

    /// <summary>Completes when processing has ended.</summary>
    public Task Completion { get; set; } = Task.CompletedTask;

    /// <summary>Time since this process took the batch up, in ms.</summary>
    public long Ms => (long)time.GetElapsedTime(_began).TotalMilliseconds;

    /// <summary>Latest progress, as sent to callers.</summary>
    public Contracts.V1.BatchProgress Now => _now;

    /// <summary>Sets the progress.</summary>
    public void At(BatchPhase phase, long done, long total) =>
        _now = new Contracts.V1.BatchProgress { Phase = phase, Done = (ulong)done, Total = (ulong)total };

    /// <summary>Completes <see cref="Entered"/>.</summary>
    public void SignalEntered() => _entered.TrySetResult();
}
