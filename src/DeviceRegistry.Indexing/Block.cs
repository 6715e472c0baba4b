using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace DeviceRegistry.Indexing;

/// <summary>Codes of 16,384 consecutive numbers in a small immutable byte array, the same in memory and in a file. A
/// place (offset in the block) without an entry has code 0; a block without entries is null.</summary>
/// <remarks><code>
/// byte  0     1       2..3    4..5      6..7  8..
///      [form][common][count][outliers][ 0 0 ][entries, by form][places of outliers, rising][codes of outliers]
///
/// form  1  array    count places, rising                              2 bytes each
///       2  bitmap   a bit for each place, lowest first                2,048 bytes
///       3  runs     first and last place of each, rising, apart       4 bytes each; a full block is one
/// </code>
/// Numbers are 16 bits, little-endian. Every entry has the common code except the outliers, which take 2 bytes for the
/// place and 1 for the code. The form is the smallest of the three, so it depends on the contents only, not on their
/// history.</remarks>
internal static class Block
{
    public const int PlaceBits = 14;
    public const int Places = 1 << PlaceBits;
    public const int Words = Places / 64;
    public const int HeaderBytes = 8;
    public const int BitmapBytes = Places / 8;

    /// <summary>Largest size of a block in bytes: every second entry may be an outlier, or more with many
    /// codes.</summary>
    public const int BytesMax = HeaderBytes + BitmapBytes + (3 * Places);

    private const int WindowHalf = 32;

    public const byte ArrayForm = 1;
    public const byte BitmapForm = 2;
    public const byte RunsForm = 3;

    /// <summary>Code of a place; 0 if the place has no entry.</summary>
    /// <remarks>Perf: the caller's guess of form and count allows reading the entries while the block header is still
    /// loading from memory; if the guess is wrong, the header decides. Measurement: README.md, Benchmarks.</remarks>
    public static byte CodeOf(byte[] block, int place, byte form, int count)
    {
        if (block[0] != form || CountOf(block) != count) return CodeOf(block, place, block[0], CountOf(block));
        if (!Has(block, place, form, count)) return 0;

        var outliers = Outliers(block);
        var at = outliers.BinarySearch((ushort)place);
        return at < 0 ? block[1] : block[block.Length - outliers.Length + at];
    }

    /// <summary>Whether the block has exactly one entry; returns its place and code.</summary>
    public static bool IsSingle(ReadOnlySpan<byte> block, out int place, out byte code)
    {
        (place, code) = (0, block[1]);
        if (CountOf(block) is not 1) return false;

        place = Entries(block)[0];
        return true;
    }

    /// <summary>A block with one entry.</summary>
    public static byte[] Single(int place, byte code)
    {
        var block = new byte[HeaderBytes + sizeof(ushort)];
        (block[0], block[1], block[2]) = (ArrayForm, code, 1);
        BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(HeaderBytes), (ushort)place);
        return block;
    }

    /// <summary>Number of entries.</summary>
    public static int CountOf(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);

    public static int OutliersOf(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadUInt16LittleEndian(block[4..]);

    /// <summary>The entries, in the format of the block's form.</summary>
    public static ReadOnlySpan<ushort> Entries(ReadOnlySpan<byte> block) =>
        MemoryMarshal.Cast<byte, ushort>(block[HeaderBytes..^(3 * OutliersOf(block))]);

    public static ReadOnlySpan<ushort> Outliers(ReadOnlySpan<byte> block)
    {
        var count = OutliersOf(block);
        return count is 0 ? [] : MemoryMarshal.Cast<byte, ushort>(block[^(3 * count)..^count]);
    }

    /// <summary>Whether untrusted bytes are a valid block: all entries below <paramref name="placesMax"/>, all codes 1
    /// to <paramref name="codeMax"/>.</summary>
    public static bool IsValid(ReadOnlySpan<byte> block, int placesMax, byte codeMax)
    {
        if (block.Length < HeaderBytes || block[1] is 0 || block[1] > codeMax || block[6] is not 0
            || block[7] is not 0) return false;

        var (count, outliers) = (CountOf(block), OutliersOf(block));
        if (count is 0 or > Places || outliers >= count || HeaderBytes + (3 * outliers) > block.Length) return false;

        var entries = Entries(block);
        var valid = block[0] switch
        {
            ArrayForm => block.Length == HeaderBytes + (2 * count) + (3 * outliers) && Rises(entries)
            && entries[^1] < placesMax,
            BitmapForm => count > 1 && block.Length == HeaderBytes + BitmapBytes + (3 * outliers)
            && IsValidBitmap(MemoryMarshal.Cast<ushort, ulong>(entries), count, placesMax),
            RunsForm =>
                (block.Length - HeaderBytes - (3 * outliers)) % 4 is 0 && AreValidRuns(entries, count, placesMax),
            _ => false,
        };
        return valid && (outliers is 0 || AreValidOutliers(block, codeMax));
    }

    private static bool Has(byte[] block, int place, byte form, int count)
    {
        switch (form)
        {
            case BitmapForm:
                return (block[HeaderBytes + (place >> 3)] >> (place & 7) & 1) is 1;
            case ArrayForm:
                return Contains(MemoryMarshal.Cast<byte, ushort>(block.AsSpan(HeaderBytes, 2 * count)), (ushort)place);
            default:
                // In the sequence first, last, first, last …, the place is in a run if it equals a value or lies after
                // a first.
                var at = Entries(block).BinarySearch((ushort)place);
                return at >= 0 || (~at & 1) is 1;
        }
    }

    // Perf: places are usually spread evenly, so a place is near its proportional position: one window of 128 bytes,
    // compared at once, replaces the nine steps of a binary search. 300,000 blocks of 328 places in random order: 235
    // ns instead of 450 to 477, on a busy machine; README.md, Benchmarks.
    private static bool Contains(ReadOnlySpan<ushort> places, ushort place)
    {
        var near = (int)((uint)place * (uint)places.Length >> PlaceBits);
        var (from, to) = (Math.Max(0, near - WindowHalf), Math.Min(places.Length, near + WindowHalf));
        return (from is 0 || places[from] <= place) && (to == places.Length || places[to - 1] >= place)
            ? places[from..to].Contains(place)
            : places.BinarySearch(place) >= 0;
    }

    private static bool Rises(ReadOnlySpan<ushort> places)
    {
        for (var i = 1; i < places.Length; i++)
            if (places[i - 1] >= places[i]) return false;
        return true;
    }

    private static bool IsValidBitmap(ReadOnlySpan<ulong> words, int count, int placesMax)
    {
        var found = 0;
        foreach (var word in words) found += BitOperations.PopCount(word);
        return found == count && !HasFrom(words, placesMax);
    }

    private static bool HasFrom(ReadOnlySpan<ulong> words, int place)
    {
        for (var at = place; at < Places; at++)
            if ((words[at >> 6] >> at & 1) is 1) return true;
        return false;
    }

    // A run of one place has equal first and last, so last may equal first, but two runs never touch.
    private static bool AreValidRuns(ReadOnlySpan<ushort> ends, int count, int placesMax)
    {
        var (found, after) = (0, 0);
        for (var i = 0; i < ends.Length; i += 2)
        {
            if (ends[i] < after || ends[i + 1] < ends[i] || ends[i + 1] >= placesMax) return false;

            found += ends[i + 1] - ends[i] + 1;
            after = ends[i + 1] + 2;
        }

        return found == count;
    }

    private static bool AreValidOutliers(ReadOnlySpan<byte> block, byte codeMax)
    {
        var places = Outliers(block);
        var owned = block.ToArray();
        if (!Rises(places)) return false;

        for (var i = 0; i < places.Length; i++)
        {
            var code = block[block.Length - places.Length + i];
            if (places[i] >= Places || code is 0 || code > codeMax || code == block[1]
                || !Has(owned, places[i], block[0], CountOf(block))) return false;
        }

        return true;
    }
}
