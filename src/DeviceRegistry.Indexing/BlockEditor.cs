using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace DeviceRegistry.Indexing;

/// <summary>Writer only: decodes a block, changes codes and encodes a new block. One instance serves all blocks, one
/// after the other.</summary>
internal sealed class BlockEditor
{
    private readonly ulong[] _bits = new ulong[Block.Words];

    // Invariant: while _isUniform, every entry has _common and _codes is unused; otherwise each entry has its own code
    // in _codes.
    private readonly byte[] _codes = new byte[Block.Places];
    private bool _isUniform;
    private byte _common;
    private int _count;

    /// <summary>Loads a block; null: a block without entries.</summary>
    public void Load(byte[]? block)
    {
        Array.Clear(_bits);
        (_isUniform, _common, _count) = (true, 0, 0);
        if (block is null) return;

        (_common, _count) = (block[1], Block.CountOf(block));
        LoadEntries(block[0], Block.Entries(block));
        var outliers = Block.Outliers(block);
        if (outliers.Length is 0) return;

        Spread();
        for (var i = 0; i < outliers.Length; i++) _codes[outliers[i]] = block[block.Length - outliers.Length + i];
    }

    /// <summary>Sets the code of a place, 0 for none; returns the previous code.</summary>
    public byte Set(int place, byte code)
    {
        ref var word = ref _bits[place >> 6];
        var bit = 1ul << place;
        var before = (word & bit) is 0 ? (byte)0 : _isUniform ? _common : _codes[place];
        if (before == code) return before;

        if (before is 0)
        {
            if (_count++ is 0) (_isUniform, _common) = (true, code);
            word |= bit;
        }
        else if (code is 0)
        {
            _count--;
            word &= ~bit;
            return before;
        }

        if (_isUniform && code != _common) Spread();
        if (!_isUniform) _codes[place] = code;
        return before;
    }

    /// <summary>The entries in rising order of place, with their codes.</summary>
    public IEnumerable<(int Place, byte Code)> Entries()
    {
        for (var i = 0; i < _bits.Length; i++)
            for (var word = _bits[i]; word is not 0; word &= word - 1)
            {
                var place = (i << 6) + BitOperations.TrailingZeroCount(word);
                yield return (place, _isUniform ? _common : _codes[place]);
            }
    }

    /// <summary>The encoded block; null if there are no entries.</summary>
    public byte[]? ToBlock()
    {
        if (_count is 0) return null;

        var outliers = Outliers();
        var runs = Runs();
        var (form, bytes) = 2 * _count <= 4 * runs ? (Block.ArrayForm, 2 * _count) : (Block.RunsForm, 4 * runs);
        if (bytes > Block.BitmapBytes) (form, bytes) = (Block.BitmapForm, Block.BitmapBytes);

        var block = GC.AllocateUninitializedArray<byte>(Block.HeaderBytes + bytes + (3 * outliers));
        (block[0], block[1], block[6], block[7]) = (form, _common, 0, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(2), (ushort)_count);
        BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(4), (ushort)outliers);
        SaveEntries(form, MemoryMarshal.Cast<byte, ushort>(block.AsSpan(Block.HeaderBytes, bytes)));
        if (outliers > 0) SaveOutliers(block.AsSpan(Block.HeaderBytes + bytes));
        return block;
    }

    private void LoadEntries(byte form, ReadOnlySpan<ushort> entries)
    {
        if (form is Block.BitmapForm) MemoryMarshal.Cast<ushort, ulong>(entries).CopyTo(_bits);
        else if (form is Block.ArrayForm)
            foreach (var place in entries) _bits[place >> 6] |= 1ul << place;
        else
            for (var i = 0; i < entries.Length; i += 2) Fill(entries[i], entries[i + 1]);
    }

    private void Fill(int first, int last)
    {
        var (from, to) = (first >> 6, last >> 6);
        var (head, tail) = (ulong.MaxValue << first, ulong.MaxValue >> (63 - (last & 63)));
        if (from == to)
        {
            _bits[from] |= head & tail;
            return;
        }

        _bits[from] |= head;
        _bits.AsSpan(from + 1, to - from - 1).Fill(ulong.MaxValue);
        _bits[to] |= tail;
    }

    private void Spread()
    {
        Array.Fill(_codes, _common);
        _isUniform = false;
    }

    // Makes the most frequent code the common code, the lowest if several are equal; returns the number of the other
    // entries.
    private int Outliers()
    {
        if (_isUniform) return 0;

        Span<int> counts = stackalloc int[256];
        counts.Clear();
        for (var i = 0; i < _bits.Length; i++)
            for (var word = _bits[i]; word is not 0; word &= word - 1) counts[
                _codes[(i << 6) + BitOperations.TrailingZeroCount(word)]]++;
        for (var code = 1; code < 256; code++)
            if (counts[code] > counts[_common] || (counts[code] == counts[_common] && code < _common)) _common =
                (byte)code;
        return _count - counts[_common];
    }

    private int Runs()
    {
        var (runs, carry) = (0, 0ul);
        foreach (var word in _bits)
        {
            runs += BitOperations.PopCount(word & ~((word << 1) | carry));
            carry = word >> 63;
        }

        return runs;
    }

    private void SaveEntries(byte form, Span<ushort> to)
    {
        if (form is Block.BitmapForm)
        {
            _bits.CopyTo(MemoryMarshal.Cast<ushort, ulong>(to));
            return;
        }

        var at = 0;
        if (form is Block.ArrayForm)
        {
            for (var i = 0; i < _bits.Length; i++)
                for (var word = _bits[i]; word is not 0; word &= word - 1) to[at++] =
                    (ushort)((i << 6) + BitOperations.TrailingZeroCount(word));
            return;
        }

        for (var first = Next(0, set: true); first < Block.Places;)
        {
            var after = Next(first, set: false);
            (to[at], to[at + 1]) = ((ushort)first, (ushort)(after - 1));
            at += 2;
            first = Next(after, set: true);
        }
    }

    // The first place from here on that has an entry (set), or has none.
    private int Next(int place, bool set)
    {
        while (place < Block.Places)
        {
            var word = (set ? _bits[place >> 6] : ~_bits[place >> 6]) >> place;
            if (word is not 0) return place + BitOperations.TrailingZeroCount(word);

            place = (place | 63) + 1;
        }

        return Block.Places;
    }

    private void SaveOutliers(Span<byte> to)
    {
        var count = to.Length / 3;
        var places = MemoryMarshal.Cast<byte, ushort>(to[..(2 * count)]);
        var codes = to[(2 * count)..];
        var at = 0;
        for (var i = 0; i < _bits.Length; i++)
            for (var word = _bits[i]; word is not 0; word &= word - 1)
            {
                var place = (i << 6) + BitOperations.TrailingZeroCount(word);
                if (_codes[place] == _common) continue;

                (places[at], codes[at]) = ((ushort)place, _codes[place]);
                at++;
            }
    }
}
