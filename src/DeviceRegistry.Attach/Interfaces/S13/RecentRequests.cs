using DeviceRegistry.Diameter;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Remembers answered requests, so that a request retransmitted after a failover (T bit, RFC 6733 §3) is
/// answered again but recorded as one sighting.</summary>
/// <remarks>A table of 65,536 slots, each with the newest request that hashes to it: 1 MB. At 250 requests a second it
/// covers four minutes, under the highest load seconds, and a client retransmits within seconds. Written without a
/// lock: of two simultaneous requests in one slot one is kept, at the cost of a sighting counted twice.</remarks>
internal sealed class RecentRequests(TimeProvider time)
{
    private const int Slots = 65_536;
    private static readonly long KeptSeconds = (long)TimeSpan.FromMinutes(4).TotalSeconds;
    private readonly ulong[] _keys = new ulong[Slots];
    private readonly long[] _seconds = new long[Slots];

    /// <summary>Whether this request is a retransmission of one answered in the last four minutes. Records the request
    /// as answered.</summary>
    public bool IsRepeated(in DiameterHeader header, ReadOnlySpan<byte> originHost)
    {
        var hash = default(HashCode);
        hash.AddBytes(originHost);
        var key = ((ulong)(uint)hash.ToHashCode() << 32) | header.EndToEnd;
        var slot = (uint)(key ^ (key >> 32)) % Slots;
        var now = time.GetTimestamp() / time.TimestampFrequency;
        var repeated = (header.Flags & CommandFlags.Retransmitted) != 0 && _keys[slot] == key
            && now - _seconds[slot] <= KeptSeconds;
        (_keys[slot], _seconds[slot]) = (key, now);
        return repeated;
    }
}
