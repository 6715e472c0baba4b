using System.Diagnostics;

#pragma warning disable CA1050, CA1515 // The runtime finds a startup hook by this name, in no namespace.

/// <summary>The runtime loads this class into a server under test before its Main (DOTNET_STARTUP_HOOKS). It listens to
/// the server's sync points, records each one reached, and stops the process at a given point. The server has no
/// reference to it.</summary>
/// <remarks>Controlled through the folder in SYNC_POINTS: while the file "reached" exists, each reached point is
/// appended to it as a line; the file "hold" names the point to stop at; the file "held" appears when that point is
/// reached, and the process continues when "hold" is deleted.</remarks>
internal static class StartupHook
{
    private static readonly string Folder = Environment.GetEnvironmentVariable("SYNC_POINTS") ?? "";
    private static readonly Lock Writing = new();

    /// <summary>The entry point that the runtime calls.</summary>
    public static void Initialize()
    {
        if (Folder.Length > 0) DiagnosticListener.AllListeners.Subscribe(new Sources());
    }

    private static void Reached(string point)
    {
        var (reached, hold, held) = (Path.Combine(Folder, "reached"), Path.Combine(Folder, "hold"),
            Path.Combine(Folder, "held"));
        lock (Writing)
            if (File.Exists(reached)) File.AppendAllText(reached, point + "\n");

        if (!IsHeldAt(hold, point)) return;

        File.WriteAllText(held, point);
        using var tick = new ManualResetEventSlim();
        while (File.Exists(hold)) tick.Wait(5);
    }

    private static bool IsHeldAt(string hold, string point)
    {
        try
        {
            return File.Exists(hold) && File.ReadAllText(hold) == point;
        }
        catch (IOException)
        {
            return false;                                   // deleted meanwhile
        }
    }

    private sealed class Sources : IObserver<DiagnosticListener>
    {
        public void OnNext(DiagnosticListener value)
        {
            if (value.Name == "DeviceRegistry.SyncPoints") value.Subscribe(new Points());
        }

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }

    private sealed class Points : IObserver<KeyValuePair<string, object?>>
    {
        public void OnNext(KeyValuePair<string, object?> value) => Reached(value.Key);

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }
}
