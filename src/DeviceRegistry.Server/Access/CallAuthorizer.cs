using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using DeviceRegistry.Server.Telemetry;
using Grpc.Core;

namespace DeviceRegistry.Server.Access;

/// <summary>Who may call what: certificate → caller → kind × method.</summary>
internal sealed class CallAuthorizer(ConnectionIdentityCache callers, Doors doors, CallMetrics calls)
{
    /// <summary>The session of a call; null: the method is open to everybody. Throws the refusal, in words.</summary>
    public CallSession? Of(HttpContext http, string method)
    {
        var allowed = AccessTable.Allowed(method);
        if (allowed is CallerKinds.Open) return null;
        if (!doors.KnowsItsCallers(http)) throw new RpcException(
            new Status(StatusCode.Unavailable,
            "This attach node has no knowledge yet. Ask another node, or again in a moment."));

        var session = doors.WithoutCertificate(http) ?? callers.SessionOf(http);
        if (!AccessTable.Permits(session.Caller, method)) throw new RegistryException(RegistryError.NotAllowed,
            $"Callers of your kind may not call {method}. Allowed: {allowed}.");

        return session;
    }

    /// <summary>Why a call is refused before anything of it is read, which its interceptors then never see, so that it
    /// is counted here; null: it is not.</summary>
    public RpcException? RefusalOf(HttpContext http, string method)
    {
        try
        {
            Of(http, method);
            return null;
        }
        catch (Exception refusal) when (refusal is RegistryException or RpcException)
        {
            var why = refusal as RpcException ?? StatusMapping.ToRpc((RegistryException)refusal);
            calls.Refused(method, why);
            return why;
        }
    }
}
