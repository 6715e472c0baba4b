using System.CommandLine;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using ImeiRange = DeviceRegistry.Contracts.V1.ImeiRange;

namespace DeviceRegistry.Cli.Commands;

/// <summary>The units of one call, with its reference. Null units mean the whole batch.</summary>
internal sealed record UnitPart(UnitSelection? Units, string Reference);

/// <summary>The units of a batch that a command applies to: those that its options name, or the whole batch if
/// none.</summary>
internal sealed class UnitChoice
{
    // The registry accepts so many names of each kind in one call; here the limit is for all kinds together.
    private const int NamesMax = 10_000;
    private const int RangesMax = 1_000;

    private readonly Option<string[]> _imeis = OptionFactory.Texts("--imei", "IMEI", "A unit, by any of its IMEIs.");
    private readonly Option<string[]> _ranges =
        OptionFactory.Texts("--imei-range", "FIRST-LAST", "Units with an IMEI from the first to the last.");
    private readonly Option<string[]> _serials = OptionFactory.Texts("--serial", "S", "A unit, by its serial number.");
    private readonly Option<FileInfo> _list = OptionFactory.Existing(
        "--list", "F",
        "Units of a file, an IMEI (14 or 15 digits) or a serial number (anything else) a line; # begins a remark. "
        + $"Over {NamesMax} are sent in several calls, under R-1, R-2 and so on.");

    /// <summary>Adds the options to a command.</summary>
    public UnitChoice For(CliCommand verb)
    {
        foreach (var option in new Option[] { _imeis, _ranges, _serials, _list }) verb.Options.Add(option);
        return this;
    }

    /// <summary>The units, in as many parts as calls are needed. <paramref name="whole"/> computes the reference for
    /// the whole batch if none was typed; null if units must be named.</summary>
    public async Task<IReadOnlyList<UnitPart>> ReadAsync(
        ParseResult parse, string? reference, Func<Task<string>>? whole, CancellationToken ct)
    {
        var parts = Divide(await NamesAsync(parse, ct));
        if (parts.Count is 0)
            return whole is not null
                ? [new UnitPart(null, reference ?? await whole())]
                : throw new CommandException(Fault.Usage("No units are named.",
                    "Name them with --imei, --imei-range, --serial or --list F."));

        if (reference is null)
            throw new CommandException(Fault.Usage(
                "Some units of a batch are named, but no --reference.",
                "Give it one of your own, such as --reference REPAIR-17: the same command under it counts once."));
        return parts.Count is 1 ? [new UnitPart(parts[0], reference)]
            : [.. parts.Select((p, i) => new UnitPart(p, $"{reference}-{i + 1}"))];
    }

    private async Task<IEnumerable<Name>> NamesAsync(ParseResult parse, CancellationToken ct)
    {
        var names = new HashSet<Name>();
        foreach (var range in parse.GetValue(_ranges)!) names.Add(new Name(Kind.Range, range));
        foreach (var imei in parse.GetValue(_imeis)!) names.Add(new Name(Kind.Imei, imei));
        foreach (var serial in parse.GetValue(_serials)!) names.Add(new Name(Kind.Serial, serial));
        if (parse.GetValue(_list) is not { } file) return names;

        var isEmpty = true;
        await foreach (var text in File.ReadLinesAsync(file.FullName, ct))
        {
            if (text.Trim() is not { Length: > 0 } name || name[0] is '#') continue;

            isEmpty = false;
            names.Add(new Name(name.Length is Imei.Length or Imei.Length + 1 && name.All(char.IsAsciiDigit) ? Kind.Imei
                : Kind.Serial, name));
        }

        // An empty list must never mean the whole batch.
        return isEmpty ? throw new CommandException(
            Fault.Usage($"{file} names no unit.", "Expected an IMEI or a serial number a line.", "FILE")) : names;
    }

    private static List<UnitSelection> Divide(IEnumerable<Name> names)
    {
        var parts = new List<UnitSelection>();
        var count = NamesMax;
        foreach (var (kind, text) in names)
        {
            if (count++ >= NamesMax || (kind is Kind.Range && parts[^1].ImeiRanges.Count >= RangesMax))
            {
                parts.Add(new UnitSelection());
                count = 1;
            }

            if (kind is Kind.Imei) parts[^1].Imeis.Add(text);
            else if (kind is Kind.Serial) parts[^1].SerialNumbers.Add(text);
            else parts[^1].ImeiRanges.Add(RangeOf(text));
        }

        return parts;
    }

    /// <summary>Parses a range FIRST-LAST; throws a usage fault for any other text.</summary>
    public static ImeiRange RangeOf(string text) => text.Split('-') is [var first, var last]
        ? new ImeiRange { First = first, Last = last }
        : throw new CommandException(Fault.Usage($"--imei-range {text}: expected two IMEIs, FIRST-LAST.",
            "Such as 35290611000001-35290611000100; both ends are meant."));

    private enum Kind
    {
        Range,
        Imei,
        Serial,
    }

    private readonly record struct Name(Kind Kind, string Text);
}
