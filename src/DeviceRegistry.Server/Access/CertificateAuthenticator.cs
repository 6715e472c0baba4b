using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;

namespace DeviceRegistry.Server.Access;

/// <summary>Verifies client certificates. TLS requests a certificate and accepts any; this class verifies it, so that a
/// refusal carries an error code and a message.</summary>
internal sealed class CertificateAuthenticator(X509Certificate2 root, TimeProvider time)
{
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";

    /// <summary>SHA-256 of the SubjectPublicKeyInfo, upper-case hex: the key under which a certificate is
    /// registered.</summary>
    public static string KeyOf(X509Certificate2 certificate) =>
        Convert.ToHexString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    /// <summary>The holder that a certificate names: person or node in CN, party in O; empty where it has
    /// none.</summary>
    public static (string Name, string Party) HolderOf(X509Certificate2 certificate)
    {
        string Part(string oid) => certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(p => !p.HasMultipleElements && p.GetSingleElementType().Value == oid)
                .Select(p => p.GetSingleElementValue() ?? "").FirstOrDefault("");
        return (Part("2.5.4.3"), Part("2.5.4.10"));
    }

    /// <summary>Returns the session of the caller with this certificate. Throws <see cref="RegistryException"/>
    /// otherwise; a retry never helps.</summary>
    public CallSession Authenticate(X509Certificate2? certificate, MemberDirectory members)
    {
        if (certificate is null)
            throw new RegistryException(RegistryError.CertMissing,
                "No client certificate was shown. Every call but health needs one.");

        RequireTrusted(certificate);
        RequireValidNow(certificate);
        var key = KeyOf(certificate);
        return members.Find(key, out var caller) switch
        {
            KeyStatus.Valid when !HolderMatches(certificate, caller!) =>
                throw new RegistryException(RegistryError.CertNotRegistered,
                $"This certificate's key is registered for {caller!.Name} of {caller.Party}, but the certificate " +
                $"names someone else."),
            KeyStatus.Valid => new CallSession(caller!, key, certificate.NotAfter.ToUniversalTime()),
            KeyStatus.Revoked => throw new RegistryException(RegistryError.CertRevoked,
                "This certificate's key was replaced, or its holder or party is retired."),
            _ => throw new RegistryException(RegistryError.CertNotRegistered,
                "This certificate's key is not registered. Ask the regulator to register it."),
        };
    }

    // CN and O must match the registration. An operator's node has no names of members and compares the key only.
    private static bool HolderMatches(X509Certificate2 certificate, Caller caller) =>
        caller.Name.Length is 0 || HolderOf(certificate) == (caller.Name, caller.Party);

    private void RequireTrusted(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;          // keys are revoked in the registry
        // validity is checked below, with our clock and our error message
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientUse));
        if (!chain.Build(certificate) || chain.ChainElements.Skip(1).Any(e => !IsValidNow(e.Certificate)))
            throw new RegistryException(RegistryError.CertUntrusted,
                "This certificate was not issued under the registry's root, or not for clients.");
    }

    private void RequireValidNow(X509Certificate2 certificate)
    {
        if (!IsValidNow(certificate))
            throw new RegistryException(RegistryError.CertExpired,
                $"This certificate is valid from {certificate.NotBefore.ToUniversalTime():yyyy-MM-dd HH:mm} to " +
                $"{certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm} UTC, not now.");
    }

    private bool IsValidNow(X509Certificate2 certificate)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return now >= certificate.NotBefore.ToUniversalTime() && now <= certificate.NotAfter.ToUniversalTime();
    }
}
