using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Orders that bear on one identity with certain subscribers alone. Never changed; a change makes a new
/// one.</summary>
internal sealed class PairOrders
{
    // Invariant: rises by subscriber, and no list is empty.
    private readonly (ulong Subscriber, OrderTerm[] Orders)[] _all;

    private PairOrders(IEnumerable<(ulong Subscriber, OrderTerm[] Orders)> all) =>
        _all = [.. all.Where(o => o.Orders.Length > 0).OrderBy(o => o.Subscriber)];

    /// <summary>No order.</summary>
    public static PairOrders None { get; } = new([]);

    /// <summary>Whether there is no order.</summary>
    public bool IsEmpty => _all.Length is 0;

    /// <summary>Orders on it with this subscriber; 0: not known, so none.</summary>
    public ReadOnlySpan<OrderTerm> On(ulong subscriber) => OrdersOf(subscriber);

    /// <summary>With an order on it and a subscriber.</summary>
    public PairOrders With(ulong subscriber, OrderTerm order) =>
        new([.. Others(subscriber), (subscriber, OrderList.With(OrdersOf(subscriber), order))]);

    /// <summary>Without an order on it and a subscriber.</summary>
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
