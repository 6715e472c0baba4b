namespace DeviceRegistry.TestKit;

/// <summary>Limits after which a test reports a hang. No test passes or fails by speed: each waits for an event, and
/// these limits, far above what a busy machine needs, only bound how long a hang takes.</summary>
public static class Patience
{
    /// <summary>Milliseconds for one test, for <c>[CancelAfter]</c>. deploy/test.sh ends a test process that reports
    /// nothing for longer than this.</summary>
    public const int TestMs = 900_000;

    /// <summary>Limit for one event: the start of a process, a state, an answer.</summary>
    public static readonly TimeSpan Event = TimeSpan.FromMinutes(5);

    /// <summary>The deadline of a call, which the call must not reach.</summary>
    public static DateTime Deadline => TimeProvider.System.GetUtcNow().UtcDateTime + Event;

    /// <summary>Runs an act that must be done before an instant a short time ahead. A busy machine may come too late;
    /// then the act runs again with twice the time.</summary>
    /// <param name="act">Takes the time ahead. Returns or throws anything where it came too late.</param>
    public static async Task<T> AheadAsync<T>(Func<DateTimeOffset, Task<T>> act)
    {
        for (var lead = TimeSpan.FromSeconds(2); ; lead *= 2)
        {
            // In whole milliseconds, the resolution of the registry.
            var instant = DateTimeOffset.FromUnixTimeMilliseconds(
                (TimeProvider.System.GetUtcNow() + lead).ToUnixTimeMilliseconds());
            try
            {
                var done = await act(instant);
                if (TimeProvider.System.GetUtcNow() < instant) return done;
            }
            catch (Exception) when (TimeProvider.System.GetUtcNow() >= instant && lead < Event)
            {
                // Too late: the registry rejected it.
            }
        }
    }
}
