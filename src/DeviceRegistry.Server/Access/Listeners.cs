using DeviceRegistry.Attach;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace DeviceRegistry.Server.Access;

/// <summary>A listener of the server: one address and port with its endpoints.</summary>
public enum ListenerKind
{
    /// <summary>gRPC of the registrar.</summary>
    Registrar,

    /// <summary>gRPC of the attach node.</summary>
    Attach,

    /// <summary>Health and metrics.</summary>
    Web,

    /// <summary>gRPC checks of the attach node without TLS, on an address of the operator's core network.</summary>
    Plain,

    /// <summary>N17 of the attach node, cleartext.</summary>
    N17,

    /// <summary>N17 of the attach node over TLS.</summary>
    N17Tls,
}

/// <summary>Endpoint metadata: the listeners that serve the endpoint.</summary>
public sealed record ListenerScope(params ListenerKind[] Kinds);

/// <summary>Knows the listener of each connection and the member directory that applies there: the registrar's, read
/// from the tables, or the node's, read from the journal.</summary>
internal sealed class Listeners(TimeProvider time, MemberDirectory registrarMembers, NodeState? node = null)
{
    private static readonly object KindItem = new();

    public DateTime UtcNow => time.GetUtcNow().UtcDateTime;

    /// <summary>Tags every connection of a listener with its kind, and adds the items that requests need.</summary>
    public static void Tag(ListenOptions listen, ListenerKind kind) => listen.Use(next => connection =>
    {
        // Set before the first request: the requests of one connection run concurrently and only read the items.
        connection.Items[KindItem] = kind;
        connection.Items[ConnectionIdentityCache.Item] = new ConnectionIdentityCache.Slot();
        connection.Items[ConnectionRateLimiter.Item] = new ConnectionRateLimiter();
        return next(connection);
    });

    /// <summary>Closes without a log line a connection whose TLS handshake did not negotiate HTTP/2, such as a port
    /// scanner's. Kestrel would log an error for each.</summary>
    public static void RequireHttp2(ListenOptions listen) => listen.Use(next => connection =>
        connection.Features.Get<ITlsApplicationProtocolFeature>() is { } tls
            && tls.ApplicationProtocol.Span.SequenceEqual("h2"u8) ? next(connection) : Task.CompletedTask);

    /// <summary>Kind of the listener that a request came through.</summary>
    public static ListenerKind KindOf(HttpContext http) =>
        (ListenerKind)http.Features.Get<IConnectionItemsFeature>()!.Items[KindItem]!;

    /// <summary>Hides an endpoint from requests that came through a listener outside its
    /// <see cref="ListenerScope"/>.</summary>
    public static IApplicationBuilder Enforce(IApplicationBuilder app) => app.Use(next => http =>
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<ListenerScope>() is { } scope
            && !scope.Kinds.Contains(KindOf(http))) http.SetEndpoint(null);
        return next(http);
    });

    /// <summary>False while a node has no member directory yet. A caller must then not be refused as unknown: the node
    /// is not ready.</summary>
    public bool CanIdentifyCallers(HttpContext http) => !IsAttachNode(http) || node is null || node.IsReady;

    /// <summary>The member directory that applies to a request.</summary>
    public MemberDirectory MembersOf(HttpContext http) =>
        IsAttachNode(http) && node is not null ? node.Members : registrarMembers;

    /// <summary>Session of a caller without TLS: the core network of the node's own operator. The operator configured
    /// the address; no certificate identifies the caller. Null on every other listener, where a certificate identifies
    /// the caller.</summary>
    public CallSession? CoreNetworkSession(HttpContext http) =>
        KindOf(http) is not ListenerKind.Plain ? null : CallSession.OfCoreNetwork(node!.PartyId);

    private static bool IsAttachNode(HttpContext http) =>
        KindOf(http) is ListenerKind.Attach or ListenerKind.Plain or ListenerKind.N17 or ListenerKind.N17Tls;
}
