using System.CommandLine;
using System.Globalization;
using DeviceRegistry.Contracts;
using Google.Protobuf.WellKnownTypes;
using Enum = System.Enum;

namespace DeviceRegistry.Cli;

/// <summary>Options of the kinds that several commands need: words for the contract's enums, texts, instants.</summary>
internal static class OptionFactory
{
    /// <summary>An enum of the contract, typed as its value's name in lower case with hyphens:
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

    /// <summary>The same, optional, with a default.</summary>
    public static Option<T> ChoiceOr<T>(string name, string description, T otherwise, params T[] offered)
        where T : struct, Enum
    {
        var option = Choice(name, description, offered);
        option.DefaultValueFactory = _ => otherwise;
        return option;
    }

    /// <summary>A text that must be given.</summary>
    public static Option<string> Text(string name, string helpName, string description) =>
        new(name) { HelpName = helpName, Description = description, Required = true };

    /// <summary>A text that may be left out.</summary>
    public static Option<string?> TextOr(string name, string helpName, string description) =>
        new(name) { HelpName = helpName, Description = description };

    /// <summary>A file; where it is given, it must be there.</summary>
    public static Option<FileInfo> Existing(string name, string helpName, string description, bool required = false) =>
        new Option<FileInfo>(name) { HelpName = helpName, Description = description,
            Required = required }.AcceptExistingOnly();

    /// <summary>Any number of texts, each with the option's name before it.</summary>
    public static Option<string[]> Texts(string name, string helpName, string description, bool required = false)
    {
        var option = new Option<string[]>(name) { HelpName = helpName, Description = $"{description} May be repeated.",
            Required = required };
        // to the parser, what has a default is given
        if (!required) option.DefaultValueFactory = _ => [];
        return option;
    }

    /// <summary>The caller's reference, which makes a call safe to repeat.</summary>
    public static Option<string?> Reference() => new("--reference")
    {
        HelpName = "R",
        Description = "Your reference. The same call under the same reference counts once and gets the same answer.",
        Required = true,
    };

    /// <summary>The same, with a default that the command makes.</summary>
    public static Option<string?> ReferenceOr(string otherwise) =>
        new("--reference") { HelpName = "R",
            Description = $"Your reference; the same call under it counts once. Default {otherwise}." };

    /// <summary>Number of a batch, an order, a change.</summary>
    public static Argument<ulong> Number(string of) => new("N") { Description = $"Number of the {of}." };

    /// <summary>An instant, ISO 8601; without an offset it is UTC.</summary>
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

    // Classes are letters, and everybody writes them large.
    private static string Word<T>(T value)
        where T : struct, Enum
    {
        var name = value.ToString();
        return name.Length is 1 ? name
            : string.Concat(StatusMapping.UpperSnake(name).Select(c => c is '_' ? '-' : char.ToLowerInvariant(c)));
    }
}
