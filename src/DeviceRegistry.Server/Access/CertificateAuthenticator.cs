using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;

namespace DeviceRegistry.Server.Access;

/// <summary>What TLS left open: whose certificate is it? TLS asks for one and takes any; here it is judged, and refused
/// in words.</summary>
internal sealed class CertificateAuthenticator(X509Certificate2 root, TimeProvider time)
{
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";

    /// <summary>SHA-256 of the SubjectPublicKeyInfo, upper-case hex: what a certificate is registered by.</summary>
    public static string KeyOf(X509Certificate2 certificate) =>
        Convert.ToHexString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    /// <summary>Whom a certificate names: the person or node in CN, the party in O; empty where it names
    /// none.</summary>
    public static (string Name, string Party) HolderOf(X509Certificate2 certificate)
    {
        string Part(string oid) => certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(p => !p.HasMultipleElements && p.GetSingleElementType().Value == oid)
                .Select(p => p.GetSingleElementValue() ?? "").FirstOrDefault("");
        return (Part("2.5.4.3"), Part("2.5.4.10"));
    }

    /// <summary>Who calls with this certificate, or a refusal that is never worth a retry.</summary>
    public CallSession Judge(X509Certificate2? certificate, MemberDirectory members)
    {
        if (certificate is null)
            throw new RegistryException(RegistryError.CertMissing,
                "No client certificate was shown. Every call but health needs one.");

        RequireTrusted(certificate);
        RequireInTime(certificate);
        var key = KeyOf(certificate);
        return members.Find(key, out var caller) switch
        {
            KeyStatus.Valid when !Names(certificate, caller!) =>
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

    // As registered. A node of an operator does not know names and goes by the key.
    private static bool Names(X509Certificate2 certificate, Caller caller) =>
        caller.Name.Length is 0 || HolderOf(certificate) == (caller.Name, caller.Party);

    private void RequireTrusted(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;          // ours is by registered key
        // judged below, by our clock and in words
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientUse));
        if (!chain.Build(certificate) || chain.ChainElements.Skip(1).Any(e => !IsInTime(e.Certificate)))
            throw new RegistryException(RegistryError.CertUntrusted,
                "This certificate was not issued under the registry's root, or not for clients.");
    }

    private void RequireInTime(X509Certificate2 certificate)
    {
        if (!IsInTime(certificate))
            throw new RegistryException(RegistryError.CertExpired,
                $"This certificate is valid from {certificate.NotBefore.ToUniversalTime():yyyy-MM-dd HH:mm} to " +
                $"{certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm} UTC, not now.");
    }

    private bool IsInTime(X509Certificate2 certificate)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return now >= certificate.NotBefore.ToUniversalTime() && now <= certificate.NotAfter.ToUniversalTime();
    }
}
