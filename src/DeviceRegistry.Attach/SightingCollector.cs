using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using CheckReason = DeviceRegistry.Core.CheckReason;
using Verdict = DeviceRegistry.Core.Verdict;

namespace DeviceRegistry.Attach;

/// <summary>What the doors saw since the last round: each identity once, with first, last and count. Takes bounded memory; what there is no room for is counted as lost.</summary>
public sealed class SightingCollector(TimeProvider time)
{
    private const int Stripes = 16;
    private readonly Stripe[] _stripes = [.. Enumerable.Range(0, Stripes).Select(_ => new Stripe())];
    private long _lost;

    /// <summary>Sightings there was no room for.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>A door answered. Refused attempts and emergencies are no sightings (DOMAIN 3, Triplet observation), nor is what has no IMEI at all.</summary>
    public void Saw(ReadOnlySpan<char> text, in Decision decision)
    {
        if (decision.Verdict is Verdict.Deny || decision.Reason is CheckReason.Emergency) return;

        var identity = EquipmentIdentity.Parse(text);
        if (identity.Kind is not (EquipmentKind.Imei or EquipmentKind.Malformed)) return;

        // The first 14 characters of an IMEI are its digits. A key becomes a string only when it is new: nothing is left for the collector by one that is known.
        Span<char> room = stackalloc char[EquipmentIdentity.TextMax];
        var key = identity.Kind is EquipmentKind.Imei ? text[..Imei.Length] : EquipmentIdentity.Normal(text, room);
        var stripe = _stripes[(uint)string.GetHashCode(key) % Stripes];
        if (!stripe.Add(key, time.GetUtcNow().ToUnixTimeMilliseconds())) Interlocked.Increment(ref _lost);
    }

    /// <summary>Takes what was seen, in segments of a size the registrar takes.</summary>
    public IEnumerable<SightingSegment> Take() => _stripes.SelectMany(s => s.Take()).Chunk(Limits.SightingsPerSegmentMax).Select(some => new SightingSegment { Sightings = { some } });

    private sealed class Stripe
    {
        private readonly Lock _lock = new();
        private Dictionary<string, Seen> _seen = new(StringComparer.Ordinal);

        public bool Add(ReadOnlySpan<char> key, long nowMs)
        {
            lock (_lock)
            {
                ref var seen = ref CollectionsMarshal.GetValueRefOrNullRef(_seen.GetAlternateLookup<ReadOnlySpan<char>>(), key);
                if (!Unsafe.IsNullRef(ref seen)) seen = new Seen(Math.Min(seen.FirstMs, nowMs), Math.Max(seen.LastMs, nowMs), seen.Count + 1);
                else if (_seen.Count < Limits.SightingsHeldMax / Stripes) _seen.Add(key.ToString(), new Seen(nowMs, nowMs, 1));
                else return false;
            }

            return true;
        }

        public IEnumerable<Sighting> Take()
        {
            Dictionary<string, Seen> taken;
            lock (_lock)
            {
                if (_seen.Count is 0) return [];

                (taken, _seen) = (_seen, new Dictionary<string, Seen>(StringComparer.Ordinal));
            }

            return taken.Select(s => new Sighting { Identity = s.Key, FirstSeenMs = s.Value.FirstMs, LastSeenMs = s.Value.LastMs, Count = s.Value.Count });
        }
    }

    private readonly record struct Seen(long FirstMs, long LastMs, ulong Count);
}
