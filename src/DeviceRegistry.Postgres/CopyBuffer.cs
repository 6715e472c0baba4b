using System.Buffers;
using System.Buffers.Binary;
using Npgsql;

namespace DeviceRegistry.Postgres;

/// <summary>Buffer of rows in PostgreSQL's binary COPY format, sent in one piece: no driver call and no boxing per
/// value. Reusable after <see cref="SendAsync"/> or <see cref="Clear"/>; not thread-safe.</summary>
/// <remarks>Format: header of 19 bytes; for each row the number of fields (2), for each field its length (4) and its
/// bytes; -1 (2) at the end. All big-endian. An array: dimensions 1, nulls 0, element type, length, lower bound 1 (4
/// each), then each element like a field.</remarks>
public sealed class CopyBuffer
{
    private const int BigintOid = 20;
    private static readonly DateTime Epoch = new(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>The bytes before the first row.</summary>
    public static ReadOnlyMemory<byte> Header { get; } =
        (byte[])[.. "PGCOPY\n"u8, 0xFF, .. "\r\n"u8, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>The bytes after the last row.</summary>
    public static ReadOnlyMemory<byte> Trailer { get; } = (byte[])[0xFF, 0xFF];

    /// <summary>The rows, without header and trailer.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.WrittenMemory;

    /// <summary>Number of rows in the buffer, including one whose fields are not complete.</summary>
    public int Rows { get; private set; }

    /// <summary>Begins a row of <paramref name="fields"/> fields; add exactly as many values.</summary>
    public void AddRow(int fields)
    {
        BinaryPrimitives.WriteInt16BigEndian(Take(2), (short)fields);
        Rows++;
    }

    public void AddSmallint(short value)
    {
        var field = Field(2);
        BinaryPrimitives.WriteInt16BigEndian(field, value);
    }

    /// <summary>SQL NULL.</summary>
    public void AddNull() => BinaryPrimitives.WriteInt32BigEndian(Take(4), -1);

    /// <summary>A timestamptz: microseconds since 2000-01-01 UTC.</summary>
    public void AddTime(DateTime value) => AddBigint((value - Epoch).Ticks / TimeSpan.TicksPerMicrosecond);

    public void AddInt(int value)
    {
        var field = Field(4);
        BinaryPrimitives.WriteInt32BigEndian(field, value);
    }

    public void AddBigint(long value)
    {
        var field = Field(8);
        BinaryPrimitives.WriteInt64BigEndian(field, value);
    }

    /// <summary>A text (UTF-8) or bytea.</summary>
    public void AddBytes(ReadOnlySpan<byte> value) => value.CopyTo(Field(value.Length));

    /// <summary>A bigint[].</summary>
    public void AddBigints(ReadOnlySpan<long> values)
    {
        var field = Field(20 + values.Length * 12);
        BinaryPrimitives.WriteInt32BigEndian(field, 1);
        BinaryPrimitives.WriteInt32BigEndian(field[4..], 0);
        BinaryPrimitives.WriteInt32BigEndian(field[8..], BigintOid);
        BinaryPrimitives.WriteInt32BigEndian(field[12..], values.Length);
        BinaryPrimitives.WriteInt32BigEndian(field[16..], 1);
        field = field[20..];
        foreach (var value in values)
        {
            BinaryPrimitives.WriteInt32BigEndian(field, 8);
            BinaryPrimitives.WriteInt64BigEndian(field[4..], value);
            field = field[12..];
        }
    }

    /// <summary>Sends the rows and clears the buffer; does nothing if it has no rows. <paramref name="copy"/> is COPY …
    /// FROM STDIN (FORMAT BINARY).</summary>
    public async Task SendAsync(NpgsqlConnection connection, string copy, CancellationToken ct)
    {
        if (Rows is 0) return;

        await using (var stream = await connection.BeginRawBinaryCopyAsync(copy, ct))
        {
            await stream.WriteAsync(Header, ct);
            await stream.WriteAsync(Written, ct);
            await stream.WriteAsync(Trailer, ct);
        }

        Clear();
    }

    public void Clear()
    {
        _bytes.ResetWrittenCount();
        Rows = 0;
    }

    private Span<byte> Field(int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(Take(4), length);
        return Take(length);
    }

    private Span<byte> Take(int length)
    {
        var span = _bytes.GetSpan(length)[..length];
        _bytes.Advance(length);
        return span;
    }
}
