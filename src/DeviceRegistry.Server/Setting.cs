using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace DeviceRegistry.Server;

/// <summary>One option: how it is spelled on the command line and in the environment, and what it is when nobody
/// says.</summary>
internal sealed partial record Setting(PropertyInfo Property, string Option, string Variable)
{
    private const string Prefix = "DEVICEREGISTRY_";

    /// <summary>Every option, in the order of the class.</summary>
    public static IReadOnlyList<Setting> All { get; } =
        [.. typeof(ServerOptions).GetProperties().Where(p => p.CanWrite).Select(Of)];

    /// <summary>Variables of the scripts and tests that the server does not read, and must not take for a
    /// slip.</summary>
    public static IReadOnlyList<string> VariablesOfOthers { get; } =
    [
        Prefix + "REFERENCE_DATA", Prefix + "TEST_DREG", Prefix + "TEST_SEED", Prefix + "TEST_SEQUENCES",
        Prefix + "TEST_SERVER",
    ];

    /// <summary>What --help says of it.</summary>
    public string Description => Property.GetCustomAttribute<DescriptionAttribute>()!.Description;

    /// <summary>Its value as it would be written.</summary>
    public string ValueIn(ServerOptions options) =>
        Convert.ToString(Property.GetValue(options), CultureInfo.InvariantCulture) ?? "";

    /// <summary>A variable that begins as ours do and is nobody's.</summary>
    public static bool IsUnknown(string variable) =>
        variable.StartsWith(Prefix, StringComparison.Ordinal) && !VariablesOfOthers.Contains(variable)
            && All.All(s => s.Variable != variable);

    /// <summary>Takes a text; false: it is no value of this option.</summary>
    public bool TrySet(ServerOptions options, string text)
    {
        object? value = Property.PropertyType switch
        {
            var t when t == typeof(string) => text,
            var t when t == typeof(bool) => bool.TryParse(text, out var flag) ? flag : null,
            var t when t == typeof(int) =>
                int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
            : null,
            var t when t == typeof(double) =>
                double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null,
            var t =>
                Enum.TryParse(t, text, ignoreCase: true, out var parsed) && !int.TryParse(text, out _) ? parsed : null,
        };
        if (value is not null) Property.SetValue(options, value);
        return value is not null;
    }

    /// <summary>What it takes, for one who gave something else.</summary>
    public string Takes => Property.PropertyType switch
    {
        var t when t == typeof(bool) => "true or false",
        var t when t == typeof(int) => "a whole number",
        var t when t == typeof(double) => "a number such as 0.25",
        var t when t.IsEnum => string.Join(", ", Enum.GetNames(t)),
        _ => "a text",
    };

    /// <summary>The candidate that takes the fewest strokes to become from what was written.</summary>
    public static string Nearest(string written, IEnumerable<string> candidates) =>
        candidates.MinBy(c => Strokes(written, c))!;

    // PgBin is --pg-bin and DEVICEREGISTRY_PGBIN: the scripts write the four of PostgreSQL in one word.
    private static Setting Of(PropertyInfo property)
    {
        var words = WordStart().Replace(property.Name, "-$1").ToLowerInvariant();
        return new Setting(property, "--" + words, Prefix + words.Replace("pg-", "pg", StringComparison.Ordinal)
            .Replace('-', '_').ToUpperInvariant());
    }

    // Levenshtein's distance, a row at a time.
    private static int Strokes(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 1; i <= from.Length; i++)
        {
            var corner = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
                (corner, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, corner
                    + (from[i - 1] == to[j - 1] ? 0 : 1)));
        }

        return row[^1];
    }

    [GeneratedRegex("(?<=[a-z0-9])([A-Z])")]
    private static partial Regex WordStart();
}
