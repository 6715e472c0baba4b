using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Writes numbers and texts of an index, little-endian, in pieces with a checksum. <see cref="IndexReader"/>
/// reads them.</summary>
/// <remarks><code>
/// piece  [bytes, 4, at most 65,536][CRC-32C of all bytes up to the end of this piece, 4][the bytes]
/// the last piece is empty
/// </code></remarks>
internal sealed class IndexWriter(Stream stream)
{
    private readonly byte[] _buffer = new byte[Crc.PieceMax];
    private int _held;
    private uint _crc;

    public void Number(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Raw(bytes);
    }

    public void Count(long count) => Number((ulong)count);

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Count(bytes.Length);
        Raw(bytes);
    }

    public void Words(ReadOnlySpan<ulong> words)
    {
        Count(words.Length);
        Raw(MemoryMarshal.AsBytes(words));
    }

    public void Text(string text) => Bytes(Encoding.UTF8.GetBytes(text));

    public void Pair(EquipmentPair pair)
    {
        Number(pair.Subscriber);
        Number(pair.Text is null ? pair.Imei.Value : Imei.Limit);
        if (pair.Text is not null) Text(pair.Text);
    }

    public void Terms(OrderTerm terms)
    {
        foreach (var number in (ReadOnlySpan<ulong>)[(ulong)terms.Class, (ulong)terms.Reason, (ulong)terms.FromMs,
            (ulong)terms.UntilMs]) Number(number);
    }

    /// <summary>Ends the stream of pieces.</summary>
    public void End()
    {
        if (_held > 0) Flush();
        Flush();
    }

    private void Raw(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (_held == _buffer.Length) Flush();
            var piece = bytes[..Math.Min(bytes.Length, _buffer.Length - _held)];
            piece.CopyTo(_buffer.AsSpan(_held));
            _held += piece.Length;
            bytes = bytes[piece.Length..];
        }
    }

    private void Flush()
    {
        _crc = Crc.Of(_crc, _buffer.AsSpan(0, _held));
        Span<byte> head = stackalloc byte[Crc.HeadBytes];
        BinaryPrimitives.WriteInt32LittleEndian(head, _held);
        BinaryPrimitives.WriteUInt32LittleEndian(head[sizeof(int)..], _crc);
        stream.Write(head);
        stream.Write(_buffer, 0, _held);
        _held = 0;
    }
}

/// <summary>Reads the output of <see cref="IndexWriter"/> as untrusted input: every error is an
/// <see cref="InvalidDataException"/>, and no count allocates memory before its bytes have arrived.</summary>
internal sealed class IndexReader(Stream stream)
{
    private static readonly UTF8Encoding Strict =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[Crc.PieceMax];
    private int _at;
    private int _held;
    private uint _crc;

    public ulong Number()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public ulong NumberBelow(ulong limit)
    {
        var value = Number();
        Require(value < limit);
        return value;
    }

    public int Count() => (int)NumberBelow(int.MaxValue);

    public byte[] Bytes(int max)
    {
        var count = Count();
        Require(count <= max);
        var bytes = GC.AllocateUninitializedArray<byte>(Math.Min(count, Crc.PieceMax));
        Fill(bytes);
        while (bytes.Length < count)
        {
            var before = bytes.Length;
            Array.Resize(ref bytes, (int)Math.Min(count, 2L * before));
            Fill(bytes.AsSpan(before));
        }

        return bytes;
    }

    /// <summary>Reads bytes into a buffer of the largest valid size.</summary>
    public ReadOnlySpan<byte> Bytes(byte[] buffer)
    {
        var count = Count();
        Require(count <= buffer.Length);
        var bytes = buffer.AsSpan(0, count);
        Fill(bytes);
        return bytes;
    }

    /// <summary>Reads at max <paramref name="max"/> words, few enough to allocate at once.</summary>
    public ulong[] Words(int max)
    {
        var words = new ulong[(int)NumberBelow((ulong)max + 1)];
        Fill(MemoryMarshal.AsBytes(words.AsSpan()));
        return words;
    }

    /// <summary>A text in canonical form.</summary>
    public string Normal()
    {
        var text = TextOf(Bytes(TextPool.BytesMax));
        Require(text.Length > 0 && IsNormal(text));
        return text;
    }

    public EquipmentPair Pair()
    {
        var subscriber = Number();
        Require(subscriber is not 0);
        var imei = NumberBelow(Imei.Limit + 1);
        return imei == Imei.Limit ? new EquipmentPair(Normal(), subscriber)
            : new EquipmentPair(new Imei(imei), subscriber);
    }

    /// <summary>Class, reason, start and end of an order.</summary>
    public OrderTerm Terms()
    {
        var terms = new OrderTerm(0, (OrderClass)NumberBelow(256), (CheckReason)NumberBelow(256), (long)Number(),
            (long)Number());
        Require(Enum.IsDefined(terms.Class) && Enum.IsDefined(terms.Reason));
        return terms;
    }

    /// <summary>A list with a length prefix.</summary>
    public T[] List<T>(Func<IndexReader, T> one)
    {
        var count = Count();
        var list = new List<T>(Math.Min(count, 1024));
        for (var i = 0; i < count; i++) list.Add(one(this));
        return [.. list];
    }

    /// <summary>Requires the end of the data. Bytes after the index in the stream are not read.</summary>
    public void End()
    {
        Require(_at == _held);
        Refill();
        Require(_held is 0);
    }

    public static string TextOf(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return Strict.GetString(utf8);
        }
        catch (DecoderFallbackException fault)
        {
            throw new InvalidDataException("The bytes of an index hold a text that is none.", fault);
        }
    }

    /// <summary>Whether a text is in canonical form
    /// (<see cref="EquipmentIdentity.Normal(ReadOnlySpan{char})"/>).</summary>
    public static bool IsNormal(string text)
    {
        Span<char> buffer = stackalloc char[EquipmentIdentity.TextMax];
        return EquipmentIdentity.Normal(text, buffer).SequenceEqual(text);
    }

    public static void Require(bool valid)
    {
        if (!valid) throw new InvalidDataException(
            "The bytes of an index contradict themselves, or were written by a version this one does not know.");
    }

    private void Fill(Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (_at == _held) Refill();
            Require(_held > 0);
            var piece = Math.Min(bytes.Length, _held - _at);
            _buffer.AsSpan(_at, piece).CopyTo(bytes);
            _at += piece;
            bytes = bytes[piece..];
        }
    }

    private void Refill()
    {
        Span<byte> head = stackalloc byte[Crc.HeadBytes];
        Read(head);
        var bytes = BinaryPrimitives.ReadInt32LittleEndian(head);
        Require(bytes is >= 0 and <= Crc.PieceMax);
        Read(_buffer.AsSpan(0, bytes));
        _crc = Crc.Of(_crc, _buffer.AsSpan(0, bytes));
        Require(_crc == BinaryPrimitives.ReadUInt32LittleEndian(head[sizeof(int)..]));
        (_at, _held) = (0, bytes);
    }

    private void Read(Span<byte> bytes)
    {
        if (stream.ReadAtLeast(bytes, bytes.Length,
            throwOnEndOfStream: false) < bytes.Length) throw new InvalidDataException(
            "The bytes of an index end too early.");
    }
}

/// <summary>CRC-32C: detects every error burst of up to 32 bits, and all but one in four thousand million of other
/// errors.</summary>
internal static class Crc
{
    /// <summary>Largest size of a piece; also the largest allocation made before its bytes arrive, whatever a count
    /// announces.</summary>
    public const int PieceMax = 64 * 1024;

    /// <summary>Bytes of the header of a piece.</summary>
    public const int HeadBytes = 8;

    public static uint Of(uint crc, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..]) crc =
            BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        return crc;
    }
}
