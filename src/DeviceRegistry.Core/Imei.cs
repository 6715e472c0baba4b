using System.Globalization;

namespace DeviceRegistry.Core;

/// <summary>The 14 digits that identify a device (TS 23.003 §6.2.1): TAC (8) and serial (6).</summary>
/// <remarks>The 15th digit is not part of the value: it is a Luhn check digit on paper and a spare zero on the radio
/// interface. Each interface validates the 15th digit of its input; inside, all spellings of one IMEI are equal.
/// <see cref="Digits"/> keeps leading zeros.</remarks>
public readonly record struct Imei
{
    /// <summary>Digits of an IMEI without its check digit.</summary>
    public const int Length = 14;

    /// <summary>1 + the largest value.</summary>
    public const ulong Limit = 100_000_000_000_000;

    /// <summary>From the value of the 14 digits, below <see cref="Limit"/>.</summary>
    public Imei(ulong value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, Limit);
        Value = value;
    }

    /// <summary>The 14 digits as a number: key of the tables and of the index.</summary>
    public ulong Value { get; }

    public Tac Tac => new((uint)(Value / 1_000_000));

    /// <summary>The 14 digits with leading zeros, unmasked: only for readers who may see IMEIs.</summary>
    public string Digits => Value.ToString("00000000000000", CultureInfo.InvariantCulture);

    /// <summary>The 14 digits and the check digit, as printed on the box.</summary>
    public string Printed => Digits + Luhn.CheckDigit(Value).ToString(CultureInfo.InvariantCulture);

    /// <summary>Parses an IMEI from a network: 14, 15 or 16 characters of which the first 14 are digits. The rest is
    /// not validated, because a network transmits no check digit.</summary>
    public static bool TryFromNetwork(ReadOnlySpan<char> text, out Imei imei)
    {
        imei = default;
        if (text.Length is < Length or > 16 || !TryValue(text[..Length], out var value)) return false;

        imei = new Imei(value);
        return true;
    }

    /// <summary>Parses an IMEI typed by a person or read from a file: 14 digits, or 15 of which the last must be the
    /// check digit.</summary>
    public static TypedImei FromTyped(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return new TypedImei(TypedImeiError.Empty, default, 0);
        if (text.ContainsAnyExceptInRange('0', '9')) return new TypedImei(TypedImeiError.NotDigits, default, 0);
        if (text.Length is not (Length or Length + 1)) return new TypedImei(TypedImeiError.Length, default, 0);
        if (!TryValue(text[..Length], out var value)) return new TypedImei(TypedImeiError.NotDigits, default, 0);

        var expected = Luhn.CheckDigit(value);
        var wrong = text.Length > Length && text[Length] - '0' != expected;
        return new TypedImei(wrong ? TypedImeiError.CheckDigit : TypedImeiError.None, new Imei(value), expected);
    }

    /// <summary>Masked, because an IMEI identifies a person and must not leak through a log line.</summary>
    public override string ToString() => $"{Tac}-******";

    private static bool TryValue(ReadOnlySpan<char> text, out ulong value)
    {
        value = 0;
        foreach (var c in text)
        {
            if (!char.IsAsciiDigit(c)) return false;
            value = value * 10 + (uint)(c - '0');
        }

        return true;
    }
}

/// <summary>Error of an IMEI that a person typed or a file contains.</summary>
public enum TypedImeiError
{
    /// <summary>No error.</summary>
    None,

    /// <summary>No characters.</summary>
    Empty,

    /// <summary>A character that is not a digit.</summary>
    NotDigits,

    /// <summary>Neither 14 nor 15 digits.</summary>
    Length,

    /// <summary>The 15th digit is not the check digit.</summary>
    CheckDigit,
}

/// <summary>Result of parsing a typed IMEI.</summary>
/// <param name="Fault">The error, or <see cref="TypedImeiError.None"/>.</param>
/// <param name="Imei">The IMEI; valid with <see cref="TypedImeiError.None"/> and
/// <see cref="TypedImeiError.CheckDigit"/> only.</param>
/// <param name="ExpectedCheckDigit">The correct check digit; valid if <paramref name="Imei"/> is.</param>
public readonly record struct TypedImei(TypedImeiError Fault, Imei Imei, int ExpectedCheckDigit)
{
    /// <summary>Expected input, as a text for a person.</summary>
    public string Expected => Fault switch
    {
        TypedImeiError.CheckDigit => $"check digit {ExpectedCheckDigit} (the 15th; or give the first 14 digits alone)",
        TypedImeiError.NotDigits => "14 or 15 digits and nothing else",
        _ => "14 digits, or 15 with the check digit",
    };
}
