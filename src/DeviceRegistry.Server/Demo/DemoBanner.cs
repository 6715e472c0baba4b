using System.Net;
using DeviceRegistry.Server.Standard;

namespace DeviceRegistry.Server.Demo;

/// <summary>The few lines a newcomer reads when the demo is up.</summary>
internal static class DemoBanner
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LookFor = TimeSpan.FromSeconds(30);

    /// <summary>Waits until the server is ready, then says what to try. Says so too if it is not ready in
    /// time.</summary>
    public static async Task SayAsync(WebApplication app, IReadOnlyDictionary<string, IPEndPoint> doors,
        ServerOptions options, CancellationToken ct)
    {
        var readiness = app.Services.GetRequiredService<Readiness>();
        for (var waited = TimeSpan.Zero; readiness.Missing().Any()
            && waited < LookFor; waited += LookEvery) await Task.Delay(LookEvery, TimeProvider.System, ct);
        var missing = string.Join(", ", readiness.Missing());
        Console.WriteLine(
            $"""

            The Device Registry is {(missing.Length is 0 ? "up" : $"not ready yet ({missing})")}: {string.Join(", ",
                doors.Select(d => $"{d.Key} on {options.Listen}:{d.Value.Port}"))}.
            Everything it keeps is in {Path.GetFullPath(options.State)}. Try, in another terminal:
              deploy/dreg --help
              deploy/dreg whoami --as regulator-a
              deploy/dreg check IMEI --as operator-a          (14 or 15 digits: dial *#06# for your own)
              deploy/run.sh --tour
            Ctrl-C stops the server and its database.
            """);
    }
}
