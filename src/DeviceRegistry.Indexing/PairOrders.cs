using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Orders on one identity combined with certain subscribers. Immutable; a change returns a new
/// instance.</summary>
internal sealed class PairOrders
{
    // Invariant: sorted by subscriber; no list is empty.
    private readonly (ulong Subscriber, OrderTerm[] Orders)[] _all;

    private PairOrders(IEnumerable<(ulong Subscriber, OrderTerm[] Orders)> all) =>
        _all = [.. all.Where(o => o.Orders.Length > 0).OrderBy(o => o.Subscriber)];

    public static PairOrders None { get; } = new([]);

    public bool IsEmpty => _all.Length is 0;

    /// <summary>Orders on the identity with this subscriber; empty for 0 (not known).</summary>
    public ReadOnlySpan<OrderTerm> On(ulong subscriber) => OrdersOf(subscriber);

    /// <summary>A copy with an order on the identity and a subscriber.</summary>
    public PairOrders With(ulong subscriber, OrderTerm order) =>
        new([.. Others(subscriber), (subscriber, OrderList.With(OrdersOf(subscriber), order))]);

    /// <summary>A copy without an order on the identity and a subscriber.</summary>
    public PairOrders Without(ulong subscriber, ulong orderNumber) =>
        new([.. Others(subscriber), (subscriber, OrderList.Without(OrdersOf(subscriber), orderNumber))]);

    private IEnumerable<(ulong Subscriber, OrderTerm[] Orders)> Others(ulong subscriber) =>
        _all.Where(o => o.Subscriber != subscriber);

    private OrderTerm[] OrdersOf(ulong subscriber)
    {
        var (low, high) = (0, _all.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_all[middle].Subscriber == subscriber) return _all[middle].Orders;
            if (_all[middle].Subscriber < subscriber) low = middle + 1;
            else high = middle - 1;
        }

        return [];
    }
}
