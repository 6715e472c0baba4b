using System.Diagnostics;

namespace DeviceRegistry.System.Tests.Client;

/// <summary>Counts the calls that this process sends, from construction to disposal, by the activities of the gRPC
/// library.</summary>
internal sealed class Attempts : IDisposable
{
    private readonly Activity _ours = new Activity(nameof(Attempts)).Start();
    private readonly ActivityListener _listener;
    private int _count;

    public Attempts()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "Grpc.Net.Client",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = activity =>
            {
                if (activity.TraceId == _ours.TraceId) Interlocked.Increment(ref _count);
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public int Count => Volatile.Read(ref _count);

    public void Dispose()
    {
        _listener.Dispose();
        _ours.Dispose();
    }
}
