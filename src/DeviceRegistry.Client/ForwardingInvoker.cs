using Grpc.Core;

namespace DeviceRegistry.Client;

/// <summary>Base class of invokers that change unary calls only. Streaming calls are forwarded unchanged, because a
/// stream cannot be replayed.</summary>
public abstract class ForwardingInvoker : CallInvoker
{
    /// <summary>Invoker that receives streaming calls.</summary>
    private protected abstract CallInvoker Next { get; }

    /// <inheritdoc/>
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host,
        CallOptions options, TRequest request) =>
        // On the thread pool: a caller that blocks its own synchronisation context would deadlock.
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
