using System.Collections.Concurrent;
using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>By which orders the node has told the network to refuse a handset, each order once. The doors note, the log
/// takes.</summary>
/// <remarks>Order numbers are dense, so that a bit each does, in pages of 8 KB for 65,536 orders that the keeper lays
/// out as orders are armed. Noting allocates nothing and takes no lock: a look at a bit, and for the first refusal of
/// all one interlocked write of it and of a cell.</remarks>
public sealed class FirstDenials
{
    private const int PageBits = 16;
    private const ulong Claimed = ulong.MaxValue;
    private readonly ConcurrentDictionary<ulong, int[]> _noted = new();
    private readonly Cell[] _cells = new Cell[Limits.RefusalsHeldMax];
    private uint _next;
    private long _kept;
    private long _taken;

    /// <summary>Keeper only, before the order is in the index: handsets may be refused because of it.</summary>
    public void Expect(ulong order) => ExpectPage(order >> PageBits);

    /// <summary>The same for a page of <see cref="Pages"/>.</summary>
    public void ExpectPage(ulong page)
    {
        if (!_noted.ContainsKey(page)) _noted[page] = new int[(1 << PageBits) / 32];
    }

    /// <summary>Keeper only: the pages that are laid out, for a snapshot.</summary>
    public IReadOnlyCollection<ulong> Pages => [.. _noted.Keys.Order()];

    /// <summary>A door answered a core node. What was allowed because the operator observes is no refusal.</summary>
    public void Saw(in Decision decision, TimeProvider time)
    {
        if (decision.Verdict is not Verdict.Deny || decision.Order is 0
            || !_noted.TryGetValue(decision.Order >> PageBits, out var page)) return;

        ref var word = ref page[(int)(decision.Order >> 5) & (page.Length - 1)];
        var bit = 1 << (int)(decision.Order & 31);
        if ((Volatile.Read(ref word) & bit) is not 0 || (Interlocked.Or(ref word, bit) & bit) is not 0) return;

        // Without room for it, the next refusal by this order counts as its first.
        if (!TryKeep(decision.Order, time.GetUtcNow().ToUnixTimeMilliseconds())) Interlocked.And(ref word, ~bit);
    }

    /// <summary>The log only: the orders noted since it asked last, with the time, ms since 1970.</summary>
    public List<(ulong Order, long AtMs)> Take()
    {
        var kept = Volatile.Read(ref _kept);
        if (kept == _taken) return [];

        _taken = kept;
        var taken = new List<(ulong, long)>();
        for (var i = 0; i < _cells.Length; i++)
        {
            ref var cell = ref _cells[i];
            var order = Volatile.Read(ref cell.Order);
            if (order is 0 or Claimed) continue;

            taken.Add((order, cell.AtMs));
            Volatile.Write(ref cell.Order, 0);
        }

        return taken;
    }

    private bool TryKeep(ulong order, long nowMs)
    {
        ref var cell = ref _cells[Interlocked.Increment(ref _next) % (uint)_cells.Length];
        if (Interlocked.CompareExchange(ref cell.Order, Claimed, 0) is not 0) return false;

        cell.AtMs = nowMs;
        Volatile.Write(ref cell.Order, order);
        Interlocked.Increment(ref _kept);
        return true;
    }

    // 0: free; Claimed: being written; otherwise the number of an order, and the time beside it stands.
    private struct Cell
    {
        public ulong Order;
        public long AtMs;
    }
}
