using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace DeviceRegistry.Server;

/// <summary>One option, with its spelling on the command line and in the environment.</summary>
internal sealed partial record Setting(PropertyInfo Property, string Option, string Variable)
{
    private const string Prefix = "DEVICEREGISTRY_";

    /// <summary>All options, in the order of their properties.</summary>
    public static IReadOnlyList<Setting> All { get; } =
        [.. typeof(ServerOptions).GetProperties().Where(p => p.CanWrite).Select(Of)];

    /// <summary>Variables with our prefix that scripts and tests use; the server does not read them and must not report
    /// them as unknown.</summary>
    public static IReadOnlyList<string> OtherVariables { get; } =
    [
        Prefix + "REFERENCE_DATA", Prefix + "TEST_DREG", Prefix + "TEST_SEED", Prefix + "TEST_SEQUENCES",
        Prefix + "TEST_SERVER",
    ];

    public string Description => Property.GetCustomAttribute<DescriptionAttribute>()!.Description;

    /// <summary>The value as it would be typed.</summary>
    public string ValueIn(ServerOptions options) =>
        Convert.ToString(Property.GetValue(options), CultureInfo.InvariantCulture) ?? "";

    /// <summary>Whether a variable has our prefix and no known name.</summary>
    public static bool IsUnknown(string variable) =>
        variable.StartsWith(Prefix, StringComparison.Ordinal) && !OtherVariables.Contains(variable)
            && All.All(s => s.Variable != variable);

    /// <summary>Parses and sets a value. Returns false if the text is no valid value.</summary>
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

    /// <summary>The expected kind of value, for an error message.</summary>
    public string Expected => Property.PropertyType switch
    {
        var t when t == typeof(bool) => "true or false",
        var t when t == typeof(int) => "a whole number",
        var t when t == typeof(double) => "a number such as 0.25",
        var t when t.IsEnum => string.Join(", ", Enum.GetNames(t)),
        _ => "a text",
    };

    /// <summary>The candidate with the smallest edit distance.</summary>
    public static string Nearest(string written, IEnumerable<string> candidates) =>
        candidates.MinBy(c => EditDistance(written, c))!;

    // PgBin is --pg-bin and DEVICEREGISTRY_PGBIN: the scripts spell the four PostgreSQL variables without an underscore
    // after PG.
    private static Setting Of(PropertyInfo property)
    {
        var words = WordStart().Replace(property.Name, "-$1").ToLowerInvariant();
        return new Setting(property, "--" + words, Prefix + words.Replace("pg-", "pg", StringComparison.Ordinal)
            .Replace('-', '_').ToUpperInvariant());
    }

    // Levenshtein distance, one row at a time.
    private static int EditDistance(string from, string to)
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
