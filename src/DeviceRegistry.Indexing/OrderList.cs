using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Immutable short lists of orders on one subject, sorted by number. Two nodes that learned of the orders in
/// different sequences therefore answer with the same order.</summary>
internal static class OrderList
{
    /// <summary>The list with one more order; the same list if it contains the number.</summary>
    public static OrderTerm[] With(OrderTerm[] orders, OrderTerm order)
    {
        var at = 0;
        while (at < orders.Length && orders[at].Number < order.Number) at++;
        return at < orders.Length && orders[at].Number == order.Number ? orders
            : [.. orders[..at], order, .. orders[at..]];
    }

    /// <summary>The list without an order.</summary>
    public static OrderTerm[] Without(OrderTerm[] orders, ulong number) =>
        Array.Exists(orders, o => o.Number == number) ? Array.FindAll(orders, o => o.Number != number) : orders;
}
