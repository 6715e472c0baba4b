using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace DeviceRegistry.Server.Access;

/// <summary>The one way in for every call: certificate → caller → kind × method. What the table does not allow is refused.</summary>
internal sealed class AccessInterceptor(Callers callers, Doors doors) : Interceptor
{
    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        Admit(context);
        return continuation(request, context);
    }

    /// <inheritdoc/>
    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Admit(context);
        return continuation(requestStream, context);
    }

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Admit(context);
        return continuation(request, responseStream, context);
    }

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Admit(context);
        return continuation(requestStream, responseStream, context);
    }

    private void Admit(ServerCallContext context)
    {
        var allowed = AccessTable.Allowed(context.Method);
        if (allowed is CallerKinds.Open) return;

        var http = context.GetHttpContext();
        if (!doors.KnowsItsCallers(http)) throw new RpcException(new Status(StatusCode.Unavailable, "This attach node has no knowledge yet. Ask another node, or again in a moment."));

        var session = doors.WithoutCertificate(http) ?? callers.SessionOf(http);
        if (!AccessTable.Permits(session.Caller, context.Method))
            throw new RegistryException(RegistryError.NotAllowed, $"Callers of your kind may not call {context.Method}. Allowed: {allowed}.");

        session.PutInto(context);
    }
}
