namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>How a peer is connected.</summary>
internal enum PeerTransport
{
    Tcp,
    Tls,
    Sctp,
}

/// <summary>Every connection, and which of them stands for which Origin-Host.</summary>
internal sealed class PeerTable
{
    private readonly Lock _lock = new();
    private readonly List<S13Peer> _all = [];
    private readonly Dictionary<string, S13Peer> _byHost = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Every connection of this moment.</summary>
    public S13Peer[] All()
    {
        lock (_lock) return [.. _all];
    }

    /// <summary>Takes a connection that has said nothing yet, if there is room. Who calls from an address that nobody
    /// named has little: the one that has waited longest gives way, so that whoever sits there in silence keeps nobody
    /// out.</summary>
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

    /// <summary>Makes a connection the one of its Origin-Host. False: there is another, and it answers. One that does
    /// not is let go, so that no MME that lost its connection without a word keeps itself out. Waits for the
    /// answer.</summary>
    public bool Admit(S13Peer newcomer, string host)
    {
        while (true)
        {
            S13Peer? old;
            lock (_lock)
            {
                if (!_byHost.TryGetValue(host, out old) || old == newcomer)
                {
                    _byHost[host] = newcomer;
                    return true;
                }
            }

            if (old.IsAlive()) return false;

            old.Close(S13DisconnectReason.Replaced);
            lock (_lock)
                if (_byHost.GetValueOrDefault(host) == old) _byHost.Remove(host);
        }
    }

    // Those too that are about to go: they have their place until they are gone.
    private void MakeRoom_NeedsLock()
    {
        var strangers = _all.Where(p => p is { IsConfiguredAddress: false, Rule: null }).ToList();
        foreach (var first in strangers.Take(strangers.Count - Limits.S13StrangersMax + 1)) first.Close(
            S13DisconnectReason.TooMany);
    }

    /// <summary>It is gone.</summary>
    public void Remove(S13Peer peer)
    {
        lock (_lock)
        {
            _all.Remove(peer);
            if (_byHost.GetValueOrDefault(peer.Host) == peer) _byHost.Remove(peer.Host);
        }
    }
}
