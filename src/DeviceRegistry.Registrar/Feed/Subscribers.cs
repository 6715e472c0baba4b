using System.Collections.Concurrent;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>Who follows the feed now, and how far each has been sent.</summary>
public sealed class Subscribers
{
    private readonly ConcurrentDictionary<Subscriber, ulong> _all = new();

    /// <summary>How many follow.</summary>
    public int Count => _all.Count;

    /// <summary>The position of the slowest; null: nobody follows.</summary>
    public ulong? Slowest => _all.Values.Cast<ulong?>().Min();

    /// <summary>One more follows; dispose of it when it no longer does.</summary>
    public Subscriber Join(ulong position)
    {
        var one = new Subscriber(this);
        one.Reached(position);
        return one;
    }

    /// <summary>One who follows.</summary>
    public sealed class Subscriber(Subscribers all) : IDisposable
    {
        /// <summary>It was sent everything up to here.</summary>
        public void Reached(ulong position) => all._all[this] = position;

        /// <inheritdoc/>
        public void Dispose() => all._all.TryRemove(this, out _);
    }
}
