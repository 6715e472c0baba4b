using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>How far a batch is: written by the one who works on it, read by those who watch.</summary>
internal sealed class BatchProgress(TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();
    private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Contracts.V1.BatchProgress _now = new() { Phase = BatchPhase.Waiting };

    /// <summary>It is known which numbers it has, or it has ended.</summary>
    public Task Entered => _entered.Task;

    /// <summary>The work on it, to its end.</summary>
    public Task Over { get; set; } = Task.CompletedTask;

    /// <summary>How long it has been known here, in ms.</summary>
    public long Ms => (long)time.GetElapsedTime(_began).TotalMilliseconds;

    /// <summary>As it is told.</summary>
    public Contracts.V1.BatchProgress Now => _now;

    /// <summary>It is here.</summary>
    public void At(BatchPhase phase, long done, long total) =>
        _now = new Contracts.V1.BatchProgress { Phase = phase, Done = (ulong)done, Total = (ulong)total };

    /// <summary>Its numbers are known.</summary>
    public void Enter() => _entered.TrySetResult();
}
