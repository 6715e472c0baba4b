using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Diameter over TLS: the handshake precedes the first Diameter byte (RFC 6733 §2.1).</summary>
internal static class PeerTls
{
    /// <summary>Performs the handshake; returns the SHA-256 (hex) of the SubjectPublicKeyInfo of the peer's
    /// certificate, null without a certificate. Closes the connection if the handshake fails.</summary>
    [SuppressMessage("Security", "CA5359",
        Justification =
        "Any certificate is taken here and judged by its key once the peer has said who it is: so that a refusal has " +
        "words.")]
    public static (Stream Stream, string? Key) Secure(Stream plain, X509Certificate2 own)
    {
        var tls = new SslStream(plain, leaveInnerStreamOpen: false);
        try
        {
            tls.AuthenticateAsServer(new SslServerAuthenticationOptions
            {
                ServerCertificate = own,
                ClientCertificateRequired = true,
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            });
            if (tls.RemoteCertificate is not { } shown) return (tls, null);

            using var certificate = new X509Certificate2(shown);
            return (tls, Convert.ToHexString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo())));
        }
        catch
        {
            tls.Dispose();
            throw;
        }
    }
}
