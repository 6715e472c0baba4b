using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.RegularExpressions;

namespace DeviceRegistry.Server;

/// <summary>A configuration that cannot be used, told for the person who wrote it.</summary>
internal sealed class ConfigurationFault(string message) : Exception(message);

/// <summary>Reads <see cref="ServerOptions"/> from the command line and the environment. An unknown option is an error, never passed over.</summary>
internal static partial class OptionsReader
{
    private const string Prefix = "DEVICEREGISTRY_";

    private static readonly Dictionary<string, PropertyInfo> Known =
        typeof(ServerOptions).GetProperties().Where(p => p.CanWrite).ToDictionary(p => WordStart().Replace(p.Name, "-$1").ToLowerInvariant());

    public static ServerOptions Read(IReadOnlyList<string> arguments)
    {
        var options = new ServerOptions();
        foreach (var (name, property) in Known)
        {
            // PgBin is --pg-bin and DEVICEREGISTRY_PGBIN: the scripts write the four of PostgreSQL in one word.
            var variable = Prefix + name.Replace("pg-", "pg", StringComparison.Ordinal).Replace('-', '_').ToUpperInvariant();
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value) Set(options, property, value, variable);
        }

        for (var i = 0; i < arguments.Count; i++)
        {
            var name = arguments[i].StartsWith("--", StringComparison.Ordinal) ? arguments[i][2..] : "";
            if (!Known.TryGetValue(name, out var property))
                throw new ConfigurationFault($"Unknown option {arguments[i]}. Options are: {string.Join(", ", Known.Keys.Order().Select(k => "--" + k))}.");

            var isSwitch = property.PropertyType == typeof(bool) && (i + 1 == arguments.Count || arguments[i + 1].StartsWith("--", StringComparison.Ordinal));
            if (!isSwitch && i + 1 == arguments.Count) throw new ConfigurationFault($"Option {arguments[i]} needs a value.");
            Set(options, property, isSwitch ? "true" : arguments[++i], "--" + name);
        }

        var faults = new List<ValidationResult>();
        if (!Validator.TryValidateObject(options, new ValidationContext(options), faults, validateAllProperties: true))
            throw new ConfigurationFault(string.Join(" ", faults.Select(f => f.ErrorMessage)));
        return options;
    }

    private static void Set(ServerOptions options, PropertyInfo property, string text, string source)
    {
        object? value = property.PropertyType switch
        {
            var t when t == typeof(string) => text,
            var t when t == typeof(bool) => bool.TryParse(text, out var flag) ? flag : null,
            var t when t == typeof(int) => int.TryParse(text, out var number) ? number : null,
            var t => Enum.TryParse(t, text, ignoreCase: true, out var parsed) && !int.TryParse(text, out _) ? parsed : null,
        };
        property.SetValue(options, value ?? throw new ConfigurationFault($"{source} is {text}, which is no value for it (it takes a {property.PropertyType.Name})."));
    }

    [GeneratedRegex("(?<=[a-z0-9])([A-Z])")]
    private static partial Regex WordStart();
}
