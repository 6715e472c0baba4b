using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace DeviceRegistry.Indexing;

/// <summary>The codes of 16,384 neighbours as few bytes that never change: in memory and in a file the same. A place
/// without an entry has code 0; a block without entries is null.</summary>
/// <remarks><code>
/// byte  0     1       2..3    4..5      6..7  8..
///      [form][common][count][deviants][ 0 0 ][entries, by form][places of deviants, rising][codes of deviants]
///
/// form  1  array    count places, rising                              2 bytes each
///       2  bitmap   a bit for each place, lowest first                2,048 bytes
///       3  runs     first and last place of each, rising, apart       4 bytes each; a full block is one
/// </code>
/// Numbers are 16 bits, little-endian. Every entry has the common code but the deviants: 2 bytes for their place and 1
/// for their code. The form is the smallest of the three, so a block has one form by what is in it, not by how it came
/// there.</remarks>
internal static class Block
{
    public const int PlaceBits = 14;
    public const int Places = 1 << PlaceBits;
    public const int Words = Places / 64;
    public const int HeaderBytes = 8;
    public const int BitmapBytes = Places / 8;

    /// <summary>Bytes of a block at most: every second entry may deviate, or more with many codes.</summary>
    public const int BytesMax = HeaderBytes + BitmapBytes + (3 * Places);

    private const int WindowHalf = 32;

    public const byte ArrayForm = 1;
    public const byte BitmapForm = 2;
    public const byte RunsForm = 3;

    /// <summary>Code of a place.</summary>
    /// <remarks>Perf: what is known of the block beforehand lets its entries be read while its head is still on its way
    /// from memory; where that was wrong, the head counts. All facts of a random IMEI among 100 million: README.md,
    /// figures.</remarks>
    public static byte CodeOf(byte[] block, int place, byte form, int count)
    {
        if (block[0] != form || CountOf(block) != count) return CodeOf(block, place, block[0], CountOf(block));
        if (!Has(block, place, form, count)) return 0;

        var deviants = Deviants(block);
        var at = deviants.BinarySearch((ushort)place);
        return at < 0 ? block[1] : block[block.Length - deviants.Length + at];
    }

    /// <summary>Whether a block has one entry, and which.</summary>
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

    /// <summary>How many places have an entry.</summary>
    public static int CountOf(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);

    public static int DeviantsOf(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadUInt16LittleEndian(block[4..]);

    /// <summary>The entries, as the form has them.</summary>
    public static ReadOnlySpan<ushort> Entries(ReadOnlySpan<byte> block) =>
        MemoryMarshal.Cast<byte, ushort>(block[HeaderBytes..^(3 * DeviantsOf(block))]);

    public static ReadOnlySpan<ushort> Deviants(ReadOnlySpan<byte> block)
    {
        var count = DeviantsOf(block);
        return count is 0 ? [] : MemoryMarshal.Cast<byte, ushort>(block[^(3 * count)..^count]);
    }

    /// <summary>Whether bytes from anywhere are a block with entries below a place, and with these codes
    /// alone.</summary>
    public static bool IsSound(ReadOnlySpan<byte> block, int placesMost, byte codeMost)
    {
        if (block.Length < HeaderBytes || block[1] is 0 || block[1] > codeMost || block[6] is not 0
            || block[7] is not 0) return false;

        var (count, deviants) = (CountOf(block), DeviantsOf(block));
        if (count is 0 or > Places || deviants >= count || HeaderBytes + (3 * deviants) > block.Length) return false;

        var entries = Entries(block);
        var sound = block[0] switch
        {
            ArrayForm => block.Length == HeaderBytes + (2 * count) + (3 * deviants) && Rises(entries)
            && entries[^1] < placesMost,
            BitmapForm => count > 1 && block.Length == HeaderBytes + BitmapBytes + (3 * deviants)
            && IsSoundBitmap(MemoryMarshal.Cast<ushort, ulong>(entries), count, placesMost),
            RunsForm =>
                (block.Length - HeaderBytes - (3 * deviants)) % 4 is 0 && AreSoundRuns(entries, count, placesMost),
            _ => false,
        };
        return sound && (deviants is 0 || AreSoundDeviants(block, codeMost));
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
                // Of first, last, first, last … the place is itself one, or falls behind a first.
                var at = Entries(block).BinarySearch((ushort)place);
                return at >= 0 || (~at & 1) is 1;
        }
    }

    // Perf: places are spread evenly more often than not, so a place is near where its share of the block says: one
    // window of 128 bytes, compared at once, in place of the nine steps of a binary search. Of 300,000 blocks of 328
    // places in random order 235 ns in place of 450 to 477, on a machine that others kept busy; README.md, figures.
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

    private static bool IsSoundBitmap(ReadOnlySpan<ulong> words, int count, int placesMost)
    {
        var found = 0;
        foreach (var word in words) found += BitOperations.PopCount(word);
        return found == count && !HasFrom(words, placesMost);
    }

    private static bool HasFrom(ReadOnlySpan<ulong> words, int place)
    {
        for (var at = place; at < Places; at++)
            if ((words[at >> 6] >> at & 1) is 1) return true;
        return false;
    }

    // A run of one place names it twice, so ends may touch their own first, but never the next run.
    private static bool AreSoundRuns(ReadOnlySpan<ushort> ends, int count, int placesMost)
    {
        var (found, after) = (0, 0);
        for (var i = 0; i < ends.Length; i += 2)
        {
            if (ends[i] < after || ends[i + 1] < ends[i] || ends[i + 1] >= placesMost) return false;

            found += ends[i + 1] - ends[i] + 1;
            after = ends[i + 1] + 2;
        }

        return found == count;
    }

    private static bool AreSoundDeviants(ReadOnlySpan<byte> block, byte codeMost)
    {
        var places = Deviants(block);
        var owned = block.ToArray();
        if (!Rises(places)) return false;

        for (var i = 0; i < places.Length; i++)
        {
            var code = block[block.Length - places.Length + i];
            if (places[i] >= Places || code is 0 || code > codeMost || code == block[1]
                || !Has(owned, places[i], block[0], CountOf(block))) return false;
        }

        return true;
    }
}
