using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Orders on serial ranges of one TAC. The TAC is split into pieces, each with the orders that cover all of
/// it. Immutable; a change returns a new instance. A lookup is a binary search; ranges may overlap, because a piece
/// lists every order on it.</summary>
internal sealed class RangeOrders
{
    // Piece i contains the serials from _firsts[i] to before _firsts[i + 1]; the last piece ends with the TAC.
    // Invariant: _firsts[0] is 0, _firsts rises, and adjacent pieces have different orders.
    private readonly int[] _firsts;
    private readonly OrderTerm[][] _orders;

    private RangeOrders(int[] firsts, OrderTerm[][] orders) => (_firsts, _orders) = (firsts, orders);

    public static RangeOrders None { get; } = new([0], [[]]);

    public bool IsEmpty => _firsts.Length is 1 && _orders[0].Length is 0;

    /// <summary>The orders on an IMEI of the TAC.</summary>
    public ReadOnlySpan<OrderTerm> On(Imei imei) => _orders[PieceOf(SerialOf(imei))];

    /// <summary>A copy with an order on a range.</summary>
    public RangeOrders With(SerialRange range, OrderTerm order)
    {
        var (first, after) = (SerialOf(range.First), SerialOf(range.Last) + 1);
        var cuts = after < SerialRange.SerialsOfTac ? _firsts.Append(first).Append(after) : _firsts.Append(first);
        return Of(cuts.Distinct().Order().Select(at => (at, Before: _orders[PieceOf(at)]))
            .Select(p => (p.at, first <= p.at && p.at < after ? OrderList.With(p.Before, order) : p.Before)));
    }

    /// <summary>A copy without an order.</summary>
    public RangeOrders Without(ulong orderNumber) =>
        Of(_firsts.Select((at, i) => (at, OrderList.Without(_orders[i], orderNumber))));

    private static RangeOrders Of(IEnumerable<(int First, OrderTerm[] Orders)> pieces)
    {
        var kept = new List<(int First, OrderTerm[] Orders)>();
        foreach (var piece in pieces)
            if (kept.Count is 0 || !kept[^1].Orders.AsSpan().SequenceEqual(piece.Orders)) kept.Add(piece);
        return new RangeOrders([.. kept.Select(p => p.First)], [.. kept.Select(p => p.Orders)]);
    }

    private int PieceOf(int serial)
    {
        var at = Array.BinarySearch(_firsts, serial);
        return at >= 0 ? at : ~at - 1;
    }

    private static int SerialOf(Imei imei) => (int)(imei.Value % SerialRange.SerialsOfTac);
}
