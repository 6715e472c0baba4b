namespace DeviceRegistry.Registrar;

/// <summary>The registrar's clock. Instants are truncated to the millisecond, so that the value returned to a caller
/// equals the value read back from the database.</summary>
internal static class Clock
{
    public static DateTime Now(this TimeProvider time)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return new DateTime(now.Ticks - now.Ticks % TimeSpan.TicksPerMillisecond, DateTimeKind.Utc);
    }

    public static DateOnly Today(this TimeProvider time) => DateOnly.FromDateTime(time.Now());
}
