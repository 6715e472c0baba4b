using System.Net;
using DeviceRegistry.Server.Standard;

namespace DeviceRegistry.Server.Demo;

/// <summary>The text printed when the demo is up, for a first-time user.</summary>
internal static class DemoBanner
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Waits until the server is ready, then prints what to try. Prints it after a timeout too, with what is
    /// missing.</summary>
    public static async Task PrintAsync(WebApplication app, IReadOnlyDictionary<string, IPEndPoint> addresses,
        ServerOptions options, CancellationToken ct)
    {
        var readiness = app.Services.GetRequiredService<Readiness>();
        for (var waited = TimeSpan.Zero; readiness.Missing().Any()
            && waited < ReadyTimeout; waited += PollInterval) await Task.Delay(PollInterval, TimeProvider.System, ct);
        var missing = string.Join(", ", readiness.Missing());
        Console.WriteLine(
            $"""

            The Device Registry is {(missing.Length is 0 ? "up" : $"not ready yet ({missing})")}: {string.Join(", ",
                addresses.Select(d => $"{d.Key} on {options.Listen}:{d.Value.Port}"))}.
            Everything it keeps is in {Path.GetFullPath(options.State)}. Try, in another terminal:
              deploy/dreg --help
              deploy/dreg whoami --as regulator-a
              deploy/dreg check IMEI --as operator-a          (14 or 15 digits: dial *#06# for your own)
              deploy/run.sh --tour
            Ctrl-C stops the server and its database.
            """);
    }
}
