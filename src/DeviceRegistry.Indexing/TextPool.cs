using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Numbered texts in canonical form, of equipment without an IMEI. One writer; readers take no lock.</summary>
/// <remarks>64 texts share a page, a byte array that is replaced as a whole:
/// <code>
/// [bitmap of the texts, 8 bytes][length of each text, 1 byte each][UTF-8 of the texts, in order]
/// </code>
/// so a text costs its bytes, 1 for its length, 1 for the page, and 5.5 for the lookup table: about 22 for a typical
/// text of 14 characters.</remarks>
internal sealed class TextPool
{
    /// <summary>Largest UTF-8 size of a text: three bytes per character.</summary>
    public const int BytesMax = 3 * EquipmentIdentity.TextMax;

    private const int PageBits = 6;
    private const int PageTexts = 1 << PageBits;

    // A released number is reused only after this many other releases: a reader that found a text by its number checks
    // the number again, and must not find the same number with another text.
    private const int ReleasedMax = 1_024;

    // Numbers are reused, so the number of pages follows the largest number of texts at one time. A file that skips
    // more pages than this was not written by this program, or is cheaper to rebuild than to load.
    private const int PagesSkippedMax = 1 << 16;

    private readonly BucketTable _numbers;
    private readonly Queue<uint> _released = new();
    private byte[]?[] _pages = [];
    private uint _next;

    public TextPool() =>
        _numbers = new BucketTable(sizeof(uint), record =>
        HashOf(TextOf(BinaryPrimitives.ReadUInt32LittleEndian(record))));

    /// <summary>Number of texts.</summary>
    public long Count => _numbers.Count;

    /// <summary>Key of a text; false if the text is not in the pool.</summary>
    public bool TryFind(ReadOnlySpan<char> text, out ulong key)
    {
        Span<byte> bytes = stackalloc byte[BytesMax];
        return TryFind(bytes[..Encoding.UTF8.GetBytes(text, bytes)], out key);
    }

    /// <summary>A text by its key; null if there is none.</summary>
    public string? TextOf(ulong key) =>
        Key.IsText(key) && TextOf((uint)key) is { IsEmpty: false } text ? Encoding.UTF8.GetString(text) : null;

    /// <summary>Writer only: key of a text, which is added if missing.</summary>
    public ulong Intern(string text)
    {
        if (TryFind(text, out var key)) return key;

        var number = _released.Count > ReleasedMax ? _released.Dequeue() : _next++;
        var bytes = Encoding.UTF8.GetBytes(text);
        var page = (int)(number >> PageBits);
        if (page >= _pages.Length) Volatile.Write(ref _pages, Larger(page));
        Volatile.Write(ref _pages[page], With(_pages[page], (int)(number % PageTexts), bytes));
        Index(number, bytes);
        return Key.TextBit | number;
    }

    /// <summary>Writer only: removes a text.</summary>
    public void Release(ulong key)
    {
        var number = (uint)key;
        var hash = HashOf(TextOf(number));
        var bucket = _numbers.BucketOf(hash);
        var at = -1;
        while ((at = _numbers.Next(bucket, BucketTable.TagOf(hash), at + 1)) >= 0)
        {
            if (NumberAt(bucket, at) != number) continue;

            _numbers.Remove(hash, at);
            break;
        }

        var page = number >> PageBits;
        Volatile.Write(ref _pages[page], With(_pages[page], (int)(number % PageTexts), []));
        _released.Enqueue(number);
    }

    /// <summary>Writer only: captures the current texts with their numbers; the returned action writes them at any time
    /// and on any thread.</summary>
    public Action<IndexWriter> Capture()
    {
        var pages = _pages.Index().Where(p => p.Item is not null).ToList();
        return to =>
        {
            to.Count(pages.Count);
            foreach (var (number, page) in pages)
            {
                to.Count(number);
                to.Bytes(page);
            }
        };
    }

    /// <summary>Reads captured texts.</summary>
    public void ReadFrom(IndexReader from)
    {
        var (after, read) = (0, 0L);
        for (var left = from.Count(); left > 0; left--, read++)
        {
            var page = from.Count();
            IndexReader.Require(page >= after && page < 1 << (32 - PageBits) && page <= PagesSkippedMax
                + (PageTexts * read));
            if (page >= _pages.Length) _pages = Larger(page);
            _pages[page] = from.Bytes(sizeof(ulong) + (PageTexts * (1 + BytesMax)));
            IndexPage(page);
            after = page + 1;
        }
    }

    private void IndexPage(int page)
    {
        var bytes = _pages[page].AsSpan();
        IndexReader.Require(bytes.Length > sizeof(ulong) && Present(bytes) is not 0 && bytes.Length >= sizeof(ulong)
            + Held(bytes));
        IndexReader.Require(bytes.Length == TextsFrom(bytes) + Sum(bytes.Slice(sizeof(ulong), Held(bytes))));
        for (uint i = 0, number = (uint)page << PageBits; i < PageTexts; i++, number++)
        {
            if ((Present(bytes) >> (int)i & 1) is 0) continue;

            var text = TextOf(number);
            IndexReader.Require(text.Length is > 0 and <= BytesMax);
            IndexReader.Require(IndexReader.IsNormal(IndexReader.TextOf(text)) && !TryFind(text, out _));
            Index(number, text);
            while (_next < number) _released.Enqueue(_next++);
            _next = number + 1;
        }
    }

    private bool TryFind(ReadOnlySpan<byte> text, out ulong key)
    {
        var hash = HashOf(text);
        while (true)
        {
            var bucket = _numbers.BucketOf(hash);
            var at = -1;
            while ((at = _numbers.Next(bucket, BucketTable.TagOf(hash), at + 1)) >= 0)
            {
                var number = NumberAt(bucket, at);
                key = Key.TextBit | number;
                if (TextOf(number).SequenceEqual(text)) return true;
            }

            // A text named by a bucket exists as long as the bucket is current.
            key = 0;
            if (ReferenceEquals(bucket, _numbers.BucketOf(hash))) return false;
        }
    }

    private void Index(uint number, ReadOnlySpan<byte> text)
    {
        Span<byte> record = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(record, number);
        _numbers.Insert(HashOf(text), 0, record);
    }

    private uint NumberAt(byte[] bucket, int at) =>
        BinaryPrimitives.ReadUInt32LittleEndian(_numbers.RecordAt(bucket, at));

    private ReadOnlySpan<byte> TextOf(uint number)
    {
        var pages = Volatile.Read(ref _pages);
        var at = number >> PageBits;
        var page = at < (uint)pages.Length ? Volatile.Read(ref pages[at]) : null;
        var bit = 1ul << (int)number;
        if (page is null || (Present(page) & bit) is 0) return [];

        var lengths = page.AsSpan(sizeof(ulong), Held(page));
        var place = BitOperations.PopCount(Present(page) & (bit - 1));
        return page.AsSpan(TextsFrom(page) + Sum(lengths[..place]), lengths[place]);
    }

    private byte[]?[] Larger(int page)
    {
        var pages = new byte[]?[Math.Max(page + 1, _pages.Length * 5 / 4)];
        _pages.CopyTo(pages, 0);
        return pages;
    }

    private static byte[]? With(byte[]? page, int place, ReadOnlySpan<byte> text)
    {
        var before = page is null ? (ReadOnlySpan<byte>)[0, 0, 0, 0, 0, 0, 0, 0] : page;
        var (present, bit) = (Present(before), 1ul << place);
        var after = text.IsEmpty ? present & ~bit : present | bit;
        if (after is 0) return null;

        var rank = BitOperations.PopCount(present & (bit - 1));
        var gone = (present & bit) is 0 ? 0 : 1;
        var lengths = before.Slice(sizeof(ulong), Held(before));
        var texts = before[TextsFrom(before)..];
        var head = Sum(lengths[..rank]);
        var tail = gone is 0 ? head : head + lengths[rank];
        var whole = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(whole, after);
        ReadOnlySpan<byte> length = text.IsEmpty ? [] : [(byte)text.Length];
        return [.. whole, .. lengths[..rank], .. length, .. lengths[(rank + gone)..], .. texts[..head], .. text,
            .. texts[tail..]];
    }

    private static ulong Present(ReadOnlySpan<byte> page) => BinaryPrimitives.ReadUInt64LittleEndian(page);

    private static int Held(ReadOnlySpan<byte> page) => BitOperations.PopCount(Present(page));

    private static int TextsFrom(ReadOnlySpan<byte> page) => sizeof(ulong) + Held(page);

    private static int Sum(ReadOnlySpan<byte> lengths)
    {
        var sum = 0;
        foreach (var length in lengths) sum += length;
        return sum;
    }

    private static ulong HashOf(ReadOnlySpan<byte> text)
    {
        var hash = (ulong)text.Length;
        for (; text.Length >= sizeof(ulong); text = text[sizeof(ulong)..]) hash =
            Key.Hash(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(text));
        foreach (var b in text) hash = (hash << 8 | hash >> 56) ^ b;
        return Key.Hash(hash);
    }
}
