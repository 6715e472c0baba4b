using DeviceRegistry.Core;
using Grpc.Core;

namespace DeviceRegistry.Contracts;

/// <summary>Caller of an RPC, stored in the call context by the interceptor that authenticates certificates.</summary>
/// <param name="Caller">The caller.</param>
/// <param name="Key">SHA-256 of the public key, upper-case hex, for repeated authorization of a long stream. Empty: the
/// caller has no certificate and needs none.</param>
/// <param name="Until">End of the certificate's validity, UTC.</param>
public sealed record CallSession(Caller Caller, string Key, DateTime Until)
{
    private static readonly object Slot = new();

    /// <summary>Session of an operator's core network node without a certificate, on a listener that the operator
    /// opened for such nodes.</summary>
    public static CallSession OfCoreNetwork(ulong party) =>
        new(new Caller(0, Core.ActorKind.Node, party, Core.PartyKind.Operator), Key: "", DateTime.MaxValue);

    /// <summary>The session of a call that passed the interceptor.</summary>
    public static CallSession Of(ServerCallContext context) =>
        (CallSession)(context.UserState.TryGetValue(Slot, out var session) ? session
            : throw new InvalidOperationException("The call did not pass the access interceptor."));

    /// <summary>Throws if the caller was retired, its key was replaced or its certificate expired while the stream was
    /// open.</summary>
    public void RequireStillAuthorized(MemberDirectory members, DateTime utcNow)
    {
        if (utcNow > Until) throw new RegistryException(RegistryError.CertExpired,
            "Your certificate ended while the stream was open.");
        if (Key.Length > 0 && members.Find(Key, out _) is not KeyStatus.Valid)
            throw new RegistryException(RegistryError.CertRevoked,
                "Your certificate was revoked while the stream was open.");
    }

    /// <summary>Stores the session in the call context.</summary>
    public void PutInto(ServerCallContext context) => context.UserState[Slot] = this;
}
