using System.Globalization;

namespace DeviceRegistry.Core;

/// <summary>The 14 digits that identify a handset (TS 23.003 §6.2.1): TAC (8) and serial (6).</summary>
/// <remarks>The 15th digit is no part of it: a Luhn check on paper, a spare zero over the air. Each edge judges its
/// own; inside, every spelling of one handset is equal. Leading zeros are kept by <see cref="Digits"/>.</remarks>
public readonly record struct Imei
{
    /// <summary>Digits of an IMEI without its check digit.</summary>
    public const int Length = 14;

    /// <summary>One more than the largest value.</summary>
    public const ulong Limit = 100_000_000_000_000;

    /// <summary>Takes the value of the 14 digits, below <see cref="Limit"/>.</summary>
    public Imei(ulong value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, Limit);
        Value = value;
    }

    /// <summary>The 14 digits as a number: the key of tables and of the index.</summary>
    public ulong Value { get; }

    /// <summary>The first 8 digits.</summary>
    public Tac Tac => new((uint)(Value / 1_000_000));

    /// <summary>The 14 digits, leading zeros included, for those who may see them.</summary>
    public string Digits => Value.ToString("00000000000000", CultureInfo.InvariantCulture);

    /// <summary>The 14 digits and the check digit, as printed on the box.</summary>
    public string Printed => Digits + Luhn.CheckDigit(Value).ToString(CultureInfo.InvariantCulture);

    /// <summary>Reads an IMEI as a network gives it: 14, 15 or 16 characters of which the first 14 are digits. What
    /// follows them is not judged (PROTOCOLS §0.1).</summary>
    public static bool TryFromNetwork(ReadOnlySpan<char> text, out Imei imei)
    {
        imei = default;
        if (text.Length is < Length or > 16 || !TryValue(text[..Length], out var value)) return false;

        imei = new Imei(value);
        return true;
    }

    /// <summary>Reads an IMEI as a person or a file gives it: 14 digits, or 15 of which the last must be the check
    /// digit.</summary>
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

    /// <summary>Masked. An IMEI points at a person; it must not leak through a log line.</summary>
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

/// <summary>What is wrong with an IMEI that a person or a file gave.</summary>
public enum TypedImeiError
{
    /// <summary>Nothing.</summary>
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

/// <summary>An IMEI read from a person's input, or what is wrong with it.</summary>
/// <param name="Fault">What is wrong, or <see cref="TypedImeiError.None"/>.</param>
/// <param name="Imei">The IMEI; meaningful without fault or with <see cref="TypedImeiError.CheckDigit"/>.</param>
/// <param name="ExpectedCheckDigit">The digit that belongs at the end; meaningful where <paramref name="Imei"/>
/// is.</param>
public readonly record struct TypedImei(TypedImeiError Fault, Imei Imei, int ExpectedCheckDigit)
{
    /// <summary>What was expected instead, for a person to read.</summary>
    public string Expected => Fault switch
    {
        TypedImeiError.CheckDigit => $"check digit {ExpectedCheckDigit} (the 15th; or give the first 14 digits alone)",
        TypedImeiError.NotDigits => "14 or 15 digits and nothing else",
        _ => "14 digits, or 15 with the check digit",
    };
}
