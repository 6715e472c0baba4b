namespace DeviceRegistry.Registrar;

/// <summary>The registrar's clock: instants are kept to the millisecond, so that what is told at once is what is read
/// later.</summary>
internal static class Clock
{
    /// <summary>Now, UTC.</summary>
    public static DateTime Now(this TimeProvider time)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return new DateTime(now.Ticks - now.Ticks % TimeSpan.TicksPerMillisecond, DateTimeKind.Utc);
    }

    /// <summary>Today, UTC.</summary>
    public static DateOnly Today(this TimeProvider time) => DateOnly.FromDateTime(time.Now());
}
