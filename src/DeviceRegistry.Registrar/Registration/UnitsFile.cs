using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Why a line of a batch is not taken, in the order of DOMAIN 5.3. The name in upper snake case is the code on the wire.</summary>
internal enum FaultReason
{
    LineMalformed,
    SerialInvalid,
    ImeiMissing,
    ImeiNotDigits,
    ImeiLength,
    ImeiCheckDigit,
    ImeiImplausible,
    TacUnknown,
    TacBarred,
    TacNotMandated,
    TacOtherModel,
    ImeiTaken,
    ImeiBlocked,
    ImeiCount,
    SerialTaken,
    SerialTwiceInFile,
    ImeiTwiceInFile,
}

/// <summary>A unit as its line gives it. The line is the physical one, from 1, header included.</summary>
internal sealed record UnitLine(int Line, string Serial, IReadOnlyList<Imei> Imeis)
{
    /// <summary>The line as it is hashed and journalled.</summary>
    public string Canonical => $"{Serial},{string.Join(',', Imeis.Select(i => i.Digits))}\n";
}

/// <summary>A units file, read whole: its units, and what is wrong with its lines by themselves.</summary>
internal sealed class UnitsFile
{
    private static readonly string[] ImeiColumns = ["imei_1", "imei_2", "imei_3", "imei_4"];
    private readonly List<UnitLine> _units = [];
    private readonly List<LineFault> _faults = [];
    private readonly HashSet<string> _serials = new(StringComparer.Ordinal);
    private readonly HashSet<ulong> _imeis = [];
    private byte[]? _contentHash;

    private UnitsFile()
    {
    }

    public IReadOnlyList<UnitLine> Units => _units;

    public IReadOnlyList<LineFault> Faults => _faults;

    /// <summary>Lines whose only fault is to repeat an earlier one; judged last, so a fault of the line itself is named first.</summary>
    public List<LineFault> Repeats { get; } = [];

    public int ImeiCount => _units.Sum(u => u.Imeis.Count);

    /// <summary>SHA-256 over the canonical lines, in file order.</summary>
    public byte[] ContentHash => _contentHash ??= SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(_units.Select(u => u.Canonical))));

    /// <summary>Reads the bytes of a file. Throws FILE_INVALID where there is no telling what its lines mean.</summary>
    public static UnitsFile Read(ReadOnlyMemory<byte> bytes)
    {
        var file = new UnitsFile();
        using var csv = new CsvParser(new StringReader(CsvText.Decode(bytes.Span)), new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            BadDataFound = null,
            MaxFieldSize = Limits.CsvFieldMax,
            IgnoreBlankLines = false,                       // passed over here, or the lines after one would be numbered wrongly
        });
        try
        {
            var columns = ReadHeader(csv);
            for (var line = csv.RawRow + 1; csv.Read(); line = csv.RawRow + 1)
                if (csv.Record is not [""]) file.Take(line, csv.Record!, columns);
        }
        catch (MaxFieldSizeException)
        {
            throw Invalid($"line {csv.RawRow + 1}: a field has over {Limits.CsvFieldMax} characters; is a quote left open?");
        }

        if (file.Units.Count + file.Faults.Count + file.Repeats.Count is 0) throw Invalid("the file has a header but no units.");
        return file;
    }

    /// <summary>A fault of a line.</summary>
    public static LineFault Fault(int line, string field, string value, FaultReason reason, string expected) => new()
    {
        Line = (uint)line, Field = field, Value = Inputs.Quote(value), Reason = StatusMapping.UpperSnake(reason.ToString()), Expected = expected,
    };

    private static int ReadHeader(CsvParser csv)
    {
        if (!csv.Read()) throw Invalid("the file is empty.");

        var header = csv.Record!.Select(c => c.Trim()).ToArray();
        if (header is [""]) throw Invalid("line 1 is blank; expected the header serial_number,imei_1[,imei_2[,imei_3[,imei_4]]] there.");
        if (header.Length is < 2 or > 5 || header[0] is not "serial_number" || !header.Skip(1).SequenceEqual(ImeiColumns.Take(header.Length - 1)))
            throw Invalid($"line 1: the header is {Inputs.Quote(string.Join(',', header))}; expected serial_number,imei_1[,imei_2[,imei_3[,imei_4]]].");
        return header.Length;
    }

    private void Take(int line, string[] fields, int columns)
    {
        if (_units.Count + _faults.Count + Repeats.Count >= Limits.UnitsMax)
            throw Invalid($"line {line}: over {Limits.UnitsMax} units in one file; split it into batches.");

        if (fields.Length != columns)
        {
            _faults.Add(Fault(line, "line", string.Join(',', fields), FaultReason.LineMalformed, $"{columns} fields as in the header, found {fields.Length}"));
            return;
        }

        var serial = fields[0].Trim();
        if (serial.Length is 0 or > Limits.SerialMax || serial.AsSpan().ContainsAnyExceptInRange('!', '~') || serial.AsSpan().ContainsAny(',', '"'))
        {
            _faults.Add(Fault(line, "serial_number", serial, FaultReason.SerialInvalid, $"1 to {Limits.SerialMax} printable ASCII characters without blanks, commas and quotes"));
            return;
        }

        if (TryImeis(line, fields, out var imeis)) TakeUnit(new UnitLine(line, serial, imeis));
    }

    // DOMAIN 5.3, first check: 14 or 15 digits and Luhn. Slots may be empty from the right.
    private bool TryImeis(int line, string[] fields, out List<Imei> imeis)
    {
        imeis = [];
        var last = Array.FindLastIndex(fields, f => f.Trim().Length > 0);
        for (var i = 1; i <= Math.Max(last, 1); i++)
        {
            var text = fields[i].Trim();
            var typed = Imei.FromTyped(text);
            var reason = typed.Fault switch
            {
                TypedImeiFault.Empty => FaultReason.ImeiMissing,
                TypedImeiFault.NotDigits => FaultReason.ImeiNotDigits,
                TypedImeiFault.Length => FaultReason.ImeiLength,
                TypedImeiFault.CheckDigit => FaultReason.ImeiCheckDigit,
                _ => IsImplausible(typed.Imei) ? FaultReason.ImeiImplausible : (FaultReason?)null,
            };
            if (reason is { } bad)
            {
                var expected = bad is FaultReason.ImeiImplausible ? "a number that a unit can have, not a filler" : typed.Expected;
                _faults.Add(Fault(line, ImeiColumns[i - 1], text, bad, expected));
                return false;
            }

            imeis.Add(typed.Imei);
        }

        return true;
    }

    private void TakeUnit(UnitLine unit)
    {
        // Every IMEI is remembered, also after the first repeat: a later line may repeat any of them.
        var again = unit.Imeis.Select((imei, slot) => (imei, slot)).Where(i => !_imeis.Add(i.imei.Value)).ToList();
        if (!_serials.Add(unit.Serial))
            Repeats.Add(Fault(unit.Line, "serial_number", unit.Serial, FaultReason.SerialTwiceInFile, "a serial number that no earlier line has"));
        else if (again is [var first, ..])
            Repeats.Add(Fault(unit.Line, ImeiColumns[first.slot], first.imei.Digits, FaultReason.ImeiTwiceInFile, "an IMEI that no earlier slot or line has"));

        // Repeats stay among the units, so that the checks against the registry see them too; any fault refuses the whole batch.
        _units.Add(unit);
    }

    // DOMAIN 3: well-formed but invalid. One such value was found on 39.1 million phones.
    private static bool IsImplausible(Imei imei) =>
        imei.Value % 1_000_000 is 0 || imei.Value is 01010101010101 or 12345678901234 || imei.Digits.All(c => c == imei.Digits[0]);

    private static RegistryException Invalid(string what) => new(RegistryError.FileInvalid, $"The units file cannot be read: {what}", "data", "a CSV file as described");
}
