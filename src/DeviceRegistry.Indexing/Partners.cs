using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>The subscribers that one identity has to do with: those it is paired with, and those with whom an order names it. Never changed; a change makes a new one.</summary>
internal sealed class Partners
{
    // Invariant: rises.
    private readonly ulong[] _paired;

    // Invariant: rises by subscriber, and no list is empty.
    private readonly (ulong Subscriber, OrderSpan[] Orders)[] _ordered;

    private Partners(ulong[] paired, (ulong Subscriber, OrderSpan[] Orders)[] ordered) => (_paired, _ordered) = (paired, ordered);

    /// <summary>Nobody.</summary>
    public static Partners None { get; } = new([], []);

    /// <summary>Whether there is nobody.</summary>
    public bool IsEmpty => _paired.Length is 0 && _ordered.Length is 0;

    /// <summary>Those it is paired with.</summary>
    public ReadOnlySpan<ulong> Paired => _paired;

    /// <summary>How it stands to a subscriber; 0: not known.</summary>
    public Pairing With(ulong subscriber) =>
        _paired.Length is 0 ? Pairing.None : Array.BinarySearch(_paired, subscriber) >= 0 ? Pairing.Paired : Pairing.Other;

    /// <summary>Orders on it with this subscriber.</summary>
    public ReadOnlySpan<OrderSpan> On(ulong subscriber)
    {
        var (low, high) = (0, _ordered.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_ordered[middle].Subscriber == subscriber) return _ordered[middle].Orders;
            if (_ordered[middle].Subscriber < subscriber) low = middle + 1;
            else high = middle - 1;
        }

        return [];
    }

    /// <summary>The same, paired with a subscriber too; itself if it was.</summary>
    public Partners Pair(ulong subscriber) => With(subscriber) is Pairing.Paired ? this : new Partners([.. _paired.Append(subscriber).Order()], _ordered);

    /// <summary>The same, paired with a subscriber no more; itself if it was not.</summary>
    public Partners Unpair(ulong subscriber) => With(subscriber) is Pairing.Paired ? new Partners(Array.FindAll(_paired, s => s != subscriber), _ordered) : this;

    /// <summary>With an order on it and a subscriber.</summary>
    public Partners Arm(ulong subscriber, OrderSpan order)
    {
        OrderSpan[] orders = [.. On(subscriber), order];
        return new Partners(_paired, [.. _ordered.Where(o => o.Subscriber != subscriber).Append((Subscriber: subscriber, Orders: orders)).OrderBy(o => o.Subscriber)]);
    }

    /// <summary>Without an order on it and a subscriber.</summary>
    public Partners Lift(ulong subscriber, ulong orderNumber)
    {
        OrderSpan[] orders = [.. On(subscriber).ToArray().Where(o => o.Number != orderNumber)];
        var others = _ordered.Where(o => o.Subscriber != subscriber);
        return new Partners(_paired, [.. orders.Length is 0 ? others : others.Append((Subscriber: subscriber, Orders: orders)).OrderBy(o => o.Subscriber)]);
    }
}
