using DeviceRegistry.Attach;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Core;

namespace DeviceRegistry.Server.Access;

/// <summary>Passes requests of the N17 listeners directly to the N17 interface, without routing. Over TLS only nodes of
/// the node's own operator may call; in cleartext any client that reaches the port, which is why that listener is
/// loopback unless configured otherwise.</summary>
internal sealed class N17Middleware(N17Interface n17, ConnectionIdentityCache callers, Listeners listeners,
    NodeState node)
{
    /// <summary>Adds the middleware. It must come before any other that answers.</summary>
    public static void Use(WebApplication app)
    {
        var middleware = ActivatorUtilities.CreateInstance<N17Middleware>(app.Services);
        app.Use(next => http => Listeners.KindOf(http) switch
        {
            ListenerKind.N17 => middleware.AnswerAsync(http),
            ListenerKind.N17Tls => middleware.AnswerCallerAsync(http),
            _ => next(http),
        });
    }

    private Task AnswerAsync(HttpContext http) => n17.AnswerAsync(http);

    private Task AnswerCallerAsync(HttpContext http)
    {
        try
        {
            // A node without members yet must not refuse a caller as unknown; the N17 interface answers that the node
            // is not ready.
            if (!listeners.CanIdentifyCallers(http)
                || callers.SessionOf(http).Caller is { ActorKind: ActorKind.Node } caller
                && caller.PartyId == node.PartyId) return n17.AnswerAsync(http);

            n17.Refuse(http,
                "This attach node answers machines of its own operator, by the certificates of their nodes.");
        }
        catch (RegistryException refusal)
        {
            n17.Refuse(http, refusal.Message);
        }

        return Task.CompletedTask;
    }
}
