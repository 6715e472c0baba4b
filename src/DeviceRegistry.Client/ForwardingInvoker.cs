using Grpc.Core;

namespace DeviceRegistry.Client;

/// <summary>Does something about unary calls; streaming ones go on as they are: what a stream has said already cannot
/// be said again.</summary>
public abstract class ForwardingInvoker : CallInvoker
{
    /// <summary>Whom streaming calls go to now.</summary>
    private protected abstract CallInvoker Next { get; }

    /// <inheritdoc/>
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host,
        CallOptions options, TRequest request) =>
        // On the pool: a caller that blocks its own synchronisation context would wait for itself.
        Task.Run(() => AsyncUnaryCall(method, host, options, request).ResponseAsync).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        Next.AsyncServerStreamingCall(method, host, options, request);

    /// <inheritdoc/>
    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) =>
        Next.AsyncClientStreamingCall(method, host, options);

    /// <inheritdoc/>
    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) =>
        Next.AsyncDuplexStreamingCall(method, host, options);
}
