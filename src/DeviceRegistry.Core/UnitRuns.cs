namespace DeviceRegistry.Core;

/// <summary>State of a unit (proto/docs/state-machines.md). Numbers as on the wire. ACTIVE is RELEASED and seen by a
/// network.</summary>
public enum UnitState : short
{
    /// <summary>Registered.</summary>
    Declared = 1,

    /// <summary>Registered, but a network saw one of its IMEIs before.</summary>
    Quarantined = 2,

    /// <summary>Certified with its batch.</summary>
    Certified = 3,

    /// <summary>On the market.</summary>
    Released = 4,

    /// <summary>Recalled by its owner.</summary>
    Recalled = 5,

    /// <summary>Ended; its IMEIs are never used again.</summary>
    Retired = 6,
}

/// <summary>A range of units, both ends inclusive, by their number in the batch's file, from 1.</summary>
public readonly record struct UnitRange(int First, int Last)
{
    /// <summary>Number of units.</summary>
    public int Count => Last - First + 1;
}

/// <summary>Consecutive units of one state.</summary>
public readonly record struct UnitRun(int First, int Last, UnitState State);

/// <summary>States of a batch's units as runs: five million units of one state are one run, so that certifying or
/// releasing them changes one row. Immutable.</summary>
public sealed class UnitRuns
{
    // Invariant: in order, without gap or overlap from 1 to Units; adjacent runs differ in state.
    private readonly UnitRun[] _runs;

    private UnitRuns(List<UnitRun> runs) => _runs = Merged(runs);

    /// <summary>The runs, in order.</summary>
    public IReadOnlyList<UnitRun> All => _runs;

    /// <summary>Number of units.</summary>
    public int Units => _runs.Length is 0 ? 0 : _runs[^1].Last;

    /// <summary>All units in one state.</summary>
    public static UnitRuns Whole(int units, UnitState state) => new([new UnitRun(1, units, state)]);

    /// <summary>From stored runs: in order, from 1, without gap.</summary>
    public static UnitRuns Of(IEnumerable<UnitRun> kept)
    {
        var runs = kept.ToList();
        for (var i = 0; i < runs.Count; i++)
            if (runs[i].First != (i is 0 ? 1 : runs[i - 1].Last + 1) || runs[i].Last < runs[i].First)
                throw new InvalidOperationException(
                    $"The unit runs of a batch have a gap or overlap at unit {runs[i].First}.");
        return new UnitRuns(runs);
    }

    public UnitState StateOf(int unit) => _runs[IndexOf(unit)].State;

    /// <summary>Units in one of these states.</summary>
    public IReadOnlyList<UnitRange> In(params ReadOnlySpan<UnitState> states)
    {
        var found = new List<UnitRange>();
        foreach (var run in _runs)
            if (states.Contains(run.State)) found.Add(new UnitRange(run.First, run.Last));
        return Ranges(found);
    }

    /// <summary>The given units, split by state.</summary>
    public IEnumerable<UnitRun> Within(IReadOnlyList<UnitRange> units)
    {
        foreach (var range in units)
            for (var i = IndexOf(range.First); i < _runs.Length && _runs[i].First <= range.Last; i++)
                yield return new UnitRun(Math.Max(_runs[i].First, range.First), Math.Min(_runs[i].Last, range.Last),
                    _runs[i].State);
    }

    /// <summary>A copy in which the given units have another state.</summary>
    public UnitRuns With(IReadOnlyList<UnitRange> units, UnitState state)
    {
        var runs = new List<UnitRun>(_runs.Length + 2 * units.Count);
        var next = 1;
        foreach (var range in units)
        {
            Copy(next, range.First - 1);
            runs.Add(new UnitRun(range.First, range.Last, state));
            next = range.Last + 1;
        }

        Copy(next, Units);
        return new UnitRuns(runs);

        void Copy(int first, int last)
        {
            if (first <= last) runs.AddRange(Within([new UnitRange(first, last)]));
        }
    }

    /// <summary>Units in order, each once, as ranges.</summary>
    public static IReadOnlyList<UnitRange> Ranges(IEnumerable<UnitRange> units)
    {
        var merged = new List<UnitRange>();
        foreach (var range in units.OrderBy(r => r.First))
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1) merged[^1] =
                merged[^1] with { Last = Math.Max(merged[^1].Last, range.Last) };
            else merged.Add(range);
        return merged;
    }

    private int IndexOf(int unit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(unit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(unit, Units);
        var (low, high) = (0, _runs.Length - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_runs[middle].First <= unit) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    private static UnitRun[] Merged(List<UnitRun> runs)
    {
        var merged = new List<UnitRun>(runs.Count);
        foreach (var run in runs)
            if (merged.Count > 0 && merged[^1].State == run.State) merged[^1] = merged[^1] with { Last = run.Last };
            else merged.Add(run);
        return [.. merged];
    }
}
