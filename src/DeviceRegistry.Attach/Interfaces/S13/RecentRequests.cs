using DeviceRegistry.Diameter;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Remembers which requests were answered, so that one that is sent again after a failover (T bit, RFC 6733
/// §3) is answered again and not seen twice.</summary>
/// <remarks>A table of 65,536 places, each holding the newest request that fell on it: 1 MB. At 250 requests a second
/// it remembers four minutes, in a storm seconds, and a client sends again within seconds. Written without a lock: two
/// requests of one place at one time leave one of them, which costs a sighting counted twice at most.</remarks>
internal sealed class RecentRequests(TimeProvider time)
{
    private const int Places = 65_536;
    private static readonly long Kept = (long)TimeSpan.FromMinutes(4).TotalSeconds;
    private readonly ulong[] _keys = new ulong[Places];
    private readonly long[] _seconds = new long[Places];

    /// <summary>Whether this request was answered in the last four minutes and is sent again. From now on it
    /// was.</summary>
    public bool IsRepeated(in DiameterHeader header, ReadOnlySpan<byte> originHost)
    {
        var hash = default(HashCode);
        hash.AddBytes(originHost);
        var key = ((ulong)(uint)hash.ToHashCode() << 32) | header.EndToEnd;
        var place = (uint)(key ^ (key >> 32)) % Places;
        var now = time.GetTimestamp() / time.TimestampFrequency;
        var repeated = (header.Flags & CommandFlags.Retransmitted) != 0 && _keys[place] == key
            && now - _seconds[place] <= Kept;
        (_keys[place], _seconds[place]) = (key, now);
        return repeated;
    }
}
