using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Connections.Features;

namespace DeviceRegistry.Server.Access;

/// <summary>The one way in for every call: certificate → caller → kind × method. What the table does not allow is refused.</summary>
internal sealed class AccessInterceptor(CertificateJudge judge, Doors doors) : Interceptor
{
    private static readonly object Remembered = new();

    /// <summary>A judgement, good for its connection until a member changes or the certificate ends.</summary>
    private sealed record Judgement(CallSession Session, MemberDirectory Members, int Version);

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

        var session = doors.WithoutCertificate(http) ?? SessionOf(http);
        if (!AccessTable.Permits(session.Caller, context.Method))
            throw new RegistryException(RegistryError.NotAllowed, $"Callers of your kind may not call {context.Method}. Allowed: {allowed}.");

        session.PutInto(context);
    }

    private CallSession SessionOf(HttpContext http)
    {
        var members = doors.MembersOf(http);
        var certificate = http.Connection.ClientCertificate;

        // The chain is built once a connection, not once a call: 200 µs would be the price of every check.
        var items = http.Features.Get<IConnectionItemsFeature>()!.Items;
        if (items.TryGetValue(Remembered, out var found) && found is Judgement known && known.Members == members && known.Version == members.Version && doors.UtcNow <= known.Session.Until)
            return known.Session;

        var version = members.Version;
        var session = judge.Judge(certificate, members);
        items[Remembered] = new Judgement(session, members, version);
        return session;
    }
}
