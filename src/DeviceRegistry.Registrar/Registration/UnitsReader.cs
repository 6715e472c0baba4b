using System.Text;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Who takes what is read of a units file, line by line. Lines are the physical ones, from 1, header
/// included.</summary>
internal interface IUnitsSink
{
    /// <summary>A line that is good by itself.</summary>
    void Take(int line, in UnitRecord unit);

    /// <summary>A line that is not, and which of its bytes are at fault.</summary>
    void Refuse(int line, UnitLineError flaw, ReadOnlySpan<byte> value);
}

/// <summary>Reads a units file as its bytes come, in pieces of any length, and holds no more of it than a line. Throws
/// FILE_INVALID where there is no telling what its lines mean.</summary>
internal sealed class UnitsReader(IUnitsSink sink)
{
    private const string Header = "serial_number,imei_1[,imei_2[,imei_3[,imei_4[,imei_5]]]]";
    private const int HeaderColumnsMax = 1 + UnitRecord.ImeisMax;
    private readonly byte[] _begun = new byte[Limits.LineBytesMax + 2];
    private int _begunBytes;
    private int _columns;
    private int _lines;
    private int _read;

    /// <summary>Lines that were neither header nor blank.</summary>
    public int Units => _read;

    /// <summary>Columns of the header; 0: it was not read yet.</summary>
    public int Columns => _columns;

    /// <summary>Takes the next bytes.</summary>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Contains((byte)0))
            throw new RegistryException(RegistryError.FileInvalid,
                "The file is not a text: it has NUL bytes, as a spreadsheet or UTF-16 has. Save it as CSV in UTF-8.",
                "data", "UTF-8");

        while (bytes.IndexOf((byte)'\n') is var end and >= 0)
        {
            ReadLine(bytes[..end]);
            bytes = bytes[(end + 1)..];
        }

        Begin(bytes);
    }

    /// <summary>There is no more.</summary>
    public void End()
    {
        if (_begunBytes > 0) ReadLine([]);
        if (_columns is 0) throw Invalid("the file is empty.");
        if (_read is 0) throw Invalid("the file has a header but no units.");
    }

    private void Begin(ReadOnlySpan<byte> bytes)
    {
        RequireShort(_begunBytes + bytes.Length);
        bytes.CopyTo(_begun.AsSpan(_begunBytes));
        _begunBytes += bytes.Length;
    }

    private void ReadLine(ReadOnlySpan<byte> rest)
    {
        RequireShort(_begunBytes + rest.Length);
        var line = rest;
        if (_begunBytes > 0)
        {
            Begin(rest);
            line = _begun.AsSpan(0, _begunBytes);
            _begunBytes = 0;
        }

        _lines++;
        if (line is [.., (byte)'\r']) line = line[..^1];
        if (_lines is 1 && line.StartsWith(Encoding.UTF8.Preamble)) line = line[Encoding.UTF8.Preamble.Length..];
        if (_columns is 0) _columns = ReadHeader(line);
        else if (!line.Trim(" \t"u8).IsEmpty) ReadUnit(line);
    }

    private void ReadUnit(ReadOnlySpan<byte> line)
    {
        if (++_read > Limits.ImeisMax) throw Invalid(
            $"line {_lines}: over {Limits.ImeisMax} units in one file; split it into batches.");
        if (UnitRecord.TryRead(line, _columns, out var unit, out var flaw, out var value)) sink.Take(_lines, unit);
        else sink.Refuse(_lines, flaw, value);
    }

    private static int ReadHeader(ReadOnlySpan<byte> line)
    {
        if (line.Trim(" \t"u8).IsEmpty) throw Invalid($"line 1 is blank; expected the header {Header} there.");
        if (line.Contains((byte)'\r'))
            throw new RegistryException(RegistryError.FileInvalid,
                "The file's line ends are CR alone. Save it with LF or CRLF.", "data", "lines that end in LF or CRLF");

        var names = Encoding.UTF8.GetString(line).Split(',').Select(n => n.Trim(' ', '\t').Trim('"').Trim()).ToList();
        var expected = Enumerable.Range(1, UnitRecord.ImeisMax).Select(n => $"imei_{n}").Prepend("serial_number")
            .Take(names.Count);
        return names.Count is >= 2 and <= HeaderColumnsMax && names.SequenceEqual(expected)
            ? names.Count
            : throw Invalid($"line 1: the header is {Inputs.Quote(string.Join(',', names))}; expected {Header}.");
    }

    private void RequireShort(int bytes)
    {
        if (bytes > Limits.LineBytesMax)
            throw new RegistryException(RegistryError.FileInvalid,
                $"Line {_lines + 1} has over {Limits.LineBytesMax} bytes. Is this the right file?", "data",
                $"lines of at most {Limits.LineBytesMax} bytes");
    }

    /// <summary>A file that cannot be read.</summary>
    public static RegistryException Invalid(string what) =>
        new(RegistryError.FileInvalid, $"The units file cannot be read: {what}", "data", "a CSV file as described");
}
