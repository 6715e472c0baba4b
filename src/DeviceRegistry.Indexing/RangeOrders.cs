using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Orders on serial ranges of one TAC: the TAC cut into pieces, each with the orders on all of it. Never
/// changed; a change makes a new one. A look-up is a binary search; ranges overlap as they like, for a piece lists
/// every order on it.</summary>
internal sealed class RangeOrders
{
    // Piece i is the serials from _firsts[i] to before _firsts[i + 1], the last to the end of the TAC.
    // Invariant: _firsts[0] is 0, they rise, and no two neighbours have the same orders.
    private readonly int[] _firsts;
    private readonly OrderTerm[][] _orders;

    private RangeOrders(int[] firsts, OrderTerm[][] orders) => (_firsts, _orders) = (firsts, orders);

    /// <summary>No order.</summary>
    public static RangeOrders None { get; } = new([0], [[]]);

    /// <summary>Whether there is no order.</summary>
    public bool IsEmpty => _firsts.Length is 1 && _orders[0].Length is 0;

    /// <summary>The orders on an IMEI of the TAC.</summary>
    public ReadOnlySpan<OrderTerm> On(Imei imei) => _orders[PieceOf(SerialOf(imei))];

    /// <summary>With an order on a range.</summary>
    public RangeOrders With(SerialRange range, OrderTerm order)
    {
        var (first, after) = (SerialOf(range.First), SerialOf(range.Last) + 1);
        var cuts = after < SerialRange.SerialsOfTac ? _firsts.Append(first).Append(after) : _firsts.Append(first);
        return Of(cuts.Distinct().Order().Select(at => (at, Before: _orders[PieceOf(at)]))
            .Select(p => (p.at, first <= p.at && p.at < after ? OrderList.With(p.Before, order) : p.Before)));
    }

    /// <summary>Without an order, wherever it is.</summary>
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
