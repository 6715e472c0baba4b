using System.Collections.Concurrent;
using DeviceRegistry.Core;

namespace DeviceRegistry.Attach;

/// <summary>The first denial of each order by this node. The interfaces record denials; <see cref="DenialLog"/> takes
/// them.</summary>
/// <remarks>Order numbers are dense, so one bit for each order suffices: pages of 8 KB for 65,536 orders, allocated by
/// the feed thread when orders are armed. Recording allocates nothing and takes no lock: it reads one bit, and the
/// first denial by an order also sets the bit and one cell with interlocked writes.</remarks>
public sealed class FirstDenials
{
    private const int PageBits = 16;
    private const ulong Claimed = ulong.MaxValue;
    private readonly ConcurrentDictionary<ulong, int[]> _recorded = new();
    private readonly Cell[] _cells = new Cell[Limits.DenialsHeldMax];
    private uint _next;
    private long _stored;
    private long _taken;

    /// <summary>Allocates the page of an order. Feed thread only; call it before the order is in the index, since
    /// denials may follow at once.</summary>
    public void Reserve(ulong order) => ReservePage(order >> PageBits);

    /// <summary>Allocates one of <see cref="Pages"/>.</summary>
    public void ReservePage(ulong page)
    {
        if (!_recorded.ContainsKey(page)) _recorded[page] = new int[(1 << PageBits) / 32];
    }

    /// <summary>The allocated pages, for a snapshot. Feed thread only.</summary>
    public IReadOnlyCollection<ulong> Pages => [.. _recorded.Keys.Order()];

    /// <summary>Records an answer to a core node. Ignores ALLOW, also where the operator only observes.</summary>
    public void Record(in Decision decision, TimeProvider time)
    {
        if (decision.Verdict is not Verdict.Deny || decision.Order is 0
            || !_recorded.TryGetValue(decision.Order >> PageBits, out var page)) return;

        ref var word = ref page[(int)(decision.Order >> 5) & (page.Length - 1)];
        var bit = 1 << (int)(decision.Order & 31);
        if ((Volatile.Read(ref word) & bit) is not 0 || (Interlocked.Or(ref word, bit) & bit) is not 0) return;

        // If no cell is free, the next denial by this order counts as the first.
        if (!TryStore(decision.Order, time.GetUtcNow().ToUnixTimeMilliseconds())) Interlocked.And(ref word, ~bit);
    }

    /// <summary>Orders recorded since the last call, with the time in ms since 1970. <see cref="DenialLog"/>
    /// only.</summary>
    public List<(ulong Order, long AtMs)> Take()
    {
        var stored = Volatile.Read(ref _stored);
        if (stored == _taken) return [];

        _taken = stored;
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

    private bool TryStore(ulong order, long nowMs)
    {
        ref var cell = ref _cells[Interlocked.Increment(ref _next) % (uint)_cells.Length];
        if (Interlocked.CompareExchange(ref cell.Order, Claimed, 0) is not 0) return false;

        cell.AtMs = nowMs;
        Volatile.Write(ref cell.Order, order);
        Interlocked.Increment(ref _stored);
        return true;
    }

    // 0: free; Claimed: being written; otherwise the number of an order, and AtMs is valid.
    private struct Cell
    {
        public ulong Order;
        public long AtMs;
    }
}
