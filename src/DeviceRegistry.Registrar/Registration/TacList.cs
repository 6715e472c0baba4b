using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using nietras.SeparatedValues;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>A TAC list file, parsed whole: its valid rows, with surrounding blanks removed, and the errors of the
/// others.</summary>
internal sealed class TacList
{
    private static readonly string[] DateForms = ["dd-MMM-yyyy", "yyyy-MM-dd"];
    private static readonly string[] OsmocomHeader =
        ["tac", "name", "name", "contributor", "comment", "gsmarena", "gsmarena", "aka"];
    private readonly Dictionary<uint, TacRow> _rows = [];

    private TacList()
    {
    }

    /// <summary>Valid rows, one per TAC.</summary>
    public IReadOnlyCollection<TacRow> Tacs => _rows.Values;

    /// <summary>The response's counts that depend on the file alone.</summary>
    public ImportTacsResponse Counts { get; } = new();

    public static TacList Read(ReadOnlyMemory<byte> bytes, TacListFormat format)
    {
        Inputs.Require(format is TacListFormat.Gsma or TacListFormat.Osmocom, "header.format",
            "TAC_LIST_FORMAT_GSMA or TAC_LIST_FORMAT_OSMOCOM");
        var gsma = format is TacListFormat.Gsma;
        var list = new TacList();
        using var lines = Lines(CsvText.Decode(bytes.Span), gsma).GetEnumerator();
        var columns = gsma ? GsmaColumns(lines) : OsmocomColumns(lines);
        while (lines.MoveNext())
            if (lines.Current.Fields is not [""]) list.Take(lines.Current.Number, lines.Current.Fields, columns);

        return list;
    }

    // Returns blank lines too, so that line numbers stay correct.
    private static IEnumerable<(int Number, string[] Fields)> Lines(string text, bool gsma)
    {
        using var reader = Sep.New(gsma ? '|' : ',')
            .Reader(o => o with
            {
                HasHeader = false,
                DisableColCountCheck = true,
                DisableQuotesParsing = gsma,
                Unescape = !gsma,
                CultureInfo = CultureInfo.InvariantCulture,
            })
            .FromText(text);
        while (Next(reader))
        {
            var row = reader.Current;
            var line = (row.LineNumberFrom, new string[row.ColCount]);
            for (var column = 0; column < row.ColCount; column++)
            {
                if (row[column].Span.Length > Limits.CsvFieldMax)
                    throw Invalid(
                        $"line {line.LineNumberFrom}: a field has over {Limits.CsvFieldMax} characters; is a quote " +
                        $"left open?");
                line.Item2[column] = row[column].ToString();
            }

            yield return line;
        }
    }

    // Sep throws on a row beyond its buffer, which an open quote makes of the rest of a large file.
    private static bool Next(SepReader reader)
    {
        try
        {
            return reader.MoveNext();
        }
        catch (NotSupportedException)
        {
            throw Invalid("a row is longer than 16 MiB; is a quote left open?");
        }
    }

    private static Columns GsmaColumns(IEnumerator<(int Number, string[] Fields)> lines)
    {
        if (!lines.MoveNext()) throw Invalid("it is empty.");

        var names = lines.Current.Fields.Select(c => c.Trim().ToUpperInvariant()).ToList();
        var repeated = names.GroupBy(n => n).FirstOrDefault(g => g.Count() > 1);
        if (repeated is not null) throw Invalid($"line 1: the column {Inputs.Quote(repeated.Key)} stands twice.");

        int At(string name) => names.IndexOf(name);
        var columns = new Columns(names.Count, At("TAC"), At("MANUFACTURER"), At("BRAND_NAME"), At("MODEL_NAME"),
            At("DEVICE_TYPE"), At("BANDS"), At("ALLOCATION_DATE"), At("SIM_SLOTS"));
        return columns is { Tac: >= 0, Manufacturer: >= 0, Model: >= 0 }
            ? columns
            : throw Invalid(
                "line 1: expected a header with TAC|Manufacturer|Model_Name, optionally Bands, Allocation_Date, " +
                "Device_Type, Brand_Name, Sim_Slots.");
    }

    private static Columns OsmocomColumns(IEnumerator<(int Number, string[] Fields)> lines)
    {
        // Line 1 is the attribution; line 2 names the columns.
        if (!lines.MoveNext()) throw Invalid("it is empty.");
        if (!lines.MoveNext() || !lines.Current.Fields.Select(c => c.Trim()).SequenceEqual(OsmocomHeader))
            throw Invalid($"line 2: expected the header {string.Join(',', OsmocomHeader)}.");
        return new Columns(OsmocomHeader.Length, 0, 1, 1, 2, -1, -1, -1, -1);
    }

    private void Take(int line, string[] fields, Columns columns)
    {
        Counts.Rows++;
        if (fields.Length != columns.Count)
        {
            Bad(line, "line", string.Join('|', fields), "FIELD_COUNT",
                $"{columns.Count} fields as in the header, found {fields.Length}");
            return;
        }

        string At(int column) => column < 0 ? "" : fields[column].Trim();
        if (!Tac.TryParse(At(columns.Tac), out var tac)) Bad(line, "tac", fields[columns.Tac], "TAC_NOT_EIGHT_DIGITS",
            "8 digits");
        else if (At(columns.Manufacturer).Length is 0) Bad(line, "manufacturer", "", "MANUFACTURER_MISSING",
            "the name of the manufacturer");
        else if (At(columns.Model).Length is 0) Bad(line, "model", "", "MODEL_MISSING", "the name of the model");
        else if (!TryDate(At(columns.AllocatedOn), out var allocated)) Bad(line, "allocation_date",
            At(columns.AllocatedOn), "DATE_INVALID", "a date such as 01-Nov-2026, or nothing");
        else if (!TrySlots(At(columns.SimSlots), out var slots)) Bad(line, "sim_slots", At(columns.SimSlots),
            "SIM_SLOTS_INVALID", "0 to 8, or nothing");
        else
        {
            if (fields.Any(f => f.Length != f.Trim().Length)) Counts.RepairedRows++;
            var row = new TacRow
            {
                Tac = (int)tac.Value, Manufacturer = At(columns.Manufacturer), Brand = At(columns.Brand),
                Model = At(columns.Model),
                DeviceType = At(columns.DeviceType), Bands = At(columns.Bands), AllocatedOn = allocated,
                SimSlots = slots,
            };
            if (!_rows.TryAdd(tac.Value, row)) Counts.DuplicateRows++;
        }
    }

    private void Bad(int line, string field, string value, string reason, string expected)
    {
        Counts.BadRows++;
        if (Counts.Errors.Count < Limits.TacErrorsListedMax)
            Counts.Errors.Add(new LineError
            {
                Line = (uint)line, Field = field, Value = Inputs.Quote(value),
                Reason = reason, Expected = expected
            });
    }

    private static bool TryDate(string text, out DateOnly? date)
    {
        date = null;
        if (text.Length is 0) return true;
        if (!DateOnly.TryParseExact(text, DateForms, CultureInfo.InvariantCulture, DateTimeStyles.None,
            out var day)) return false;

        date = day;
        return true;
    }

    private static bool TrySlots(string text, out short slots)
    {
        slots = 0;
        return text.Length is 0 || (short.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out slots)
            && slots <= 8);
    }

    private static RegistryException Invalid(string what) =>
        new(RegistryError.FileInvalid, $"The TAC list cannot be read: {what}", "data", "a TAC list of the named form");

    /// <summary>Index of each column; -1 if the file does not have it.</summary>
    private sealed record Columns(int Count, int Tac, int Manufacturer, int Brand, int Model, int DeviceType, int Bands,
        int AllocatedOn, int SimSlots);
}
