using System.Globalization;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar;

/// <summary>Parses and validates the fields of requests: returns a valid value, or throws INVALID_ARGUMENT naming the
/// field.</summary>
internal static class Inputs
{
    public static string Reference(string text) => Printable("reference", text, Limits.ReferenceMax);

    /// <summary>1 to <paramref name="most"/> printable characters: no control, line-break or text-direction characters,
    /// so that a person reads exactly what is stored.</summary>
    public static string Printable(string field, string text, int most)
    {
        Require(text.Length >= 1 && text.Length <= most && text.All(Shows) && text.Trim().Length == text.Length,
            field, $"1 to {most} printable characters without blanks at the ends");
        return text;
    }

    /// <summary>1 to 64 characters of a-z, 0-9, '.' and '-'.</summary>
    public static string Name(string field, string text)
    {
        Require(text.Length is >= 1 and <= 64
            && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.'),
            field, "1 to 64 characters of a-z, 0-9, '.' and '-'");
        return text;
    }

    /// <summary>Like <see cref="Name"/>; an empty text is valid and returned as it is.</summary>
    public static string NameOrNone(string field, string text) => text.Length is 0 ? "" : Name(field, text);

    public static DateOnly Date(string field, string text)
    {
        if (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None,
            out var date)) return date;

        throw RegistryException.BadField(field, "a date as YYYY-MM-DD");
    }

    /// <summary>First and last day of a term of validity, both inclusive.</summary>
    public static (DateOnly From, DateOnly Until) Days(string validFrom, string validUntil)
    {
        var (from, until) = (Date("valid_from", validFrom), Date("valid_until", validUntil));
        Require(from <= until, "valid_until", "a day not before valid_from");
        return (from, until);
    }

    /// <summary>Range of days as instants in UTC, from the start of the first day to before the end of the last day; an
    /// empty text leaves that end open (null).</summary>
    public static (DateTime? From, DateTime? Before) OpenDays(string field, string from, string until)
    {
        DateTime? first = from.Length is 0 ? null : Date($"{field}_from", from)
            .ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc);
        DateTime? last = until.Length is 0 ? null : Date($"{field}_until", until)
            .ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc).AddDays(1);
        Require(first is null || last is null || first < last, $"{field}_until", $"a day not before {field}_from");
        return (first, last);
    }

    /// <summary>Rows per page; 0 selects the default, <see cref="Limits.PageDefault"/>.</summary>
    public static int PageSize(uint asked)
    {
        Require(asked <= Limits.PageMax, "page_size", $"1 to {Limits.PageMax}; 0 for {Limits.PageDefault}");
        return asked is 0 ? Limits.PageDefault : (int)asked;
    }

    /// <summary>A serial number: 1 to 64 printable ASCII characters without blanks, commas and quotes.</summary>
    public static string SerialNumber(string field, string text)
    {
        Require(text.Length <= Limits.SerialMax && System.Text.Ascii.IsValid(text)
            && Registration.UnitRecord.IsSerial(System.Text.Encoding.ASCII.GetBytes(text)),
            field, $"1 to {Limits.SerialMax} printable ASCII characters without blanks, commas and quotes");
        return text;
    }

    public static bool IsActive(Contracts.V1.MembershipState state)
    {
        Require(state is Contracts.V1.MembershipState.Active or Contracts.V1.MembershipState.Retired, "state",
            "ACTIVE or RETIRED");
        return state is Contracts.V1.MembershipState.Active;
    }

    public static Imei Imei(string field, string text)
    {
        var typed = Core.Imei.FromTyped(text);
        return typed.Fault is TypedImeiError.None ? typed.Imei
            : throw RegistryException.BadField(field, typed.Expected);
    }

    public static Tac Tac(string field, string text) =>
        Core.Tac.TryParse(text, out var tac) ? tac : throw RegistryException.BadField(field, "8 digits");

    /// <summary>Maps an enum of the contract, other than "unspecified", to the domain enum with the same
    /// numbers.</summary>
    public static TDomain Choice<TWire, TDomain>(string field, TWire value)
        where TWire : struct, Enum
        where TDomain : struct, Enum
    {
        var number = Convert.ToInt32(value, CultureInfo.InvariantCulture);
        Require(number is not 0 && Enum.IsDefined(value), field,
            $"one of {string.Join(", ", Enum.GetNames<TWire>().Skip(1).Select(Contracts.StatusMapping.UpperSnake))}");
        return (TDomain)Enum.ToObject(typeof(TDomain), number);
    }

    /// <summary>Like <see cref="Choice{TWire, TDomain}"/>, but "unspecified" means any and returns null.</summary>
    public static TDomain? ChoiceOrAny<TWire, TDomain>(string field, TWire value)
        where TWire : struct, Enum
        where TDomain : struct, Enum =>
            Convert.ToInt32(value, CultureInfo.InvariantCulture) is 0 ? null : Choice<TWire, TDomain>(field, value);

    public static byte[] Digest(string field, ReadOnlySpan<byte> bytes)
    {
        Require(bytes.Length is 32, field, "32 bytes, a SHA-256");
        return bytes.ToArray();
    }

    public static void Require(bool holds, string field, string expected)
    {
        if (!holds) throw RegistryException.BadField(field, expected);
    }

    /// <summary>A value for an error text: truncated to <see cref="Limits.QuotedValueMax"/> characters, non-printable
    /// ones replaced.</summary>
    public static string Quote(string value) =>
        new([.. value.Take(Limits.QuotedValueMax).Select(c => Shows(c) ? c : '·')]);

    private static bool Shows(char c) =>
        char.GetUnicodeCategory(c) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse);
}
