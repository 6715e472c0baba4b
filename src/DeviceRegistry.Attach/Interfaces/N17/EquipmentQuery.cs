using System.Buffers;
using System.Text.Unicode;
using DeviceRegistry.Core;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>What a query string says (TS 29.511 §6.1.3.2.3.1), read in place: bounded, without allocating, and without
/// a text it could fail on.</summary>
/// <remarks>A '+' is a plus (RFC 3986). gpsi, supported-features and parameters of later releases are passed over:
/// nothing here depends on them.</remarks>
internal static class EquipmentQuery
{
    // A character is at most 4 bytes of UTF-8 in 3 characters each.
    private const int EncodedPerChar = 12;
    private const int ParameterNameMax = 8;

    /// <summary>Characters of room a reader needs for each of the two texts.</summary>
    public const int Room = EquipmentIdentity.TextMax;

    /// <summary>Reads it. Null: <paramref name="equipment"/> and <paramref name="imsi"/> are what the policy is asked
    /// about, in the rooms given; otherwise what to answer.</summary>
    public static N17Reply? Read(
        ReadOnlySpan<char> query, Span<char> peiRoom, Span<char> supiRoom, out ReadOnlySpan<char> equipment,
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
            if (IsNamed(name, "pei"))
            {
                if (++peis > 1 || !TryDecode(value, peiRoom, out var length)
                    || length is 0) return N17Reply.PeiIncorrect;

                equipment = IdentityOf(peiRoom[..length]);
            }
            else if (IsNamed(name, "supi"))
            {
                // Optional: what cannot be read, or is said twice, is as if it had not been said (PROTOCOLS §2).
                imsi = ++supis is 1 && TryDecode(value, supiRoom, out var length) ? ImsiOf(supiRoom[..length])
                    : default;
            }
        }

        return peis is 0 ? N17Reply.PeiMissing : null;
    }

    // TS 29.571 Pei. What follows imei- or imeisv- is the identity an MME would send bare, so that a handset is one
    // handset at every door; anything else is one as it stands.
    private static ReadOnlySpan<char> IdentityOf(ReadOnlySpan<char> pei) =>
        pei.StartsWith("imei-", StringComparison.OrdinalIgnoreCase) ? pei["imei-".Length..]
        : pei.StartsWith("imeisv-", StringComparison.OrdinalIgnoreCase) ? pei["imeisv-".Length..]
        : pei;

    // TS 29.571 Supi. Of the kinds of it, only an IMSI bears on an answer.
    private static ReadOnlySpan<char> ImsiOf(ReadOnlySpan<char> supi)
    {
        if (!supi.StartsWith("imsi-", StringComparison.OrdinalIgnoreCase)) return default;

        var digits = supi["imsi-".Length..];
        if (digits.Length is < 5 or > 15) return default;

        foreach (var c in digits)
            if (!char.IsAsciiDigit(c)) return default;

        return digits;
    }

    private static bool IsNamed(ReadOnlySpan<char> name, ReadOnlySpan<char> wanted)
    {
        if (!name.Contains('%')) return name.SequenceEqual(wanted);

        Span<char> room = stackalloc char[ParameterNameMax];
        return TryDecode(name, room, out var length) && wanted.SequenceEqual(room[..length]);
    }

    /// <summary>False: it is longer than the room, a percent sign leads nowhere, the bytes are no UTF-8, or a character
    /// does not show.</summary>
    private static bool TryDecode(ReadOnlySpan<char> encoded, Span<char> room, out int length)
    {
        length = 0;
        if (encoded.Length > room.Length * EncodedPerChar) return false;

        Span<byte> bytes = stackalloc byte[Room * 4];
        var count = 0;
        for (var i = 0; i < encoded.Length; i++)
        {
            if (count == room.Length * 4) return false;

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

        if (Utf8.ToUtf16(bytes[..count], room, out _, out length,
            replaceInvalidSequences: false) is not OperationStatus.Done) return false;

        foreach (var c in room[..length])
            if (char.IsControl(c)) return false;

        return true;
    }

    private static int HexOf(char digit) => char.IsAsciiDigit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
