namespace Grpc.Core;

/// <summary>What all four kinds of call share: headers, status, trailers and the way to give up.</summary>
/// <remarks>The functions take their state as an argument, so that a client need not make a closure for each.</remarks>
internal readonly struct CallState(
    Func<object, Task<Metadata>> responseHeadersAsync,
    Func<object, Status> getStatus,
    Func<object, Metadata> getTrailers,
    Action<object> dispose,
    object state)
{
    public CallState(
        Task<Metadata> responseHeadersAsync, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
        : this(_ => responseHeadersAsync, _ => getStatus(), _ => getTrailers(), _ => dispose(), dispose)
    {
    }

    public Task<Metadata> ResponseHeadersAsync() => responseHeadersAsync(state);

    public Status Status() => getStatus(state);

    public Metadata Trailers() => getTrailers(state);

    public void Dispose() => dispose(state);
}
