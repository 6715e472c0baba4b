using System.Buffers;
using System.Text.Unicode;
using DeviceRegistry.Core;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>Parses the query string (TS 29.511 §6.1.3.2.3.1) in place: bounded, without allocations, and for any input
/// without an exception.</summary>
/// <remarks>A '+' is a plus (RFC 3986). gpsi, supported-features and parameters of later releases are ignored, because
/// no answer depends on them.</remarks>
internal static class EquipmentQuery
{
    // A character is at most 4 bytes of UTF-8, each percent-encoded in 3 characters.
    private const int EncodedPerChar = 12;
    private const int ParameterNameMax = 8;

    /// <summary>Characters of the buffer needed for each of the two values.</summary>
    public const int BufferChars = EquipmentIdentity.TextMax;

    /// <summary>Parses the query. Returns null if <paramref name="equipment"/> and <paramref name="imsi"/>, slices of
    /// the given buffers, are to be checked; otherwise the reply to send.</summary>
    public static N17Reply? Read(
        ReadOnlySpan<char> query, Span<char> peiBuffer, Span<char> supiBuffer, out ReadOnlySpan<char> equipment,
        out ReadOnlySpan<char> imsi)
    {
        equipment = default;
        imsi = default;
        var (peis, supis) = (0, 0);
        for (var rest = query is ['?', ..] ? query[1..] : query; !rest.IsEmpty;)
        {
            var end = rest.IndexOf('&');
            var parameter = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            var equals = parameter.IndexOf('=');
            var name = equals < 0 ? parameter : parameter[..equals];
            var value = equals < 0 ? default : parameter[(equals + 1)..];
            if (NameIs(name, "pei"))
            {
                if (++peis > 1 || !TryDecode(value, peiBuffer, out var length)
                    || length is 0) return N17Reply.PeiIncorrect;

                equipment = IdentityOf(peiBuffer[..length]);
            }
            else if (NameIs(name, "supi"))
            {
                // Optional: an unreadable or repeated SUPI is treated as absent. A rejection would cost the subscriber
                // the network.
                imsi = ++supis is 1 && TryDecode(value, supiBuffer, out var length) ? ImsiOf(supiBuffer[..length])
                    : default;
            }
        }

        return peis is 0 ? N17Reply.PeiMissing : null;
    }

    // TS 29.571 Pei. The text after imei- or imeisv- is the identity that an MME sends without a prefix, so that a
    // device is the same on every interface. Any other PEI is an identity as a whole.
    private static ReadOnlySpan<char> IdentityOf(ReadOnlySpan<char> pei) =>
        pei.StartsWith("imei-", StringComparison.OrdinalIgnoreCase) ? pei["imei-".Length..]
        : pei.StartsWith("imeisv-", StringComparison.OrdinalIgnoreCase) ? pei["imeisv-".Length..]
        : pei;

    // TS 29.571 Supi. Only an IMSI affects an answer.
    private static ReadOnlySpan<char> ImsiOf(ReadOnlySpan<char> supi)
    {
        if (!supi.StartsWith("imsi-", StringComparison.OrdinalIgnoreCase)) return default;

        var digits = supi["imsi-".Length..];
        if (digits.Length is < 5 or > 15) return default;

        foreach (var c in digits)
            if (!char.IsAsciiDigit(c)) return default;

        return digits;
    }

    private static bool NameIs(ReadOnlySpan<char> name, ReadOnlySpan<char> wanted)
    {
        if (!name.Contains('%')) return name.SequenceEqual(wanted);

        Span<char> buffer = stackalloc char[ParameterNameMax];
        return TryDecode(name, buffer, out var length) && wanted.SequenceEqual(buffer[..length]);
    }

    /// <summary>Returns false if the value is longer than the buffer, a percent sign is not followed by two hex digits,
    /// the bytes are not UTF-8, or a character is a control character.</summary>
    private static bool TryDecode(ReadOnlySpan<char> encoded, Span<char> buffer, out int length)
    {
        length = 0;
        if (encoded.Length > buffer.Length * EncodedPerChar) return false;

        Span<byte> bytes = stackalloc byte[BufferChars * 4];
        var count = 0;
        for (var i = 0; i < encoded.Length; i++)
        {
            if (count == buffer.Length * 4) return false;

            var c = encoded[i];
            if (c is '%')
            {
                if (i + 2 >= encoded.Length || !char.IsAsciiHexDigit(encoded[i + 1])
                    || !char.IsAsciiHexDigit(encoded[i + 2])) return false;

                c = (char)(HexOf(encoded[i + 1]) * 16 + HexOf(encoded[i + 2]));
                i += 2;
            }
            else if (!char.IsAscii(c))
            {
                return false;
            }

            bytes[count++] = (byte)c;
        }

        if (Utf8.ToUtf16(bytes[..count], buffer, out _, out length,
            replaceInvalidSequences: false) is not OperationStatus.Done) return false;

        foreach (var c in buffer[..length])
            if (char.IsControl(c)) return false;

        return true;
    }

    private static int HexOf(char digit) => char.IsAsciiDigit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
