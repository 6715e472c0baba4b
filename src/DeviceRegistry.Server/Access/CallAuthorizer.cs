using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using DeviceRegistry.Server.Telemetry;
using Grpc.Core;

namespace DeviceRegistry.Server.Access;

/// <summary>Decides who may call which method: certificate → caller → kind of caller × method.</summary>
internal sealed class CallAuthorizer(ConnectionIdentityCache callers, Listeners listeners, CallMetrics calls)
{
    /// <summary>Returns the session of a call, or null if every client may call the method. Throws
    /// <see cref="RegistryException"/> or <see cref="RpcException"/> if the call is refused.</summary>
    public CallSession? Authorize(HttpContext http, string method)
    {
        var allowed = AccessTable.Allowed(method);
        if (allowed is CallerKinds.Open) return null;
        if (!listeners.CanIdentifyCallers(http)) throw new RpcException(
            new Status(StatusCode.Unavailable,
            "This attach node has no knowledge yet. Ask another node, or again in a moment."));

        var session = listeners.CoreNetworkSession(http) ?? callers.SessionOf(http);
        if (!AccessTable.Permits(session.Caller, method)) throw new RegistryException(RegistryError.NotAllowed,
            $"Callers of your kind may not call {method}. Allowed: {allowed}.");

        return session;
    }

    /// <summary>Returns the refusal of a call whose request is not read yet, or null if the call is allowed. The
    /// interceptors never see a call refused here, so this method counts it.</summary>
    public RpcException? RefusalOf(HttpContext http, string method)
    {
        try
        {
            Authorize(http, method);
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
