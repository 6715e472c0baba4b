using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using DeviceRegistry.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Generates sample files. The same arguments give the same bytes.</summary>
internal static class SampleCommands
{
    private const int MoreTacsMax = 1_000;
    private const uint FirstMoreTac = 35290700;
    private const int WriteBytes = 256 * 1024;
    private const int ShowEvery = 10_000;

    private const string TacHeader =
        "TAC|Manufacturer|Model_Name|Bands|Allocation_Date|Device_Type|Brand_Name|Sim_Slots";

    // Invented manufacturers and models; the TACs only look like allocated ones.
    private static readonly string[] Tacs =
    [
        "35290611|Maker A Mobiles|Nova 4G|GSM 900/1800, WCDMA B1/B8, LTE B3/B8|01-Mar-2021|Smartphone|Nova|2",
        "35290612|Maker A Mobiles|Nova 4G Plus|GSM 900/1800, WCDMA B1/B8, LTE B1/B3/B8|15-Jun-2022|Smartphone|Nova|2",
        "35290613|Maker A Mobiles|Nova 5G|GSM 900/1800, WCDMA B1/B8, LTE B1/B3/B8, NR " +
        "N78|09-Jan-2024|Smartphone|Nova|2",
        "35290614|Maker A Mobiles|Nova Button|GSM 900/1800|20-Sep-2021|Feature phone|Nova|2",
        "35771209|Maker B Mobiles|Indus 1|GSM 900/1800, WCDMA B1/B8, LTE B3|11-Nov-2022|Smartphone|Indus|2",
        "35771210|Maker B Mobiles|Indus Tab 8|LTE B3/B8|30-Apr-2023|Tablet|Indus|1",
        "35771211|Maker B Mobiles|Indus Ring|GSM 900/1800|02-Feb-2023|Feature phone|Indus|4",
        "86719904|Importer A Trading|Kestrel X|GSM 900/1800, WCDMA B1/B8, LTE " +
        "B1/B3/B8/B20|05-May-2024|Smartphone|Kestrel|2",
        "86719905|Importer A Trading|Kestrel Mini|GSM 900/1800, WCDMA B1, LTE B3|17-Aug-2024|Smartphone|Kestrel|1",
        "01481377|Ravine Telecom|Delta Router R2|LTE B1/B3/B8|23-Oct-2020|Modem|Delta|1",
        "01481378|Ravine Telecom|Delta Watch|LTE B3/B8|14-Dec-2024|Wearable|Delta|0",
        "35990248|Saltmarsh Devices|Heron Meter|GSM 900/1800, LTE-M B3|28-Jul-2019|IoT device|Heron|1",
    ];

    public static Command Build() => new("sample", "Files to try the registry with.") { Units(), TacList() };

    private static CliCommand Units()
    {
        var count = new Option<uint>("--units", "--count") { HelpName = "N", Description = "Units.", Required = true };
        var each = new Option<uint>("--imeis-per-unit")
        {
            HelpName = "N",
            Description = "IMEIs of each, 1 to 5: as many as its model has SIM slots.", DefaultValueFactory = _ => 2
        };
        var tacs = OptionFactory.Texts("--tac", "TAC", "TAC of the IMEIs; the next one goes on where one is used up.",
            required: true);
        var second = OptionFactory.TextOr("--second-tac", "TAC",
            "TAC of the second slots; without it the slots take turns under one.");
        var first = new Option<uint>("--first-serial")
        {
            HelpName = "N",
            Description = "Serial number of the first IMEI of each TAC.", DefaultValueFactory = _ => 1
        };
        var file = OutOption();
        var verb = new CliCommand(
            "units", "Writes a file of units with valid check digits.",
            "dreg sample units --units 5500 --tac 35290611 --out units.csv")
        {
            count, each, tacs, second, first, file,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var plan = new SampleUnits(
                [.. parse.GetValue(tacs)!.Select(t => Read("--tac", t))], parse.GetValue(second) is { } other
                ? Read("--second-tac", other) : null, parse.GetValue(each), parse.GetValue(first));
            var (units, target) = (parse.GetValue(count), parse.GetValue(file)!);
            plan.Require(units);
            await WriteAsync(session, target, plan.Lines(units), units, ct);
            var imeis = units * parse.GetValue(each);
            session.Out.Answer(
                new JsonObject { ["file"] = target.ToString(), ["units"] = units, ["imeis"] = imeis },
                [$"{target}: {TextFormatter.Count(units)} units, {TextFormatter.Count(imeis)} IMEIs"]);
        });
    }

    private static CliCommand TacList()
    {
        var more = new Option<uint>("--more")
        {
            HelpName = "N",
            Description =
                $"So many TACs more of the first model, from {FirstMoreTac} on: one TAC numbers no more than " +
                $"{SampleUnits.SerialMax} IMEIs.",
            Validators =
            {
                result =>
                {
                    if (result.Tokens is [var token]
                        && (!uint.TryParse(token.Value, out var tacs) || tacs > MoreTacsMax)) result.AddError(
                        $"--more {token.Value}: expected 0 to {MoreTacsMax}.");
                },
            },
        };
        var file = OutOption();
        var verb = new CliCommand(
            "tacs", "Writes a small TAC list of invented makers, in GSMA's form.",
            "dreg sample tacs --out tacs.txt")
        {
            more, file,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var target = parse.GetValue(file)!;
            var extra = Enumerable.Range(0, (int)parse.GetValue(more))
                .Select(i => $"{FirstMoreTac + i}{Tacs[0][Tac.Length..]}");
            string[] tacs = [.. Tacs, .. extra];
            await WriteAsync(session, target, tacs.Prepend(TacHeader), (uint)tacs.Length, ct);
            session.Out.Answer(new JsonObject { ["file"] = target.ToString(), ["tacs"] = tacs.Length },
                [$"{target}: {tacs.Length} TACs"]);
        });
    }

    private static Tac Read(string option, string text) => Tac.TryParse(text, out var tac)
        ? tac
        : throw new CommandException(Fault.Usage($"{option} {text}: expected 8 digits.",
            "The first 8 digits of an IMEI are its TAC."));

    // The same line ending on every system, so that the same arguments give the same bytes.
    private static async Task WriteAsync(Session session, FileInfo file, IEnumerable<string> lines, uint total,
        CancellationToken ct)
    {
        var stage = new Stage($"writing {file.Name}", $"wrote {file.Name}", Quantity.Lines);
        using var progress = new Progress(session.Out);
        await using var writer = new StreamWriter(file.FullName, append: false,
            new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), WriteBytes)
        { NewLine = "\n" };
        var written = 0L;
        foreach (var line in lines)
        {
            ct.ThrowIfCancellationRequested();
            await writer.WriteLineAsync(line);
            if (++written % ShowEvery is 0) progress.Show(stage, written, total);
        }

        await writer.FlushAsync(ct);
        progress.End();
    }

    private static Option<FileInfo> OutOption() => new("--out")
    {
        HelpName = "F",
        Description = "File to write; an existing one is replaced.",
        Required = true,
    };
}
