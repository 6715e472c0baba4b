namespace DeviceRegistry.Core;

/// <summary>Kind of identity that the network sent.</summary>
public enum EquipmentKind
{
    /// <summary>Empty text.</summary>
    Absent,

    /// <summary>An IMEI or IMEISV.</summary>
    Imei,

    /// <summary>Wireline equipment (TS 29.571 Pei: mac-, eui-).</summary>
    Wireline,

    /// <summary>Any other text.</summary>
    Malformed,
}

/// <summary>An equipment identity as the network sent it. Every text is one; parsing never fails.</summary>
public readonly record struct EquipmentIdentity(EquipmentKind Kind, Imei Imei)
{
    /// <summary>Largest number of characters that are stored of a text.</summary>
    public const int TextMax = 64;

    /// <summary>Classifies a text. Blanks are text, not absence: a network that masks a null IMEI sends
    /// nothing.</summary>
    public static EquipmentIdentity Parse(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return new EquipmentIdentity(EquipmentKind.Absent, default);
        if (Imei.TryFromNetwork(text, out var imei)) return new EquipmentIdentity(EquipmentKind.Imei, imei);
        if (IsHexPairs(text, "mac-", 6) || IsHexPairs(text, "eui-", 8))
            return new EquipmentIdentity(EquipmentKind.Wireline, default);

        return new EquipmentIdentity(EquipmentKind.Malformed, default);
    }

    /// <summary>Canonical form under which an identity is stored and compared (proto/docs/canonical-forms.md): the 14
    /// digits of an IMEI; of any other text the first 64 characters in upper case, with '?' for each control or
    /// surrogate character. Idempotent.</summary>
    public static string Normal(ReadOnlySpan<char> text)
    {
        if (Imei.TryFromNetwork(text, out var imei)) return imei.Digits;

        Span<char> buffer = stackalloc char[TextMax];
        return Normal(text, buffer).ToString();
    }

    /// <summary>Canonical form of a text that is not an IMEI, written to a buffer of at least <see cref="TextMax"/>
    /// characters.</summary>
    public static ReadOnlySpan<char> Normal(ReadOnlySpan<char> text, Span<char> buffer)
    {
        var normal = buffer[..Math.Min(text.Length, TextMax)];
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
