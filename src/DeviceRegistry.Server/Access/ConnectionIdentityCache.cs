using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Microsoft.AspNetCore.Connections.Features;

namespace DeviceRegistry.Server.Access;

/// <summary>Who is at the other end of a connection, as its certificate says: judged once, and remembered until a
/// member changes or the certificate ends.</summary>
internal sealed class ConnectionIdentityCache(CertificateAuthenticator judge, Doors doors)
{
    /// <summary>Where a connection has its <see cref="Memory"/> among its items, from before its first request
    /// on.</summary>
    public static readonly object Remembered = new();

    // A refusal too, for a while: it may be of a certificate that is not valid yet.
    private static readonly TimeSpan RefusedFor = TimeSpan.FromSeconds(10);

    /// <summary>A judgement, good for its connection until a member changes or the certificate ends.</summary>
    internal sealed record Judgement(CallSession? Session, RegistryException? Refusal, MemberDirectory Members,
        int Version, DateTime Until);

    /// <summary>What a connection remembers: the newest judgement.</summary>
    public sealed class Memory
    {
        internal volatile Judgement? Newest;
    }

    /// <summary>Who calls, or a refusal in words.</summary>
    public CallSession SessionOf(HttpContext http)
    {
        var members = doors.MembersOf(http);
        var certificate = http.Connection.ClientCertificate;

        // The chain is built once a connection, not once a call: 200 µs would be the price of every check.
        var memory = (Memory)http.Features.Get<IConnectionItemsFeature>()!.Items[Remembered]!;
        if (memory.Newest is { } known && known.Members == members && known.Version == members.Version
            && doors.UtcNow <= known.Until)
            return known.Session ?? throw known.Refusal!;

        var version = members.Version;
        try
        {
            var session = judge.Judge(certificate, members);
            memory.Newest = new Judgement(session, null, members, version, session.Until);
            return session;
        }
        catch (RegistryException refusal)
        {
            memory.Newest = new Judgement(null, refusal, members, version, doors.UtcNow + RefusedFor);
            throw;
        }
    }
}
