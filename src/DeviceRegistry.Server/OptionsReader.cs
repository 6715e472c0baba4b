using System.Text;
using DeviceRegistry.Server.Telemetry;
using Npgsql;

namespace DeviceRegistry.Server;

/// <summary>An invalid configuration, with a message for the person who wrote it.</summary>
internal sealed class ConfigurationFault(string message) : Exception(message);

/// <summary>Reads <see cref="ServerOptions"/> from the command line and the environment. An unknown option or variable
/// is an error and never ignored; all errors are reported together.</summary>
internal sealed class OptionsReader
{
    private readonly ServerOptions _options = new();
    private readonly Dictionary<Setting, string> _sources = [];
    private readonly List<string> _faults = [];

    private OptionsReader(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        ReadEnvironment(environment);
        ReadArguments(arguments);
        _faults.AddRange(OptionsRules.FaultsOf(_options));
        if (_faults.Count > 0) throw new ConfigurationFault(string.Join('\n', _faults));
    }

    /// <summary>Returns valid options, or throws <see cref="ConfigurationFault"/> with every error.</summary>
    public static ServerOptions Read(IReadOnlyList<string> arguments) =>
        new OptionsReader(arguments, ProcessEnvironment())._options;

    /// <summary>Every option with its value (secrets masked) and its source.</summary>
    public static string Print(IReadOnlyList<string> arguments)
    {
        var reader = new OptionsReader(arguments, ProcessEnvironment());
        var page = new StringBuilder();
        foreach (var setting in Setting.All)
            page.Append(null,
                $"{setting.Option,-18} {Shown(setting, reader._options)}  " +
                $"({reader._sources.GetValueOrDefault(setting, "default")})\n");
        return page.ToString();
    }

    /// <summary>The text of --help.</summary>
    public static string Help()
    {
        var page = new StringBuilder($"""
            Device Registry server {TelemetryPipeline.Version}

            DeviceRegistry.Server [options]                     runs its roles until it is told to stop
            DeviceRegistry.Server --print-config [options]      says what they would be, and ends
            DeviceRegistry.Server database migrate --database OWNER-CONNECTION-STRING
            DeviceRegistry.Server database bootstrap CERTIFICATE.pem … --database SERVICE-CONNECTION-STRING
                makes the people of these certificates the first members of an empty registry: at least two,
                    of one regulator
            DeviceRegistry.Server --help | --version

            Ends with 0 (done, or told to stop), 1 (it could not go on) or 2 (its options are wrong). Options,
                each also a variable of the
            environment; the command line wins:


            """);
        var defaults = new ServerOptions();
        foreach (var setting in Setting.All)
            page.Append(null,
                $"  {setting.Option}\n      {setting.Description}\n      Default: " +
                $"{(setting.ValueIn(defaults) is { Length: > 0 } value ? value : "empty")}. Variable: " +
                $"{setting.Variable}\n");
        return page.ToString();
    }

    private void ReadEnvironment(IReadOnlyDictionary<string, string> environment)
    {
        foreach (var variable in environment.Keys.Where(Setting.IsUnknown).Order(StringComparer.Ordinal))
            _faults.Add(
                $"Unknown variable {variable}. The nearest that is known is " +
                $"{Setting.Nearest(variable, Setting.All.Select(s => s.Variable)
                    .Concat(Setting.OtherVariables))}; unset it if it is not meant for the server.");
        foreach (var setting in Setting.All)
            if (environment.GetValueOrDefault(setting.Variable) is { Length: > 0 } value) Set(setting, value,
                setting.Variable, $"environment, {setting.Variable}");
    }

    private void ReadArguments(IReadOnlyList<string> arguments)
    {
        for (var i = 0; i < arguments.Count; i++)
        {
            var given = arguments[i];
            var hasNext = i + 1 < arguments.Count && !arguments[i + 1].StartsWith("--", StringComparison.Ordinal);
            if (Setting.All.FirstOrDefault(s => s.Option == given) is not { } setting)
            {
                _faults.Add(
                    $"Unknown option {given}. The nearest that is known is " +
                    $"{Setting.Nearest(given, Setting.All.Select(s => s.Option))}; --help lists them all.");
                if (hasNext && given.StartsWith("--", StringComparison.Ordinal)) i++;
            }
            else if (hasNext) Set(setting, arguments[++i], given, "command line");
            else if (setting.Property.PropertyType == typeof(bool)) Set(setting, "true", given, "command line");
            else _faults.Add($"Option {given} needs a value.");
        }
    }

    private void Set(Setting setting, string text, string written, string source)
    {
        if (setting.TrySet(_options, text)) _sources[setting] = source;
        else _faults.Add($"{written} is {text}, which is no value for it. It takes {setting.Expected}.");
    }

    private static string Shown(Setting setting, ServerOptions options)
    {
        var value = setting.ValueIn(options);
        if (setting.Property.Name != nameof(ServerOptions.Database) || value.Length is 0) return value.Length > 0
            ? value : "-";

        var connection = new NpgsqlConnectionStringBuilder(value);
        foreach (var secret in new[] { "Password", "SSL Password" })
            if (connection.TryGetValue(secret, out var found) && found is string { Length: > 0 }) connection[secret] =
                "***";
        return connection.ConnectionString;
    }

    private static Dictionary<string, string> ProcessEnvironment() =>
        Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
            .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "");
}
