using DeviceRegistry.Core;
using Grpc.Core;

namespace DeviceRegistry.Contracts;

/// <summary>Who is calling, put into the call by the one interceptor that judges certificates.</summary>
/// <param name="Caller">The caller.</param>
/// <param name="Key">SHA-256 of its public key, upper-case hex: a long stream asks again whether it still stands.
/// Empty: it showed none, and needed none.</param>
/// <param name="Until">When its certificate ends, UTC.</param>
public sealed record CallSession(Caller Caller, string Key, DateTime Until)
{
    private static readonly object Slot = new();

    /// <summary>A core node of an operator that shows no certificate, at a door that its operator opened for
    /// those.</summary>
    public static CallSession OfCoreNetwork(ulong party) =>
        new(new Caller(0, Core.ActorKind.Node, party, Core.PartyKind.Operator), Key: "", DateTime.MaxValue);

    /// <summary>The session of a call that passed the interceptor.</summary>
    public static CallSession Of(ServerCallContext context) =>
        (CallSession)(context.UserState.TryGetValue(Slot, out var session) ? session
            : throw new InvalidOperationException("The call did not pass the access interceptor."));

    /// <summary>Refuses a caller that was retired, whose key was replaced or whose certificate ended while its stream
    /// was open.</summary>
    public void RequireStillAuthorized(MemberDirectory members, DateTime utcNow)
    {
        if (utcNow > Until) throw new RegistryException(RegistryError.CertExpired,
            "Your certificate ended while the stream was open.");
        if (Key.Length > 0 && members.Find(Key, out _) is not KeyStatus.Valid)
            throw new RegistryException(RegistryError.CertRevoked,
                "Your certificate was revoked while the stream was open.");
    }

    /// <summary>Puts the session into the call.</summary>
    public void PutInto(ServerCallContext context) => context.UserState[Slot] = this;
}
