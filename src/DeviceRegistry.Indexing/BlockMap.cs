namespace DeviceRegistry.Indexing;

/// <summary>Numbers of blocks to blocks: an open-addressing table that is replaced whole when it grows. One writer;
/// readers take no lock.</summary>
/// <remarks>A block that never had more than one entry, as of a handset from abroad whose neighbours never came, lies
/// in its slot:
/// <code>
/// head  [34 bits: number of the block and 1][2: 0][14: place][14: code]            one entry, or none with code 0
///       [34 bits: number of the block and 1][2: form][14: entries less one][14: 0]  the block says; this of it is
/// known before it is read
/// </code>
/// A slot that is free is 0.</remarks>
internal sealed class BlockMap
{
    /// <summary>Numbers of blocks are below this.</summary>
    public const ulong NumberLimit = (1ul << 34) - 1;

    private const int PlaceShift = 14;
    private const int FormShift = 28;
    private const int NumberShift = 30;
    private const ulong CodeMask = (1ul << PlaceShift) - 1;

    // A slot is taken once and keeps its number; what it has is replaced. Invariant: at most 2 of 3 slots are taken, so
    // a search ends, after 2 slots where there is something and
    // 5 where there is nothing, by expectation.
    private Slot[] _slots = new Slot[8];
    private int _taken;

    /// <summary>Code of a place of a block; 0: none.</summary>
    public byte CodeOf(ulong number, int place)
    {
        var slots = Volatile.Read(ref _slots);
        for (var at = Start(slots, number); ; at = Next(slots, at))
        {
            var head = Volatile.Read(ref slots[at].Head);
            if (head is 0) return 0;
            if (NumberOf(head) != number) continue;

            // The head before the block: where it leads to none, there was no entry at some moment in between, whatever
            // came since.
            if ((head & CodeMask) is not 0) return PlaceOf(head) == place ? (byte)head : (byte)0;
            return Volatile.Read(ref slots[at].Block) is { } block
                ? Block.CodeOf(block, place, (byte)(head >> FormShift & 3), PlaceOf(head) + 1) : (byte)0;
        }
    }

    /// <summary>Writer only: a block; null: it has no entry.</summary>
    public byte[]? BlockOf(ulong number) => BlockOf(_slots[Find(_slots, number)]);

    /// <summary>Writer only: replaces a block.</summary>
    public void Put(ulong number, byte[]? block)
    {
        if (3 * (_taken + 1L) > 2L * _slots.Length) Resize(_taken + (_taken / 4) + 8);

        ref var slot = ref _slots[Find(_slots, number)];
        if (slot.Head is 0)
        {
            if (block is null) return;

            _taken++;
        }

        if (slot.Block is null && block is not null && Block.IsSingle(block, out var place, out var code))
        {
            Volatile.Write(ref slot.Head, HeadOf(number, place, code));
            return;
        }

        // The block first: who sees a head that leads to it finds it.
        Volatile.Write(ref slot.Block, block);
        Volatile.Write(ref slot.Head, HeadOf(number, block));
    }

    /// <summary>Writer only: all blocks, in no order.</summary>
    public IEnumerable<(ulong Number, byte[] Block)> All() =>
        _slots.Where(HasEntries).Select(slot => (NumberOf(slot.Head), BlockOf(slot)!));

    /// <summary>Writer only: all blocks as they are now, to be written whenever, by number.</summary>
    public Action<IndexWriter> Capture()
    {
        Slot[] slots = [.. _slots];
        return to =>
        {
            Slot[] all = [.. slots.Where(HasEntries)];
            Array.Sort(all, (a, b) => a.Head.CompareTo(b.Head));
            to.Count(all.Length);
            foreach (var slot in all)
            {
                to.Number(NumberOf(slot.Head));
                to.Bytes(BlockOf(slot));
            }
        };
    }

    /// <summary>Blocks as they were written; returns how many entries they have.</summary>
    /// <param name="from">The bytes.</param>
    /// <param name="placesOf">How many places a block of this number may use; 0: there is no such block.</param>
    /// <param name="codeMost">The highest code.</param>
    public int ReadFrom(IndexReader from, Func<ulong, int> placesOf, byte codeMost)
    {
        var (entries, after) = (0L, 0ul);
        var room = new byte[Block.BytesMax];
        var all = new List<Slot>();
        for (var left = from.Count(); left > 0; left--)
        {
            var number = from.Number();
            var block = from.Bytes(room);
            IndexReader.Require(number >= after && placesOf(number) is var places and > 0
                && Block.IsSound(block, places, codeMost));
            all.Add(Block.IsSingle(block, out var place, out var code) ? new Slot { Head = HeadOf(number, place, code) }
                : new Slot { Head = HeadOf(number, block), Block = block.ToArray() });
            entries += Block.CountOf(block);
            after = number + 1;
        }

        IndexReader.Require(entries <= int.MaxValue);
        Fill(all, all.Count);
        return (int)entries;
    }

    private static byte[]? BlockOf(in Slot slot) =>
        (slot.Head & CodeMask) is 0 ? slot.Block : Block.Single(PlaceOf(slot.Head), (byte)slot.Head);

    // Blocks that lost their last entry are left behind.
    private void Resize(int blocks) => Fill(_slots.Where(HasEntries), blocks);

    // With room for so many blocks.
    private void Fill(IEnumerable<Slot> blocks, int count)
    {
        var slots = new Slot[Math.Max(8, (int)Math.Min(Array.MaxLength, (3L * count / 2) + 2))];
        _taken = 0;
        foreach (var slot in blocks)
        {
            slots[Find(slots, NumberOf(slot.Head))] = slot;
            _taken++;
        }

        Volatile.Write(ref _slots, slots);
    }

    // The slot of a block, or the free one where it would be.
    private static int Find(Slot[] slots, ulong number)
    {
        var at = Start(slots, number);
        while (slots[at].Head is not 0 && NumberOf(slots[at].Head) != number) at = Next(slots, at);
        return at;
    }

    private static int Start(Slot[] slots, ulong number) =>
        (int)Math.BigMul(Key.Hash(number), (ulong)slots.Length, out _);

    private static int Next(Slot[] slots, int at) => at + 1 == slots.Length ? 0 : at + 1;

    private static bool HasEntries(Slot slot) => slot.Block is not null || (slot.Head & CodeMask) is not 0;

    private static ulong HeadOf(ulong number, ReadOnlySpan<byte> block) =>
        block.IsEmpty ? HeadOf(number, 0, 0)
            : HeadOf(number, Block.CountOf(block) - 1, 0) | (ulong)block[0] << FormShift;

    private static ulong HeadOf(ulong number, int place, byte code) =>
        ((number + 1) << NumberShift) | ((ulong)place << PlaceShift) | code;

    private static ulong NumberOf(ulong head) => (head >> NumberShift) - 1;

    private static int PlaceOf(ulong head) => (int)(head >> PlaceShift) & (Block.Places - 1);

    private struct Slot
    {
        public ulong Head;
        public byte[]? Block;
    }
}
