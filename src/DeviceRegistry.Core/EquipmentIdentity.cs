namespace DeviceRegistry.Core;

/// <summary>What kind of identity the network gave (DOMAIN 3, 6.3 rows 1 and 8).</summary>
public enum EquipmentKind
{
    /// <summary>None: empty.</summary>
    Absent,

    /// <summary>An IMEI or IMEISV.</summary>
    Imei,

    /// <summary>Wireline equipment (TS 29.571 Pei: mac-, eui-).</summary>
    Wireline,

    /// <summary>Any other text.</summary>
    Malformed,
}

/// <summary>An equipment identity as it came over the air. Every text is one; parsing never fails.</summary>
public readonly record struct EquipmentIdentity(EquipmentKind Kind, Imei Imei)
{
    /// <summary>Characters of a text that is kept.</summary>
    public const int TextMax = 64;

    /// <summary>Judges a text. Blanks are text, not absence: a network that masks a null IMEI sends nothing.</summary>
    public static EquipmentIdentity Parse(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return new EquipmentIdentity(EquipmentKind.Absent, default);
        if (Imei.TryFromNetwork(text, out var imei)) return new EquipmentIdentity(EquipmentKind.Imei, imei);
        if (IsHexPairs(text, "mac-", 6) || IsHexPairs(text, "eui-", 8))
            return new EquipmentIdentity(EquipmentKind.Wireline, default);

        return new EquipmentIdentity(EquipmentKind.Malformed, default);
    }

    /// <summary>The text that an identity is kept and compared under (DOMAIN 3): an IMEI's 14 digits; of any other the
    /// first 64 characters in upper case, with a '?' for each that does not show. The same again of its own
    /// result.</summary>
    public static string Normal(ReadOnlySpan<char> text)
    {
        if (Imei.TryFromNetwork(text, out var imei)) return imei.Digits;

        Span<char> room = stackalloc char[TextMax];
        return Normal(text, room).ToString();
    }

    /// <summary>The same of a text that is no IMEI, written where there is room for <see cref="TextMax"/>
    /// characters.</summary>
    public static ReadOnlySpan<char> Normal(ReadOnlySpan<char> text, Span<char> room)
    {
        var normal = room[..Math.Min(text.Length, TextMax)];
        text[..normal.Length].ToUpperInvariant(normal);
        foreach (ref var c in normal)
            if (char.IsControl(c) || char.IsSurrogate(c)) c = '?';
        return normal;
    }

    // TS 29.571: mac((-[0-9a-fA-F]{2}){6})(-untrusted)?  eui((-[0-9a-fA-F]{2}){8})
    private static bool IsHexPairs(ReadOnlySpan<char> text, ReadOnlySpan<char> prefix, int pairs)
    {
        if (!text.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) return false;

        var rest = text[(prefix.Length - 1)..];
        for (var i = 0; i < pairs; i++, rest = rest[3..])
            if (rest.Length < 3 || rest[0] != '-' || !char.IsAsciiHexDigit(rest[1])
                || !char.IsAsciiHexDigit(rest[2])) return false;

        return rest.IsEmpty || (pairs == 6 && rest.Equals("-untrusted", StringComparison.OrdinalIgnoreCase));
    }
}
