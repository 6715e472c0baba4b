using System.Globalization;

namespace DeviceRegistry.Core;

/// <summary>Type allocation code: the first 8 digits of an IMEI (TS 23.003 §6.2.1); one device model, one million
/// serials.</summary>
public readonly record struct Tac(uint Value)
{
    /// <summary>Digits of a TAC.</summary>
    public const int Length = 8;

    /// <summary>1 + the largest value.</summary>
    public const uint Limit = 100_000_000;

    /// <summary>Reporting body: the first two digits, 0 to 99.</summary>
    public int ReportingBody => (int)(Value / 1_000_000);

    /// <summary>Parses exactly 8 digits.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Tac tac)
    {
        tac = default;
        if (text.Length != Length || text.ContainsAnyExceptInRange('0', '9')) return false;

        tac = new Tac(uint.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture));
        return true;
    }

    /// <summary>The 8 digits, leading zeros included.</summary>
    public override string ToString() => Value.ToString("00000000", CultureInfo.InvariantCulture);
}
