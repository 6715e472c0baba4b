using System.Buffers.Binary;
using System.Text;

namespace DeviceRegistry.Indexing;

/// <summary>Writes the numbers and texts of an index, little-endian. <see cref="IndexReader"/> reads them back.</summary>
internal sealed class IndexWriter(Stream stream)
{
    public void Number(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        stream.Write(bytes);
    }

    public void Count(int count) => Number((ulong)count);

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Count(bytes.Length);
        stream.Write(bytes);
    }

    public void Text(string text) => Bytes(Encoding.UTF8.GetBytes(text));
}

/// <summary>Reads what <see cref="IndexWriter"/> wrote and trusts nothing: every fault is an <see cref="InvalidDataException"/>, and no count makes room before its bytes are there.</summary>
internal sealed class IndexReader(Stream stream)
{
    // What is made room for at once, however much a count announces.
    private const int PieceMax = 64 * 1024;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public ulong Number()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>A number below a limit.</summary>
    public ulong NumberBelow(ulong limit)
    {
        var value = Number();
        Require(value < limit);
        return value;
    }

    public int Count() => (int)NumberBelow(int.MaxValue);

    public bool Flag() => NumberBelow(2) is 1;

    public byte[] Bytes(int most)
    {
        var count = Count();
        Require(count <= most);
        var bytes = new byte[Math.Min(count, PieceMax)];
        for (var at = 0; at < count; at = bytes.Length, Array.Resize(ref bytes, (int)Math.Min(count, 2L * bytes.Length)))
        {
            Fill(bytes.AsSpan(at));
            if (bytes.Length == count) break;
        }

        return bytes;
    }

    public string Text(int mostBytes)
    {
        try
        {
            return Strict.GetString(Bytes(mostBytes));
        }
        catch (DecoderFallbackException fault)
        {
            throw new InvalidDataException("The bytes of an index hold a text that is none.", fault);
        }
    }

    /// <summary>A list whose length the bytes say.</summary>
    public T[] List<T>(Func<IndexReader, T> one)
    {
        var count = Count();
        var list = new List<T>(Math.Min(count, 1024));
        for (var i = 0; i < count; i++) list.Add(one(this));
        return [.. list];
    }

    public void Fill(Span<byte> bytes)
    {
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length) throw new InvalidDataException("The bytes of an index end too early.");
    }

    public static void Require(bool sound)
    {
        if (!sound) throw new InvalidDataException("The bytes of an index contradict themselves, or were written by a version this one does not know.");
    }
}
