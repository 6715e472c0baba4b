using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Contracts;

/// <summary>Signatures of people and of the registry: ECDSA P-256 with SHA-256 (FIPS 186-5) over "device-registry KIND"
/// LF and the bytes, so that what was signed as one kind of thing never passes for another.</summary>
public static class Signing
{
    /// <summary>Bytes of a public key and of a signature, at most: those of P-256 are 91 and 72.</summary>
    public const int BytesMax = 256;

    /// <summary>Signs bytes.</summary>
    public static Signature Sign(string kind, ReadOnlySpan<byte> bytes, ECDsa key) => new()
    {
        PublicKey = ByteString.CopyFrom(key.ExportSubjectPublicKeyInfo()),
        Value = ByteString.CopyFrom(key.SignData(Signed(kind, bytes), HashAlgorithmName.SHA256,
            DSASignatureFormat.Rfc3279DerSequence)),
    };

    /// <summary>Whether the signature is that of its key over the bytes. Whose key that is, it does not say.</summary>
    public static bool Verifies(string kind, ReadOnlySpan<byte> bytes, Signature signature)
    {
        using var key = KeyIn(signature);
        return key is not null && Verifies(kind, bytes, signature, key);
    }

    /// <summary>The key that signed, as members are registered: SHA-256 of its SubjectPublicKeyInfo, upper-case
    /// hex.</summary>
    public static string KeyOf(Signature signature) => Convert.ToHexString(SHA256.HashData(signature.PublicKey.Span));

    /// <summary>The public key that a signature names; null: it names none.</summary>
    internal static ECDsa? KeyIn(Signature signature)
    {
        if (signature.PublicKey.Length is 0 or > BytesMax) return null;

        var key = ECDsa.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(signature.PublicKey.Span, out var read);
            if (read == signature.PublicKey.Length) return key;
        }
        catch (CryptographicException)
        {
            // Bytes of any kind; said by the answer.
        }

        key.Dispose();
        return null;
    }

    /// <summary>The same for a key that was read before.</summary>
    internal static bool Verifies(string kind, ReadOnlySpan<byte> bytes, Signature signature, ECDsa key)
    {
        if (signature.Value.Length > BytesMax) return false;

        try
        {
            return key.VerifyData(Signed(kind, bytes), signature.Value.Span, HashAlgorithmName.SHA256,
                DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static byte[] Signed(string kind, ReadOnlySpan<byte> bytes) =>
        [.. Encoding.ASCII.GetBytes($"device-registry {kind}\n"), .. bytes];
}
