using System.Collections.Concurrent;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>The open subscriptions that follow the feed, and the position sent to each. Thread-safe.</summary>
public sealed class Subscribers
{
    private readonly ConcurrentDictionary<Subscriber, ulong> _all = new();

    /// <summary>Number of open subscriptions.</summary>
    public int Count => _all.Count;

    /// <summary>Position of the slowest subscriber; null if there is none.</summary>
    public ulong? Slowest => _all.Values.Cast<ulong?>().Min();

    /// <summary>Adds a subscription that has been sent everything up to <paramref name="position"/>. Dispose it to
    /// remove it.</summary>
    public Subscriber Add(ulong position)
    {
        var added = new Subscriber(this);
        added.SentThrough(position);
        return added;
    }

    /// <summary>An open subscription.</summary>
    public sealed class Subscriber(Subscribers all) : IDisposable
    {
        /// <summary>Records that the subscriber was sent everything up to <paramref name="position"/>.</summary>
        public void SentThrough(ulong position) => all._all[this] = position;

        /// <inheritdoc/>
        public void Dispose() => all._all.TryRemove(this, out _);
    }
}
