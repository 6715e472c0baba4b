using System.CommandLine;
using System.Text.Json.Nodes;
using DeviceRegistry.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Files to try the registry with. The same arguments make the same bytes.</summary>
internal static class SampleCommands
{
    private const uint SerialMax = 999_999;

    private const string TacHeader = "TAC|Manufacturer|Model_Name|Bands|Allocation_Date|Device_Type|Brand_Name|Sim_Slots";

    // Invented makers and models; the TACs only look like allocated ones.
    private static readonly string[] Tacs =
    [
        "35290611|Maker A Mobiles|Nova 4G|GSM 900/1800, WCDMA B1/B8, LTE B3/B8|01-Mar-2021|Smartphone|Nova|2",
        "35290612|Maker A Mobiles|Nova 4G Plus|GSM 900/1800, WCDMA B1/B8, LTE B1/B3/B8|15-Jun-2022|Smartphone|Nova|2",
        "35290613|Maker A Mobiles|Nova 5G|GSM 900/1800, WCDMA B1/B8, LTE B1/B3/B8, NR N78|09-Jan-2024|Smartphone|Nova|2",
        "35290614|Maker A Mobiles|Nova Button|GSM 900/1800|20-Sep-2021|Feature phone|Nova|2",
        "35771209|Maker B Mobiles|Indus 1|GSM 900/1800, WCDMA B1/B8, LTE B3|11-Nov-2022|Smartphone|Indus|2",
        "35771210|Maker B Mobiles|Indus Tab 8|LTE B3/B8|30-Apr-2023|Tablet|Indus|1",
        "35771211|Maker B Mobiles|Indus Ring|GSM 900/1800|02-Feb-2023|Feature phone|Indus|4",
        "86719904|Importer A Trading|Kestrel X|GSM 900/1800, WCDMA B1/B8, LTE B1/B3/B8/B20|05-May-2024|Smartphone|Kestrel|2",
        "86719905|Importer A Trading|Kestrel Mini|GSM 900/1800, WCDMA B1, LTE B3|17-Aug-2024|Smartphone|Kestrel|1",
        "01481377|Ravine Telecom|Delta Router R2|LTE B1/B3/B8|23-Oct-2020|Modem|Delta|1",
        "01481378|Ravine Telecom|Delta Watch|LTE B3/B8|14-Dec-2024|Wearable|Delta|0",
        "35990248|Saltmarsh Devices|Heron Meter|GSM 900/1800, LTE-M B3|28-Jul-2019|IoT device|Heron|1",
    ];

    public static Command Build() => new("sample", "Files to try the registry with.") { Units(), TacList() };

    private static Verb Units()
    {
        var count = new Option<uint>("--count") { HelpName = "N", Description = "Units, two IMEIs each.", Required = true };
        var tac = Choices.Text("--tac", "TAC", "TAC of the IMEIs.");
        var second = new Option<string?>("--second-tac")
        {
            HelpName = "TAC",
            Description = "TAC of the second slots; without it both take turns under the first.",
        };
        var first = new Option<uint>("--first-serial")
        {
            HelpName = "N",
            Description = "Serial number of the first IMEI.",
            DefaultValueFactory = _ => 1,
        };
        var file = OutOption();
        var verb = new Verb(
            "units", "Writes a file of dual-SIM units with valid check digits.",
            "dreg sample units --count 5500 --tac 35290611 --out units.csv")
        {
            count, tac, second, first, file,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var (units, start) = (parse.GetValue(count), parse.GetValue(first));
            var (one, two) = (Read("--tac", parse.GetValue(tac)!), parse.GetValue(second) is { } text ? Read("--second-tac", text) : (Tac?)null);
            var perUnit = two is null ? 2u : 1u;
            if (start < 1 || units < 1 || start + (ulong)units * perUnit - 1 > SerialMax)
                throw new CommandException(Fault.Usage(
                    $"{units} units from serial {start} do not fit: a TAC has serials 1 to {SerialMax}, and each unit takes {perUnit}.",
                    "Take fewer units, or a second TAC."));

            var target = parse.GetValue(file)!;
            var lines = Enumerable.Range(0, (int)units).Select(i => Line(start + (uint)i * perUnit, one, two));
            await WriteAsync(target, lines.Prepend("serial_number,imei_1,imei_2"), ct);
            session.Out.Answer(
                new JsonObject { ["file"] = target.ToString(), ["units"] = units, ["imeis"] = 2 * units },
                [$"{target}: {Layouts.Count(units)} units, {Layouts.Count(2 * units)} IMEIs"]);
        });
    }

    private static Verb TacList()
    {
        var file = OutOption();
        var verb = new Verb(
            "tacs", "Writes a small TAC list of invented makers, in GSMA's form.",
            "dreg sample tacs --out tacs.txt")
        {
            file,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var target = parse.GetValue(file)!;
            await WriteAsync(target, Tacs.Prepend(TacHeader), ct);
            session.Out.Answer(new JsonObject { ["file"] = target.ToString(), ["tacs"] = Tacs.Length }, [$"{target}: {Tacs.Length} TACs"]);
        });
    }

    private static string Line(uint serial, Tac one, Tac? two)
    {
        var first = new Imei(one.Value * 1_000_000ul + serial);
        var second = two is { } other ? new Imei(other.Value * 1_000_000ul + serial) : new Imei(first.Value + 1);
        return $"SN-{first.Digits},{first.Printed},{second.Printed}";
    }

    private static Tac Read(string option, string text) => Tac.TryParse(text, out var tac)
        ? tac
        : throw new CommandException(Fault.Usage($"{option} {text}: expected 8 digits.", "The first 8 digits of an IMEI are its TAC."));

    // Lines end alike on every system, so that the same arguments make the same bytes.
    private static Task WriteAsync(FileInfo file, IEnumerable<string> lines, CancellationToken ct) =>
        File.WriteAllTextAsync(file.FullName, string.Concat(lines.Select(l => $"{l}\n")), ct);

    private static Option<FileInfo> OutOption() => new("--out")
    {
        HelpName = "F",
        Description = "File to write; an existing one is replaced.",
        Required = true,
    };
}
