using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Orders on one subject: few, by number, never changed. So two nodes that learned of them in different ways
/// answer with the same one.</summary>
internal static class OrderList
{
    /// <summary>With one more; itself where it has one of that number.</summary>
    public static OrderTerm[] With(OrderTerm[] orders, OrderTerm order)
    {
        var at = 0;
        while (at < orders.Length && orders[at].Number < order.Number) at++;
        return at < orders.Length && orders[at].Number == order.Number ? orders
            : [.. orders[..at], order, .. orders[at..]];
    }

    /// <summary>Without the one of a number.</summary>
    public static OrderTerm[] Without(OrderTerm[] orders, ulong number) =>
        Array.Exists(orders, o => o.Number == number) ? Array.FindAll(orders, o => o.Number != number) : orders;
}
