using System.Diagnostics;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace DeviceRegistry.Server.Access;

/// <summary>Maps every exception to a status: errors of the caller with their message, unavailable dependencies to
/// UNAVAILABLE, internal errors to INTERNAL with a trace id to quote. No stack trace leaves the server.</summary>
internal sealed partial class FaultInterceptor(ILogger<FaultInterceptor> log) : Interceptor
{
    /// <inheritdoc/>
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception fault) when (fault is not RpcException)
        {
            throw ToRpc(fault, context);
        }
    }

    /// <inheritdoc/>
    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(new MalformedRequestMiddleware.Reader<TRequest>(requestStream), context);
        }
        catch (Exception fault) when (fault is not RpcException)
        {
            throw ToRpc(fault, context);
        }
    }

    /// <inheritdoc/>
    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception fault) when (fault is not RpcException)
        {
            throw ToRpc(fault, context);
        }
    }

    /// <inheritdoc/>
    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(new MalformedRequestMiddleware.Reader<TRequest>(requestStream), responseStream, context);
        }
        catch (Exception fault) when (fault is not RpcException)
        {
            throw ToRpc(fault, context);
        }
    }

    private RpcException ToRpc(Exception fault, ServerCallContext context)
    {
        if (fault is RegistryException refusal) return StatusMapping.ToRpc(refusal);
        if (context.CancellationToken.IsCancellationRequested) return new RpcException(
            new Status(StatusCode.Cancelled, "The call was cancelled, or its connection is gone."));
        if (fault is OperationCanceledException) return new RpcException(
            new Status(StatusCode.Unavailable, "The server is stopping. Send the same call again."));
        if (DatabaseReason(fault) is { } why)
        {
            DatabaseMetrics.Failed("call");
            DatabaseFailed(log, context.Method, why, fault is BrokenCircuitException ? null : fault);
            return new RpcException(new Status(StatusCode.Unavailable,
                $"The registrar's database {why}. Nothing was lost; send the same call again."));
        }

        var trace = Activity.Current?.TraceId.ToString() ?? Guid.NewGuid().ToString("N");
        Unexpected(log, context.Method, trace, fault);
        return new RpcException(new Status(StatusCode.Internal,
            $"The registry failed to answer. Quote this number when you report it: {trace}."));
    }

    private static string? DatabaseReason(Exception fault) => fault switch
    {
        BrokenCircuitException => "is out of reach, and was not asked again so soon",
        TimeoutRejectedException => "did not finish in time",
        _ when DatabaseFault.LacksMeans(fault) => "lacks disk, memory or connections",
        _ when DatabaseFault.IsOutOfReach(fault) => "is out of reach",
        _ => null,
    };

    [LoggerMessage(EventId = 1001, Level = LogLevel.Warning, Message = "{Method} failed: database {Why}")]
    private static partial void DatabaseFailed(ILogger log, string method, string why, Exception? fault);

    [LoggerMessage(EventId = 1002, Level = LogLevel.Error, Message = "{Method} failed: internal error, trace {Trace}")]
    private static partial void Unexpected(ILogger log, string method, string trace, Exception fault);
}
