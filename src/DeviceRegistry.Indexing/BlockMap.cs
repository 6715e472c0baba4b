namespace DeviceRegistry.Indexing;

/// <summary>Map from block number to block: an open-addressing table that is replaced as a whole when it grows. One
/// writer; readers take no lock.</summary>
/// <remarks>A block that never had more than one entry, such as that of a single device from abroad, is stored in its
/// slot:
/// <code>
/// head  [34 bits: block number + 1][2: 0][14: place][14: code]          one entry; code 0: none
///       [34 bits: block number + 1][2: form][14: entries - 1][14: 0]    read the block; form and count are known first
/// </code>
/// A free slot is 0.</remarks>
internal sealed class BlockMap
{
    /// <summary>Block numbers are below this.</summary>
    public const ulong NumberLimit = (1ul << 34) - 1;

    private const int PlaceShift = 14;
    private const int FormShift = 28;
    private const int NumberShift = 30;
    private const ulong CodeMask = (1ul << PlaceShift) - 1;

    // A slot is assigned once and keeps its number; only its content is replaced. Invariant: at most 2 of 3 slots are
    // assigned, so a search ends, after 2 slots for a hit and 5 for a miss on average.
    private Slot[] _slots = new Slot[8];
    private int _taken;

    /// <summary>Code of a place in a block; 0 if there is no entry.</summary>
    public byte CodeOf(ulong number, int place)
    {
        var slots = Volatile.Read(ref _slots);
        for (var at = Start(slots, number); ; at = Next(slots, at))
        {
            var head = Volatile.Read(ref slots[at].Head);
            if (head is 0) return 0;
            if (NumberOf(head) != number) continue;

            // Read the slot head before the block reference: if the reference is null, the entry did not exist at some
            // point during this call, so "none" is a linearizable answer.
            if ((head & CodeMask) is not 0) return PlaceOf(head) == place ? (byte)head : (byte)0;
            return Volatile.Read(ref slots[at].Block) is { } block
                ? Block.CodeOf(block, place, (byte)(head >> FormShift & 3), PlaceOf(head) + 1) : (byte)0;
        }
    }

    /// <summary>Writer only: a block by its number; null if it has no entry.</summary>
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

        // Publish the block before the head: a reader that sees a head referring to the block must find the block.
        Volatile.Write(ref slot.Block, block);
        Volatile.Write(ref slot.Head, HeadOf(number, block));
    }

    /// <summary>Writer only: all blocks, unordered.</summary>
    public IEnumerable<(ulong Number, byte[] Block)> All() =>
        _slots.Where(HasEntries).Select(slot => (NumberOf(slot.Head), BlockOf(slot)!));

    /// <summary>Writer only: captures the current blocks; the returned action writes them in order of number, at any
    /// time and on any thread.</summary>
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

    /// <summary>Reads captured blocks; returns the number of entries.</summary>
    /// <param name="from">Source.</param>
    /// <param name="placesOf">Number of valid places of a block number; 0: no such block.</param>
    /// <param name="codeMax">The highest valid code.</param>
    public int ReadFrom(IndexReader from, Func<ulong, int> placesOf, byte codeMax)
    {
        var (entries, after) = (0L, 0ul);
        var buffer = new byte[Block.BytesMax];
        var all = new List<Slot>();
        for (var left = from.Count(); left > 0; left--)
        {
            var number = from.Number();
            var block = from.Bytes(buffer);
            IndexReader.Require(number >= after && placesOf(number) is var places and > 0
                && Block.IsValid(block, places, codeMax));
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

    // Drops blocks that have lost their last entry.
    private void Resize(int blocks) => Fill(_slots.Where(HasEntries), blocks);

    // Rebuilds the table for <c>count</c> blocks.
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

    // Index of the slot of a block, or of the free slot where it belongs.
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
