namespace DeviceRegistry.Core;

/// <summary>How far one clock is ahead of another, as bounds that an exchange of messages proves, ms: a message is
/// never heard before it is sent. Nothing is assumed of how long either way takes, so that a slow line widens the
/// bounds and never moves both.</summary>
public sealed record ClockSkew(long LowMs, long HighMs)
{
    /// <summary>The middle of the bounds.</summary>
    public long AheadMs => (LowMs + HighMs) / 2;

    /// <summary>The clock is not further from the middle than this.</summary>
    public long ErrorMs => (HighMs - LowMs + 1) / 2;

    /// <summary>From the least and the most that it can be, rounded outwards; null where they contradict each other: a
    /// clock was set in between.</summary>
    public static ClockSkew? Between(TimeSpan least, TimeSpan most) =>
        most < least ? null : new((long)Math.Floor(least.TotalMilliseconds),
            (long)Math.Ceiling(most.TotalMilliseconds));

    /// <summary>It is certainly off by more.</summary>
    public bool IsBeyond(long limitMs) => LowMs > limitMs || HighMs < -limitMs;

    /// <summary>It is certainly not off by more.</summary>
    public bool IsWithin(long limitMs) => LowMs >= -limitMs && HighMs <= limitMs;
}
