using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using CheckReason = DeviceRegistry.Core.CheckReason;
using Verdict = DeviceRegistry.Core.Verdict;

namespace DeviceRegistry.Attach;

/// <summary>Sightings since the last report: each identity once a day, with first time, last time and count. Uses
/// bounded memory; sightings beyond it count as dropped. Thread-safe.</summary>
/// <remarks>The interfaces add sightings to queues; the reporter counts them twenty times a second, outside the path of
/// a check.</remarks>
public sealed class SightingCollector
{
    private const long DayMs = 86_400_000;
    private readonly SightingQueue[] _queues =
        [.. Enumerable.Range(0, Limits.SightingQueues)
        .Select(_ => new SightingQueue(Limits.SightingsQueuedMax / Limits.SightingQueues))];
    private readonly Lock _lock = new();
    private readonly List<SightingSegment> _ended = [];
    private Dictionary<ulong, Seen> _imeis = [];
    private Dictionary<string, Seen> _texts = new(StringComparer.Ordinal);
    private long _day;
    private long _lost;

    /// <summary>Sightings dropped because a queue or the table was full.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Records an answer to a core node. A denied attempt, an emergency attach and a check without an IMEI are
    /// not sightings. Allocates nothing for an IMEI, and the text of any other identity.</summary>
    public void Record(EquipmentIdentity identity, ReadOnlySpan<char> text, in Decision decision, long nowMs)
    {
        if (decision.Verdict is Verdict.Deny || decision.Reason is CheckReason.Emergency
            || identity.Kind is not (EquipmentKind.Imei or EquipmentKind.Malformed)) return;

        // One queue for each core, as far as they suffice: two cores that write to one queue contend for its cache
        // line.
        var queue = _queues[Thread.GetCurrentProcessorId() & (_queues.Length - 1)];
        if (!queue.TryAdd(identity.Imei, identity.Kind is EquipmentKind.Imei ? null : EquipmentIdentity.Normal(text),
            nowMs)) Interlocked.Increment(ref _lost);
    }

    /// <summary>Takes all sightings, in segments within the registrar's limits, each of one day.</summary>
    public IEnumerable<SightingSegment> Take()
    {
        lock (_lock)
        {
            Count_NeedsLock();
            EndDay_NeedsLock();
            List<SightingSegment> taken = [.. _ended];
            _ended.Clear();
            return taken;
        }
    }

    /// <summary>Counts the queued sightings and frees the queues.</summary>
    public void Count()
    {
        lock (_lock) Count_NeedsLock();
    }

    // Counts at most one queue length, so that sightings added meanwhile are left for the next call.
    private void Count_NeedsLock()
    {
        foreach (var queue in _queues)
            for (var left = Limits.SightingsQueuedMax; left > 0
                && queue.TryTake(out var imei, out var text, out var atMs); left--)
            {
                if (atMs / DayMs != _day) EndDay_NeedsLock();
                _day = atMs / DayMs;
                if (!(text is null ? TryCount_NeedsLock(_imeis, imei.Value, atMs)
                    : TryCount_NeedsLock(_texts, text, atMs))) Interlocked.Increment(ref _lost);
            }
    }

    private bool TryCount_NeedsLock<TKey>(Dictionary<TKey, Seen> seen, TKey key, long atMs)
        where TKey : notnull
    {
        if (seen.TryGetValue(key, out var before)) seen[key] =
            new Seen(Math.Min(before.FirstMs, atMs), Math.Max(before.LastMs, atMs), before.Count + 1);
        else if (_imeis.Count + _texts.Count + _ended.Sum(s => s.Sightings.Count) < Limits.SightingsHeldMax) seen[key] =
            new Seen(atMs, atMs, 1);
        else return false;

        return true;
    }

    private void EndDay_NeedsLock()
    {
        static Sighting Of(string identity, Seen seen) =>
            new() { Identity = identity, FirstSeenMs = seen.FirstMs, LastSeenMs = seen.LastMs, Count = seen.Count };
        var seen = _imeis.Select(s => Of(new Imei(s.Key).Digits, s.Value))
            .Concat(_texts.Select(s => Of(s.Key, s.Value)));
        var (segment, bytes) = (new SightingSegment(), 0);
        foreach (var sighting in seen)
        {
            // Tag and length included: an identity of 64 characters makes a sighting five times as long as an IMEI
            // does.
            var size = 4 + sighting.CalculateSize();
            if (segment.Sightings.Count == Limits.SightingsPerSegmentMax || bytes + size > Limits.SegmentBytesMax)
            {
                _ended.Add(segment);
                (segment, bytes) = (new SightingSegment(), 0);
            }

            segment.Sightings.Add(sighting);
            bytes += size;
        }

        if (segment.Sightings.Count > 0) _ended.Add(segment);
        _imeis.Clear();
        _texts.Clear();
    }

    private readonly record struct Seen(long FirstMs, long LastMs, ulong Count);
}
