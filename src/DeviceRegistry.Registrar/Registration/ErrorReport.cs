using System.IO.Compression;
using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>The line errors of a batch with their texts, written page by page while the file is read once more, so that
/// a report of ten million lines needs no more memory than one of ten thousand.</summary>
internal sealed class ErrorReport(ParsedBatch contents, IReadOnlyDictionary<uint, TacFact> tacs, string model,
    int columns, int imeisMax) : IUnitsSink
{
    private const string InsertSql =
        "INSERT INTO fault_pages (batch_number, first_line, last_line, bytes) VALUES ($1, $2, $3, $4)";
    private readonly List<ErrorPageRow> _ready = [];
    private ListLineErrorsResponse _page = new();
    private int _unit;

    /// <summary>Whether complete pages are waiting to be written.</summary>
    public bool HasPages => _ready.Count > 0;

    /// <summary>Lines reported so far, in complete pages.</summary>
    public int Lines { get; private set; }

    /// <inheritdoc/>
    public void Take(int line, in UnitRecord unit)
    {
        var error = contents.ErrorOf(_unit);
        if (error.Reason is not ErrorReason.None) Add(line, error, unit.AsGiven(error.Slot), Expected(error, unit));
        _unit++;
    }

    /// <inheritdoc/>
    public void Reject(int line, UnitLineError error, ReadOnlySpan<byte> value) =>
        Add(line, error, value, Expected(error, value));

    /// <summary>Writes the complete pages; at the end also the last, partial one.</summary>
    public async Task WriteAsync(NpgsqlConnection connection, int batch, bool atEnd, CancellationToken ct)
    {
        if (atEnd) EndPage();
        foreach (var page in _ready)
        {
            await using var insert = new NpgsqlCommand(InsertSql, connection)
            {
                Parameters = { new() { Value = batch }, new() { Value = page.FirstLine },
                    new() { Value = page.LastLine }, new() { Value = page.Bytes } },
            };
            await insert.ExecuteNonQueryAsync(ct);
        }

        _ready.Clear();
    }

    private void EndPage()
    {
        if (_page.Errors.Count is 0) return;

        using var bytes = new MemoryStream();
        using (var compressed = new ZLibStream(bytes, CompressionLevel.Fastest, leaveOpen: true)) _page.WriteTo(
            compressed);
        _ready.Add(new ErrorPageRow
        {
            FirstLine = (int)_page.Errors[0].Line, LastLine = (int)_page.Errors[^1].Line,
            Bytes = bytes.ToArray()
        });
        Lines += _page.Errors.Count;
        _page = new ListLineErrorsResponse();
    }

    /// <summary>Returns the line errors after a line from the next page of a rejected batch's report that has any;
    /// empty if there are none.</summary>
    public static async Task<IReadOnlyList<LineError>> NextPageAsync(RegistryContext db, int batch, long afterLine,
        CancellationToken ct)
    {
        var row = await db.Set<ErrorPageRow>().AsNoTracking()
            .Where(p => p.BatchNumber == batch && p.LastLine > afterLine).OrderBy(p => p.FirstLine)
            .FirstOrDefaultAsync(ct);
        if (row is null) return [];

        await using var compressed = new ZLibStream(new MemoryStream(row.Bytes), CompressionMode.Decompress);
        return [.. ListLineErrorsResponse.Parser.ParseFrom(compressed).Errors.SkipWhile(f => f.Line <= afterLine)];
    }

    /// <summary>Text of what was expected of an IMEI that fails a comparison with the registry.</summary>
    public static string Expected(ErrorReason reason, Imei imei, TacFact tac, string model) => reason switch
    {
        ErrorReason.ImeiImplausible => "a number that a unit can have, not a filler",
        ErrorReason.TacUnknown => $"a TAC in the registry's list; {imei.Tac} is not",
        ErrorReason.TacBarred => $"a TAC that is not barred; {imei.Tac} is",
        ErrorReason.TacNotMandated => $"a TAC you hold a mandate for on the production date; {imei.Tac} is not",
        ErrorReason.TacModelMismatch =>
            $"a TAC of model {Inputs.Quote(model)}; the list has {imei.Tac} as {Inputs.Quote(tac.Model)}",
        ErrorReason.ImeiTaken => "an IMEI that no registered unit has or had",
        ErrorReason.ImeiBlocked => "an IMEI without a block order in force",
        ErrorReason.DuplicateImeiInFile => "an IMEI that no earlier slot or line has",
        _ => "",
    };

    private string Expected(UnitLineError error, in UnitRecord unit)
    {
        var imei = unit.Imei(Math.Max(error.Slot - 1, 0));
        return error.Reason switch
        {
            ErrorReason.ImeiCountMismatch when unit.Count > imeisMax =>
                $"at most {imeisMax} IMEIs of one unit; found {unit.Count}",
            ErrorReason.ImeiCountMismatch =>
                $"{SlotsOf(unit)} IMEIs, as many as the model has SIM slots; found {unit.Count}",
            ErrorReason.SerialTaken => "a serial number that none of your registered units has",
            ErrorReason.DuplicateSerialInFile => "a serial number that no earlier line has",
            _ => Expected(error.Reason, imei, tacs[imei.Tac.Value], model),
        };
    }

    private int SlotsOf(in UnitRecord unit)
    {
        var slots = 0;
        for (var slot = 0; slot < unit.Count; slot++) slots = Math.Max(slots, tacs[unit.Imei(slot).Tac.Value].SimSlots);
        return slots;
    }

    // Texts for errors of a line by itself.
    private string Expected(UnitLineError error, ReadOnlySpan<byte> value) => error.Reason switch
    {
        ErrorReason.LineMalformed => $"{columns} fields as in the header, found {value.Count((byte)',') + 1}",
        ErrorReason.SerialInvalid =>
            $"1 to {Limits.SerialMax} printable ASCII characters without blanks, commas and quotes",
        ErrorReason.ImeiImplausible => "a number that a unit can have, not a filler",
        _ => Imei.FromTyped(Encoding.ASCII.GetString(value)).Expected,
    };

    private void Add(int line, UnitLineError error, ReadOnlySpan<byte> value, string expected)
    {
        _page.Errors.Add(new LineError
        {
            Line = (uint)line, Field = error.Field, Value = Inputs.Quote(Encoding.UTF8.GetString(value)),
            Reason = StatusMapping.UpperSnake(error.Reason.ToString()), Expected = expected,
        });
        if (_page.Errors.Count >= Limits.ErrorPageLines) EndPage();
    }
}
