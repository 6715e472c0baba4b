using DeviceRegistry.Contracts.V1;
using Google.Protobuf.WellKnownTypes;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Converts the peers of the S13 listener to the ListPeers response.</summary>
internal static class PeerList
{
    /// <summary>Every rule with its connections; empty if S13 is disabled.</summary>
    public static ListPeersResponse Of(S13Listener? listener)
    {
        if (listener is null) return new ListPeersResponse();

        var connected = listener.Peers.All().ToLookup(p => p.Rule);
        return new ListPeersResponse
        {
            Open = true,
            OriginHost = listener.Settings.OriginHost,
            OriginRealm = listener.Settings.OriginRealm,
            Peers = { listener.Settings.Peers.Select(rule => PeerOf(listener.CountersOf(rule), connected[rule])) },
        };
    }

    private static DiameterPeer PeerOf(PeerCounters counters, IEnumerable<S13Peer> connections)
    {
        var answers = counters.Answers().ToDictionary(a => a.Answer, a => (ulong)a.Count);
        return new DiameterPeer
        {
            Name = counters.Name,
            Whitelisted = answers.GetValueOrDefault(S13Answer.Whitelisted),
            Greylisted = answers.GetValueOrDefault(S13Answer.Greylisted),
            Blacklisted = answers.GetValueOrDefault(S13Answer.Blacklisted),
            Unknown = answers.GetValueOrDefault(S13Answer.Unknown),
            Errors = { counters.Errors().Select(e =>
                new DiameterErrorCount { ResultCode = (uint)e.Code, Count = (ulong)e.Count }) },
            Connections = { connections.Select(ConnectionOf) },
        };
    }

    private static DiameterConnection ConnectionOf(S13Peer peer) => new()
    {
        OriginHost = peer.Host,
        OriginRealm = peer.Realm,
        Address = peer.Address.ToString(),
        Transport = peer.Transport switch
        {
            PeerTransport.Tls => DiameterTransport.Tls,
            PeerTransport.Sctp => DiameterTransport.Sctp,
            _ => DiameterTransport.Tcp,
        },
        State = !peer.IsOpen ? DiameterState.Closing : peer.IsSuspect ? DiameterState.Suspect : DiameterState.Open,
        ConnectedAt = peer.ConnectedAt.ToTimestamp(),
        IdleMs = (ulong)Math.Max(0, peer.IdleMs),
        Requests = (ulong)peer.Requests,
    };
}
