using System.CommandLine;
using System.Globalization;
using DeviceRegistry.Contracts;
using Google.Protobuf.WellKnownTypes;
using Enum = System.Enum;

namespace DeviceRegistry.Cli;

/// <summary>Creates options that several commands need: enums of the contract, texts, instants.</summary>
internal static class OptionFactory
{
    /// <summary>An enum of the contract. A value is typed as its name in lower case with hyphens:
    /// local-assembly.</summary>
    public static Option<T> Choice<T>(string name, string description, params T[] offered)
        where T : struct, Enum
    {
        var values = offered.Length > 0 ? offered
            : [.. Enum.GetValues<T>().Where(v => Convert.ToInt32(v, CultureInfo.InvariantCulture) is not 0)];
        var words = values.ToDictionary(Word, StringComparer.OrdinalIgnoreCase);
        var list = string.Join(", ", words.Keys);
        return new Option<T>(name)
        {
            Description = $"{description}: {list}.",
            HelpName = "WORD",
            CustomParser = result =>
            {
                var typed = result.Tokens[0].Value;
                if (words.TryGetValue(typed, out var value)) return value;

                result.AddError($"{name} {typed}: expected one of {list}.");
                return default;
            },
        };
    }

    /// <summary>The same, optional and with a default.</summary>
    public static Option<T> ChoiceOr<T>(string name, string description, T otherwise, params T[] offered)
        where T : struct, Enum
    {
        var option = Choice(name, description, offered);
        option.DefaultValueFactory = _ => otherwise;
        return option;
    }

    /// <summary>A required text.</summary>
    public static Option<string> Text(string name, string helpName, string description) =>
        new(name) { HelpName = helpName, Description = description, Required = true };

    /// <summary>An optional text.</summary>
    public static Option<string?> TextOr(string name, string helpName, string description) =>
        new(name) { HelpName = helpName, Description = description };

    /// <summary>An existing file; a missing one is a usage error.</summary>
    public static Option<FileInfo> Existing(string name, string helpName, string description, bool required = false) =>
        new Option<FileInfo>(name)
        {
            HelpName = helpName, Description = description,
            Required = required
        }.AcceptExistingOnly();

    /// <summary>Any number of texts, each preceded by the option's name.</summary>
    public static Option<string[]> Texts(string name, string helpName, string description, bool required = false)
    {
        var option = new Option<string[]>(name)
        {
            HelpName = helpName, Description = $"{description} May be repeated.",
            Required = required
        };
        // the parser treats an option with a default as given
        if (!required) option.DefaultValueFactory = _ => [];
        return option;
    }

    /// <summary>The caller's reference, which makes a write safe to repeat.</summary>
    public static Option<string?> Reference() => new("--reference")
    {
        HelpName = "R",
        Description = "Your reference. The same call under the same reference counts once and gets the same answer.",
        Required = true,
    };

    /// <summary>The same, with a default computed by the command.</summary>
    public static Option<string?> ReferenceOr(string otherwise) =>
        new("--reference")
        {
            HelpName = "R",
            Description = $"Your reference; the same call under it counts once. Default {otherwise}."
        };

    /// <summary>Number of a batch, an order or a change.</summary>
    public static Argument<ulong> Number(string of) => new("N") { Description = $"Number of the {of}." };

    /// <summary>An instant in ISO 8601; UTC if it has no offset.</summary>
    public static Option<Timestamp?> Instant(string name, string description) => new(name)
    {
        HelpName = "TIME",
        Description = description,
        CustomParser = result =>
        {
            const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
            var typed = result.Tokens[0].Value;
            if (DateTimeOffset.TryParse(typed, CultureInfo.InvariantCulture, Utc,
                out var instant)) return Timestamp.FromDateTimeOffset(instant);

            result.AddError($"{name} {typed}: expected a time such as 2026-12-01T00:00:00Z.");
            return null;
        },
    };

    // Order classes are single letters, written in upper case.
    private static string Word<T>(T value)
        where T : struct, Enum
    {
        var name = value.ToString();
        return name.Length is 1 ? name
            : string.Concat(StatusMapping.UpperSnake(name).Select(c => c is '_' ? '-' : char.ToLowerInvariant(c)));
    }
}
