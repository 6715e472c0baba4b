namespace DeviceRegistry.Core;

/// <summary>IMEIs of one TAC from a serial to another, both meant (DOMAIN 3): registered or not, they are never written
/// out one by one.</summary>
public readonly record struct SerialRange
{
    /// <summary>Serials of a TAC.</summary>
    public const int SerialsOfTac = 1_000_000;

    private SerialRange(Imei first, Imei last) => (First, Last) = (first, last);

    /// <summary>First IMEI.</summary>
    public Imei First { get; }

    /// <summary>Last IMEI, of the same TAC.</summary>
    public Imei Last { get; }

    /// <summary>Their TAC.</summary>
    public Tac Tac => First.Tac;

    /// <summary>How many there are.</summary>
    public int Count => (int)(Last.Value - First.Value) + 1;

    /// <summary>Takes the numbers of two IMEIs; false where they are none, of two TACs, or the last is before the
    /// first.</summary>
    public static bool TryFrom(ulong first, ulong last, out SerialRange range)
    {
        var sound = first <= last && last < Imei.Limit && first / SerialsOfTac == last / SerialsOfTac;
        range = sound ? new SerialRange(new Imei(first), new Imei(last)) : default;
        return sound;
    }

    /// <summary>The same IMEIs in as few ranges as can be, in order, none touching another.</summary>
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

    /// <summary>Masked, as an IMEI is.</summary>
    public override string ToString() => $"{Tac}: {Count} serials";
}
