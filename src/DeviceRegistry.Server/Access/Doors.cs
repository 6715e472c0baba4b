using DeviceRegistry.Attach;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace DeviceRegistry.Server.Access;

/// <summary>A door of the server: one listener, and what is to be found behind it.</summary>
public enum Door
{
    /// <summary>The registrar's gRPC.</summary>
    Registrar,

    /// <summary>The attach node's gRPC.</summary>
    Attach,

    /// <summary>Health and metrics.</summary>
    Web,

    /// <summary>The attach node's checks without TLS, on an address of the operator's core network.</summary>
    Plain,

    /// <summary>The attach node's N17, cleartext.</summary>
    N17,

    /// <summary>The attach node's N17 over TLS.</summary>
    N17Tls,
}

/// <summary>The doors an endpoint is to be found behind.</summary>
public sealed record Behind(params Door[] Doors);

/// <summary>Which door a connection came through, and whose word counts there: the tables at the registrar's, the
/// journal at the node's.</summary>
internal sealed class Doors(TimeProvider time, MemberDirectory atTheCentre, NodeState? node = null)
{
    private static readonly object Mark = new();

    public DateTime UtcNow => time.GetUtcNow().UtcDateTime;

    /// <summary>Marks every connection of a listener.</summary>
    public static void Through(ListenOptions listen, Door door) => listen.Use(next => connection =>
    {
        // All of it before the first request: those of one connection come side by side, and only read here.
        connection.Items[Mark] = door;
        connection.Items[ConnectionIdentityCache.Remembered] = new ConnectionIdentityCache.Memory();
        connection.Items[ConnectionRateLimiter.Item] = new ConnectionRateLimiter();
        return next(connection);
    });

    /// <summary>Lets go, in silence, who ends the handshake without HTTP/2, such as a scanner of ports: Kestrel would
    /// log an error for each.</summary>
    public static void Http2Alone(ListenOptions listen) => listen.Use(next => connection =>
        connection.Features.Get<ITlsApplicationProtocolFeature>() is { } tls
            && tls.ApplicationProtocol.Span.SequenceEqual("h2"u8) ? next(connection) : Task.CompletedTask);

    /// <summary>The door of a request.</summary>
    public static Door Of(HttpContext http) => (Door)http.Features.Get<IConnectionItemsFeature>()!.Items[Mark]!;

    /// <summary>An endpoint is not there for who comes through another door.</summary>
    public static IApplicationBuilder Keep(IApplicationBuilder app) => app.Use(next => http =>
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<Behind>() is { } behind
            && !behind.Doors.Contains(Of(http))) http.SetEndpoint(null);
        return next(http);
    });

    /// <summary>False while a node does not know whom it works for: then nobody is unknown, it is the node that does
    /// not know.</summary>
    public bool KnowsItsCallers(HttpContext http) => !IsNodes(http) || node is null || node.IsReady;

    /// <summary>The directory that judges callers at the door of the request.</summary>
    public MemberDirectory MembersOf(HttpContext http) =>
        IsNodes(http) && node is not null ? node.Members : atTheCentre;

    /// <summary>Who asks without TLS: the operator's own core network, for whom nobody's certificate speaks, but the
    /// operator, who configured the address. Null: another door, where a certificate says who calls.</summary>
    public CallSession? WithoutCertificate(HttpContext http) =>
        Of(http) is not Door.Plain ? null : CallSession.OfCoreNetwork(node!.PartyId);

    private static bool IsNodes(HttpContext http) => Of(http) is Door.Attach or Door.Plain or Door.N17 or Door.N17Tls;
}
