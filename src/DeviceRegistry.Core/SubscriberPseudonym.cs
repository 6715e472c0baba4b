using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DeviceRegistry.Core;

/// <summary>Pseudonym stored instead of an IMSI: a number that can be computed from the IMSI only with the key of the
/// home operator.</summary>
public static class SubscriberPseudonym
{
    /// <summary>Size of a key in bytes.</summary>
    public const int KeySize = 32;

    /// <summary>No subscriber, or an unknown one.</summary>
    public const ulong None = 0;

    /// <summary>The first 8 bytes, big-endian, of HMAC-SHA-256 over the digits. Returns <see cref="None"/> if the text
    /// is not an IMSI (TS 23.003 2.2), and never otherwise (a zero result becomes 1). Allocates nothing.</summary>
    public static ulong Of(ReadOnlySpan<byte> key, ReadOnlySpan<char> imsi)
    {
        if (!IsImsi(imsi)) return None;

        Span<byte> digits = stackalloc byte[ImsiMax];
        for (var i = 0; i < imsi.Length; i++) digits[i] = (byte)imsi[i];
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, digits[..imsi.Length], hash);
        return Math.Max(BinaryPrimitives.ReadUInt64BigEndian(hash), 1);
    }

    /// <summary>Whether a text is an IMSI: 5 to 15 digits.</summary>
    public static bool IsImsi(ReadOnlySpan<char> text)
    {
        if (text.Length is < 5 or > ImsiMax) return false;

        foreach (var c in text)
            if (!char.IsAsciiDigit(c)) return false;
        return true;
    }

    private const int ImsiMax = 15;
}
