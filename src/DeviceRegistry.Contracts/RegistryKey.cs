using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Contracts;

/// <summary>The registry's own signature under checkpoints and snapshots. Its CA issues the certificate for this
/// purpose only, and the key is not in the database.</summary>
internal static class RegistryKey
{
    private const int CertificateBytesMax = 8_192;

    /// <summary>Signs bytes of one kind of statement.</summary>
    public static ByteString Sign(string kind, ByteString bytes, X509Certificate2 certificate)
    {
        using var key = certificate.GetECDsaPrivateKey()
            ?? throw new CryptographicException("the checkpoint certificate has no ECDSA key");
        return Signing.Sign(kind, bytes.Span, key).Ecdsa.Signature;
    }

    /// <summary>Reason why the signature is invalid; empty if it is valid.</summary>
    /// <exception cref="CryptographicException">The certificate cannot be parsed.</exception>
    public static string FaultOf(string kind, ByteString bytes, ByteString certificateBytes, ByteString signatureBytes,
        long atUs, X509Certificate2 root)
    {
        if (certificateBytes.Length > CertificateBytesMax) return $"its certificate is larger than " +
            $"{CertificateBytesMax} bytes";

        using var certificate = X509CertificateLoader.LoadCertificate(certificateBytes.Span);
        if (certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false) is not CheckpointRules.CommonName)
            return $"its certificate is not for signing checkpoints (CN={CheckpointRules.CommonName})";

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        // An untrusted certificate may name arbitrary download addresses.
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime =
            DateTime.UnixEpoch.AddMicroseconds(Math.Clamp(atUs, 0, 250_000_000_000_000_000));
        if (!chain.Build(
            certificate)) return "its certificate does not lead to the registry's root, or was not valid when it was " +
            "signed";

        var signature = Signing.Ecdsa(
            ByteString.CopyFrom(certificate.PublicKey.ExportSubjectPublicKeyInfo()), signatureBytes);
        return Signing.Verifies(kind, bytes.Span, signature) ? "" : "its signature does not match";
    }
}
