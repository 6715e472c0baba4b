using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.IdentityModel.Tokens;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>The public keys of an NRF that verify its access tokens: RSA for RS256, P-256 for ES256. Several are
/// allowed, so that the NRF can rotate its key.</summary>
public sealed class TokenKeys
{
    private TokenKeys(IReadOnlyList<SecurityKey> keys) => Keys = keys;

    internal IReadOnlyList<SecurityKey> Keys { get; }

    /// <summary>Reads a JWKS (RFC 7517), or concatenated public keys and certificates in PEM. Throws <see
    /// cref="FormatException"/> with the reason if there is no usable key.</summary>
    public static TokenKeys Read(string text)
    {
        try
        {
            var keys = text.AsSpan().TrimStart() is ['{', ..] ? OfJwks(text) : OfPem(text);
            return keys.Count > 0 ? new TokenKeys(keys)
                : throw new FormatException("there is no RSA or P-256 key in it");
        }
        catch (Exception fault) when (fault is CryptographicException or ArgumentException)
        {
            throw new FormatException($"it cannot be read: {fault.Message}", fault);
        }
    }

    // Ignore symmetric keys: they cannot verify the signature of another party.
    private static List<SecurityKey> OfJwks(string text) =>
        [.. new JsonWebKeySet(text).Keys.Where(k =>
            k is { Kty: JsonWebAlgorithmsKeyTypes.RSA } or { Kty: JsonWebAlgorithmsKeyTypes.EllipticCurve,
            Crv: JsonWebKeyECTypes.P256 })];

    private static List<SecurityKey> OfPem(string text)
    {
        var keys = new List<SecurityKey>();
        for (var rest = text.AsSpan(); PemEncoding.TryFind(rest, out var block); rest = rest[block.Location.End..])
        {
            var bytes = Convert.FromBase64String(rest[block.Base64Data].ToString());
            switch (rest[block.Label])
            {
                case "PUBLIC KEY":
                    keys.Add(OfKey(PublicKey.CreateFromSubjectPublicKeyInfo(bytes, out _)));
                    break;
                case "CERTIFICATE":
                    using (var certificate = X509CertificateLoader.LoadCertificate(bytes)) keys.Add(
                        OfKey(certificate.PublicKey));
                    break;
                default:
                    throw new FormatException($"a {rest[block.Label]} is in it; it takes public keys and certificates");
            }
        }

        return keys;
    }

    private static SecurityKey OfKey(PublicKey key)
    {
        if (key.GetRSAPublicKey() is { } rsa) return new RsaSecurityKey(rsa);
        if (key.GetECDsaPublicKey() is { KeySize: 256 } ecdsa) return new ECDsaSecurityKey(ecdsa);

        throw new FormatException("a key in it is neither RSA nor P-256");
    }
}
