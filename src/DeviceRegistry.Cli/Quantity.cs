using System.Globalization;

namespace DeviceRegistry.Cli;

/// <summary>A unit of count, and the format of amounts in it.</summary>
internal sealed record Quantity(string Unit)
{
    private const double Kilo = 1e3;
    private const double Mega = 1e6;

    public static readonly Quantity Bytes = new("MB");
    public static readonly Quantity Lines = new("lines");
    public static readonly Quantity Numbers = new("numbers");
    public static readonly Quantity Rows = new("rows");
    public static readonly Quantity Units = new("units");
    public static readonly Quantity Entries = new("entries");

    /// <summary>312.4 MB, or 10,000,000 IMEIs.</summary>
    public string Text(double count) => this != Bytes ? $"{Number(count, "N0")} {Unit}"
        : count < Mega ? $"{Number(count / Kilo, "0.0")} kB"
        : $"{Number(count / Mega, "0.0")} MB";

    /// <summary>162.4 MB of 312.4 MB, or 1,000 of 10,000,000 IMEIs.</summary>
    public string Text(long done, long total) =>
        this == Bytes ? $"{Text(done)} of {Text(total)}" : $"{Number(done, "N0")} of {Text(total)}";

    /// <summary>A duration in short form: 4.1 s, 2 min 10 s, 1 h 5 min.</summary>
    public static string Time(TimeSpan time) =>
        time.TotalSeconds < 60 ? $"{Number(time.TotalSeconds, time.TotalSeconds < 10 ? "0.0" : "0")} s"
        : time.TotalMinutes < 60 ? $"{time.Minutes} min {time.Seconds} s"
        : $"{(int)time.TotalHours} h {time.Minutes} min";

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
