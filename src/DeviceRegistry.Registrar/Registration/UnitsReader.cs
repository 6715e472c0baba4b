using System.Text;
using DeviceRegistry.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Receives the lines of a units file. Lines are physical lines, from 1, header included.</summary>
internal interface IUnitsSink
{
    /// <summary>Receives a line that is valid by itself.</summary>
    void Take(int line, in UnitRecord unit);

    /// <summary>Receives an invalid line and the bytes its error refers to.</summary>
    void Reject(int line, UnitLineError error, ReadOnlySpan<byte> value);
}

/// <summary>Parses a units file incrementally, in pieces of any length; buffers at most one line. Throws FILE_INVALID
/// if the file cannot be interpreted.</summary>
internal sealed class UnitsReader(IUnitsSink sink)
{
    private const string Header = "serial_number,imei_1[,imei_2[,imei_3[,imei_4[,imei_5]]]]";
    private const int HeaderColumnsMax = 1 + UnitRecord.ImeisMax;
    private readonly byte[] _begun = new byte[Limits.LineBytesMax + 2];
    private int _begunBytes;
    private int _columns;
    private int _lines;
    private int _read;

    /// <summary>Lines read, without header and blank lines.</summary>
    public int Units => _read;

    /// <summary>Columns of the header; 0 before it is read.</summary>
    public int Columns => _columns;

    /// <summary>Parses the next bytes.</summary>
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

    /// <summary>Parses the last line; call once, after the last bytes.</summary>
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
        if (UnitRecord.TryRead(line, _columns, out var unit, out var error, out var value)) sink.Take(_lines, unit);
        else sink.Reject(_lines, error, value);
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

    /// <summary>FILE_INVALID for a units file.</summary>
    public static RegistryException Invalid(string what) =>
        new(RegistryError.FileInvalid, $"The units file cannot be read: {what}", "data", "a CSV file as described");
}
