using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Microsoft.AspNetCore.Connections.Features;

namespace DeviceRegistry.Server.Access;

/// <summary>Caches the authenticated caller of each connection until a member changes or the certificate
/// expires.</summary>
internal sealed class ConnectionIdentityCache(CertificateAuthenticator authenticator, Listeners listeners)
{
    /// <summary>Key of the <see cref="Slot"/> in the items of a connection; set before its first request.</summary>
    public static readonly object Item = new();

    // A refusal is cached for a short time only: the certificate may become valid.
    private static readonly TimeSpan RefusalLifetime = TimeSpan.FromSeconds(10);

    /// <summary>Result of an authentication, valid on its connection until a member changes or the certificate
    /// expires.</summary>
    internal sealed record AuthenticationResult(CallSession? Session, RegistryException? Refusal,
        MemberDirectory Members, int Version, DateTime Until);

    /// <summary>Holds the latest result on a connection.</summary>
    public sealed class Slot
    {
        internal volatile AuthenticationResult? Latest;
    }

    /// <summary>Returns the session of the caller. Throws <see cref="RegistryException"/> if the certificate is
    /// refused.</summary>
    public CallSession SessionOf(HttpContext http)
    {
        var members = listeners.MembersOf(http);
        var certificate = http.Connection.ClientCertificate;

        // Perf: the chain is built once per connection, not once per call; it takes 200 µs, which every check would
        // pay.
        var slot = (Slot)http.Features.Get<IConnectionItemsFeature>()!.Items[Item]!;
        if (slot.Latest is { } known && known.Members == members && known.Version == members.Version
            && listeners.UtcNow <= known.Until)
            return known.Session ?? throw known.Refusal!;

        var version = members.Version;
        try
        {
            var session = authenticator.Authenticate(certificate, members);
            slot.Latest = new AuthenticationResult(session, null, members, version, session.Until);
            return session;
        }
        catch (RegistryException refusal)
        {
            slot.Latest = new AuthenticationResult(null, refusal, members, version, listeners.UtcNow + RefusalLifetime);
            throw;
        }
    }
}
