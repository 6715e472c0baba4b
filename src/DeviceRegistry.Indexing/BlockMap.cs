namespace DeviceRegistry.Indexing;

/// <summary>Numbers of blocks to blocks: an open-addressing table that is replaced whole when it grows. One writer; readers take no lock.</summary>
internal sealed class BlockMap
{
    // A slot is taken once and keeps its key; its block is replaced. Invariant: at most 7 of 8 slots are taken, so a search ends.
    private Slot[] _slots = new Slot[8];
    private int _taken;

    /// <summary>Code of a place of a block; 0: none.</summary>
    public byte CodeOf(ulong number, int place) => Find(Volatile.Read(ref _slots), number) is { } block ? Block.CodeOf(block, place) : (byte)0;

    /// <summary>A block; null: it has no entry.</summary>
    public byte[]? BlockOf(ulong number) => Find(_slots, number);

    /// <summary>Writer only: replaces a block.</summary>
    public void Put(ulong number, byte[]? block)
    {
        if (8 * (_taken + 1L) > 7L * _slots.Length) Grow();
        Put(_slots, number, block);
    }

    /// <summary>Writer only: all blocks, by number.</summary>
    public void WriteTo(IndexWriter to)
    {
        var blocks = _slots.Where(s => s.Block is not null).OrderBy(s => s.Key).ToList();
        to.Count(blocks.Count);
        foreach (var slot in blocks)
        {
            to.Number(slot.Key - 1);
            to.Bytes(slot.Block);
        }
    }

    /// <summary>Blocks as they were written; returns how many entries they have.</summary>
    /// <param name="from">The bytes.</param>
    /// <param name="placesOf">How many places a block of this number may use; 0: there is no such block.</param>
    /// <param name="codeMost">The highest code.</param>
    public int ReadFrom(IndexReader from, Func<ulong, int> placesOf, byte codeMost)
    {
        var (entries, after) = (0L, 0ul);
        for (var left = from.Count(); left > 0; left--)
        {
            var number = from.Number();
            var block = from.Bytes(Block.BytesMax);
            IndexReader.Require(number >= after && placesOf(number) is var places and > 0 && Block.IsSound(block, places, codeMost));
            Put(number, block);
            entries += Block.CountOf(block);
            after = number + 1;
        }

        IndexReader.Require(entries <= int.MaxValue);
        return (int)entries;
    }

    private static byte[]? Find(Slot[] slots, ulong number)
    {
        for (var at = Start(slots, number); ; at = at + 1 == slots.Length ? 0 : at + 1)
        {
            var key = Volatile.Read(ref slots[at].Key);
            if (key == number + 1) return Volatile.Read(ref slots[at].Block);
            if (key is 0) return null;
        }
    }

    private void Put(Slot[] slots, ulong number, byte[]? block)
    {
        var at = Start(slots, number);
        while (slots[at].Key is not 0 && slots[at].Key != number + 1) at = at + 1 == slots.Length ? 0 : at + 1;

        Volatile.Write(ref slots[at].Block, block);
        if (slots[at].Key is not 0 || block is null) return;

        // The key last: who sees it sees its block.
        Volatile.Write(ref slots[at].Key, number + 1);
        _taken++;
    }

    // By a quarter, so that at least 7 of 10 slots are in use; blocks that lost their last entry are left behind.
    private void Grow()
    {
        var before = _slots;
        var slots = new Slot[before.Length + Math.Max(8, before.Length / 4)];
        _taken = 0;
        foreach (var slot in before)
            if (slot.Block is not null) Put(slots, slot.Key - 1, slot.Block);
        Volatile.Write(ref _slots, slots);
    }

    private static int Start(Slot[] slots, ulong number) => (int)Math.BigMul(Key.Hash(number), (ulong)slots.Length, out _);

    // Key: number of the block and 1; 0: free.
    private struct Slot
    {
        public ulong Key;
        public byte[]? Block;
    }
}
