using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>A TAC list file, read whole: its good rows, repaired where only blanks were wrong, and what is wrong with the others.</summary>
internal sealed class TacList
{
    private static readonly string[] DateForms = ["dd-MMM-yyyy", "yyyy-MM-dd"];
    private static readonly string[] OsmocomHeader = ["tac", "name", "name", "contributor", "comment", "gsmarena", "gsmarena", "aka"];
    private readonly Dictionary<uint, TacRow> _rows = [];

    private TacList()
    {
    }

    /// <summary>Good rows by TAC.</summary>
    public IReadOnlyCollection<TacRow> Tacs => _rows.Values;

    /// <summary>The answer's counts, as far as the file alone decides them.</summary>
    public ImportTacsResponse Counts { get; } = new();

    public static TacList Read(ReadOnlyMemory<byte> bytes, TacListFormat format)
    {
        Inputs.Require(format is TacListFormat.Gsma or TacListFormat.Osmocom, "header.format", "TAC_LIST_FORMAT_GSMA or TAC_LIST_FORMAT_OSMOCOM");
        var gsma = format is TacListFormat.Gsma;
        var list = new TacList();
        using var csv = new CsvParser(new StringReader(CsvText.Decode(bytes.Span)), new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = gsma ? "|" : ",",
            Mode = gsma ? CsvMode.NoEscape : CsvMode.RFC4180,
            BadDataFound = null,
            MaxFieldSize = Limits.CsvFieldMax,
            IgnoreBlankLines = false,                       // passed over here, or the lines after one would be numbered wrongly
        });
        try
        {
            var columns = gsma ? GsmaColumns(csv) : OsmocomColumns(csv);
            for (var line = csv.RawRow + 1; csv.Read(); line = csv.RawRow + 1)
                if (csv.Record is not [""]) list.Take(line, csv.Record!, columns);
        }
        catch (MaxFieldSizeException)
        {
            throw Invalid($"line {csv.RawRow + 1}: a field has over {Limits.CsvFieldMax} characters; is a quote left open?");
        }

        return list;
    }

    private static Columns GsmaColumns(CsvParser csv)
    {
        if (!csv.Read()) throw Invalid("it is empty.");

        var names = csv.Record!.Select(c => c.Trim().ToUpperInvariant()).ToList();
        var repeated = names.GroupBy(n => n).FirstOrDefault(g => g.Count() > 1);
        if (repeated is not null) throw Invalid($"line 1: the column {Inputs.Quote(repeated.Key)} stands twice.");

        int At(string name) => names.IndexOf(name);
        var columns = new Columns(names.Count, At("TAC"), At("MANUFACTURER"), At("BRAND_NAME"), At("MODEL_NAME"), At("DEVICE_TYPE"), At("BANDS"), At("ALLOCATION_DATE"), At("SIM_SLOTS"));
        return columns is { Tac: >= 0, Manufacturer: >= 0, Model: >= 0 }
            ? columns
            : throw Invalid("line 1: expected a header with TAC|Manufacturer|Model_Name, optionally Bands, Allocation_Date, Device_Type, Brand_Name, Sim_Slots.");
    }

    private static Columns OsmocomColumns(CsvParser csv)
    {
        // Line 1 gives credit; line 2 names the columns.
        if (!csv.Read()) throw Invalid("it is empty.");
        if (!csv.Read() || !csv.Record!.Select(c => c.Trim()).SequenceEqual(OsmocomHeader))
            throw Invalid($"line 2: expected the header {string.Join(',', OsmocomHeader)}.");
        return new Columns(OsmocomHeader.Length, 0, 1, 1, 2, -1, -1, -1, -1);
    }

    private void Take(int line, string[] fields, Columns columns)
    {
        Counts.Rows++;
        if (fields.Length != columns.Count)
        {
            Bad(line, "line", string.Join('|', fields), "FIELD_COUNT", $"{columns.Count} fields as in the header, found {fields.Length}");
            return;
        }

        string At(int column) => column < 0 ? "" : fields[column].Trim();
        if (!Tac.TryParse(At(columns.Tac), out var tac)) Bad(line, "tac", fields[columns.Tac], "TAC_NOT_EIGHT_DIGITS", "8 digits");
        else if (At(columns.Manufacturer).Length is 0) Bad(line, "manufacturer", "", "MANUFACTURER_MISSING", "the name of the manufacturer");
        else if (At(columns.Model).Length is 0) Bad(line, "model", "", "MODEL_MISSING", "the name of the model");
        else if (!TryDate(At(columns.AllocatedOn), out var allocated)) Bad(line, "allocation_date", At(columns.AllocatedOn), "DATE_INVALID", "a date such as 01-Nov-2026, or nothing");
        else if (!TrySlots(At(columns.SimSlots), out var slots)) Bad(line, "sim_slots", At(columns.SimSlots), "SIM_SLOTS_INVALID", "0 to 8, or nothing");
        else
        {
            if (fields.Any(f => f.Length != f.Trim().Length)) Counts.RepairedRows++;
            var row = new TacRow
            {
                Tac = (int)tac.Value, Manufacturer = At(columns.Manufacturer), Brand = At(columns.Brand), Model = At(columns.Model),
                DeviceType = At(columns.DeviceType), Bands = At(columns.Bands), AllocatedOn = allocated, SimSlots = slots,
            };
            if (!_rows.TryAdd(tac.Value, row)) Counts.DuplicateRows++;
        }
    }

    private void Bad(int line, string field, string value, string reason, string expected)
    {
        Counts.BadRows++;
        if (Counts.Faults.Count < Limits.TacFaultsNamedMax)
            Counts.Faults.Add(new LineFault { Line = (uint)line, Field = field, Value = Inputs.Quote(value), Reason = reason, Expected = expected });
    }

    private static bool TryDate(string text, out DateOnly? date)
    {
        date = null;
        if (text.Length is 0) return true;
        if (!DateOnly.TryParseExact(text, DateForms, CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)) return false;

        date = day;
        return true;
    }

    private static bool TrySlots(string text, out short slots)
    {
        slots = 0;
        return text.Length is 0 || (short.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out slots) && slots <= 8);
    }

    private static RegistryException Invalid(string what) => new(RegistryError.FileInvalid, $"The TAC list cannot be read: {what}", "data", "a TAC list of the named form");

    /// <summary>Where each column stands; -1: nowhere.</summary>
    private sealed record Columns(int Count, int Tac, int Manufacturer, int Brand, int Model, int DeviceType, int Bands, int AllocatedOn, int SimSlots);
}
