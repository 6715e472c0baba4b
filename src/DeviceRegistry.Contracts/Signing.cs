using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Contracts;

/// <summary>Signatures of people and of the registry: ECDSA P-256 with SHA-256 (FIPS 186-5) over "device-registry KIND"
/// LF and the bytes. The kind prevents a signature from being valid for another kind of statement.</summary>
public static class Signing
{
    /// <summary>Largest size of a public key and of a signature in bytes: those of P-256 have 91 and 72.</summary>
    public const int BytesMax = 256;

    public static Signature Sign(string kind, ReadOnlySpan<byte> bytes, ECDsa key) =>
        Ecdsa(ByteString.CopyFrom(key.ExportSubjectPublicKeyInfo()), ByteString.CopyFrom(
            key.SignData(Signed(kind, bytes), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)));

    /// <summary>A signature message from a SubjectPublicKeyInfo and a DER signature.</summary>
    public static Signature Ecdsa(ByteString publicKey, ByteString signature) =>
        new() { Ecdsa = new EcdsaSignature { PublicKey = publicKey, Signature = signature } };

    /// <summary>Whether the signature matches its own public key and the bytes. Does not verify the owner of the
    /// key.</summary>
    public static bool Verifies(string kind, ReadOnlySpan<byte> bytes, Signature signature)
    {
        using var key = KeyIn(signature);
        return key is not null && Verifies(kind, bytes, signature, key);
    }

    /// <summary>Digest of the signing key, in the form in which members are registered: SHA-256 of the
    /// SubjectPublicKeyInfo, upper-case hex.</summary>
    public static string KeyOf(Signature signature) =>
        Convert.ToHexString(SHA256.HashData((signature.Ecdsa?.PublicKey ?? ByteString.Empty).Span));

    /// <summary>The public key in a signature; null if it has none or an invalid one. The caller disposes of
    /// it.</summary>
    internal static ECDsa? KeyIn(Signature signature)
    {
        if (signature.Ecdsa?.PublicKey is not { Length: > 0 and <= BytesMax } bytes) return null;

        var key = ECDsa.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(bytes.Span, out var read);
            if (read == bytes.Length) return key;
        }
        catch (CryptographicException)
        {
            // Invalid key bytes; the null result reports them.
        }

        key.Dispose();
        return null;
    }

    /// <summary>Whether the signature matches the bytes, with a key that is already parsed.</summary>
    internal static bool Verifies(string kind, ReadOnlySpan<byte> bytes, Signature signature, ECDsa key)
    {
        if (signature.Ecdsa?.Signature is not { Length: <= BytesMax } value) return false;

        try
        {
            return key.VerifyData(Signed(kind, bytes), value.Span, HashAlgorithmName.SHA256,
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
