using DeviceRegistry.Attach;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Core;

namespace DeviceRegistry.Server.Access;

/// <summary>Leads what comes through the N17 listeners straight to the node's door, past routing. Over TLS only
/// machines of the node's own operator may ask; in cleartext whoever reaches the port, which is why it is loopback
/// unless configured otherwise.</summary>
internal sealed class N17Middleware(N17Interface door, ConnectionIdentityCache callers, Doors doors, NodeState node)
{
    /// <summary>Before everything else that answers.</summary>
    public static void Use(WebApplication app)
    {
        var way = ActivatorUtilities.CreateInstance<N17Middleware>(app.Services);
        app.Use(next => http => Doors.Of(http) switch
        {
            Door.N17 => way.AnswerAsync(http),
            Door.N17Tls => way.AnswerCallerAsync(http),
            _ => next(http),
        });
    }

    private Task AnswerAsync(HttpContext http) => door.AnswerAsync(http);

    private Task AnswerCallerAsync(HttpContext http)
    {
        try
        {
            // A node that knows no one yet must not call its callers unknown; the door says that it is not ready.
            if (!doors.KnowsItsCallers(http) || callers.SessionOf(http).Caller is { ActorKind: ActorKind.Node } caller
                && caller.PartyId == node.PartyId) return door.AnswerAsync(http);

            door.Refuse(http,
                "This attach node answers machines of its own operator, by the certificates of their nodes.");
        }
        catch (RegistryException refusal)
        {
            door.Refuse(http, refusal.Message);
        }

        return Task.CompletedTask;
    }
}
