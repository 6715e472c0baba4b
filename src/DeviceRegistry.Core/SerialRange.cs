namespace DeviceRegistry.Core;

/// <summary>IMEIs of one TAC between two serials, both inclusive, registered or not. They are never enumerated one by
/// one.</summary>
public readonly record struct SerialRange
{
    /// <summary>Number of serials of a TAC.</summary>
    public const int SerialsOfTac = 1_000_000;

    private SerialRange(Imei first, Imei last) => (First, Last) = (first, last);

    public Imei First { get; }

    /// <summary>Last IMEI, of the same TAC, inclusive.</summary>
    public Imei Last { get; }

    public Tac Tac => First.Tac;

    /// <summary>Number of IMEIs.</summary>
    public int Count => (int)(Last.Value - First.Value) + 1;

    /// <summary>Range from the numbers of two IMEIs; false if one is not an IMEI, if the TACs differ, or if the last
    /// precedes the first.</summary>
    public static bool TryFrom(ulong first, ulong last, out SerialRange range)
    {
        var valid = first <= last && last < Imei.Limit && first / SerialsOfTac == last / SerialsOfTac;
        range = valid ? new SerialRange(new Imei(first), new Imei(last)) : default;
        return valid;
    }

    /// <summary>The same IMEIs in the smallest number of ranges, in order; no range touches another.</summary>
    public static IReadOnlyList<SerialRange> Merged(IEnumerable<SerialRange> ranges)
    {
        var merged = new List<SerialRange>();
        foreach (var range in ranges.OrderBy(r => r.First.Value))
            if (merged.Count > 0 && merged[^1] is var before && before.Tac == range.Tac
                && range.First.Value <= before.Last.Value + 1)
                merged[^1] = new SerialRange(before.First, before.Last.Value < range.Last.Value ? range.Last
                    : before.Last);
            else merged.Add(range);
        return merged;
    }

    /// <summary>Masked like an IMEI.</summary>
    public override string ToString() => $"{Tac}: {Count} serials";
}
