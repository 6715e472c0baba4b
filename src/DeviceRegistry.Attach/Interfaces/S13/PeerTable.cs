namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Transport of a connection.</summary>
internal enum PeerTransport
{
    Tcp,
    Tls,
    Sctp,
}

/// <summary>All connections, and the open connection of each Origin-Host. Thread-safe.</summary>
internal sealed class PeerTable
{
    private readonly Lock _lock = new();
    private readonly List<S13Peer> _all = [];
    private readonly Dictionary<string, S13Peer> _byHost = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>A copy of the list of connections.</summary>
    public S13Peer[] All()
    {
        lock (_lock) return [.. _all];
    }

    /// <summary>Adds a new connection, or returns false if there are too many. Connections from addresses in no rule
    /// share a few places; the oldest of them is closed, so that idle unknown peers block nobody.</summary>
    public bool TryAdd(S13Peer peer)
    {
        lock (_lock)
        {
            if (_all.Count >= Limits.S13ConnectionsMax) return false;

            if (!peer.IsConfiguredAddress) MakeRoom_NeedsLock();
            _all.Add(peer);
            return true;
        }
    }

    /// <summary>Makes a connection the one of its Origin-Host. Returns false if another connection of this host is
    /// alive. Closes the other one if it does not answer, so that an MME which lost its connection without a FIN is not
    /// locked out. Blocks until the other connection answers or its timeout ends.</summary>
    public bool Admit(S13Peer candidate, string host)
    {
        while (true)
        {
            S13Peer? old;
            lock (_lock)
            {
                if (!_byHost.TryGetValue(host, out old) || old == candidate)
                {
                    _byHost[host] = candidate;
                    return true;
                }
            }

            if (old.IsAlive()) return false;

            old.Close(S13DisconnectReason.Replaced);
            lock (_lock)
                if (_byHost.GetValueOrDefault(host) == old) _byHost.Remove(host);
        }
    }

    // Closing connections count until they are removed.
    private void MakeRoom_NeedsLock()
    {
        var unknown = _all.Where(p => p is { IsConfiguredAddress: false, Rule: null }).ToList();
        foreach (var oldest in unknown.Take(unknown.Count - Limits.S13UnknownPeersMax + 1)) oldest.Close(
            S13DisconnectReason.TooMany);
    }

    /// <summary>Removes a closed connection.</summary>
    public void Remove(S13Peer peer)
    {
        lock (_lock)
        {
            _all.Remove(peer);
            if (_byHost.GetValueOrDefault(peer.Host) == peer) _byHost.Remove(peer.Host);
        }
    }
}
