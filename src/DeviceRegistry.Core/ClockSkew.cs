namespace DeviceRegistry.Core;

/// <summary>How far one clock is ahead of another, as bounds proven by an exchange of messages, ms: a message is never
/// received before it is sent. No assumption is made about the delay of either direction, so a slow line widens the
/// bounds and never shifts both.</summary>
public sealed record ClockSkew(long LowMs, long HighMs)
{
    public long AheadMs => (LowMs + HighMs) / 2;

    /// <summary>Largest distance of the true skew from <see cref="AheadMs"/>.</summary>
    public long ErrorMs => (HighMs - LowMs + 1) / 2;

    /// <summary>From the smallest and largest possible skew, rounded outwards; null if they contradict each other,
    /// because a clock was set in between.</summary>
    public static ClockSkew? Between(TimeSpan least, TimeSpan most) =>
        most < least ? null : new((long)Math.Floor(least.TotalMilliseconds),
            (long)Math.Ceiling(most.TotalMilliseconds));

    /// <summary>Whether the skew certainly exceeds the limit.</summary>
    public bool IsBeyond(long limitMs) => LowMs > limitMs || HighMs < -limitMs;

    /// <summary>Whether the skew is certainly within the limit.</summary>
    public bool IsWithin(long limitMs) => LowMs >= -limitMs && HighMs <= limitMs;
}
