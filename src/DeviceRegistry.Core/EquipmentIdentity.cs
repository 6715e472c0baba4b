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
    /// <summary>Judges a text. Blanks are text, not absence: a network that masks a null IMEI sends nothing.</summary>
    public static EquipmentIdentity Parse(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return new EquipmentIdentity(EquipmentKind.Absent, default);
        if (Imei.TryFromNetwork(text, out var imei)) return new EquipmentIdentity(EquipmentKind.Imei, imei);
        if (IsHexPairs(text, "mac-", 6) || IsHexPairs(text, "eui-", 8))
            return new EquipmentIdentity(EquipmentKind.Wireline, default);

        return new EquipmentIdentity(EquipmentKind.Malformed, default);
    }

    // TS 29.571: mac((-[0-9a-fA-F]{2}){6})(-untrusted)?  eui((-[0-9a-fA-F]{2}){8})
    private static bool IsHexPairs(ReadOnlySpan<char> text, ReadOnlySpan<char> prefix, int pairs)
    {
        if (!text.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) return false;

        var rest = text[(prefix.Length - 1)..];
        for (var i = 0; i < pairs; i++, rest = rest[3..])
            if (rest.Length < 3 || rest[0] != '-' || !char.IsAsciiHexDigit(rest[1]) || !char.IsAsciiHexDigit(rest[2])) return false;

        return rest.IsEmpty || (pairs == 6 && rest.Equals("-untrusted", StringComparison.OrdinalIgnoreCase));
    }
}
