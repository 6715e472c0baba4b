using System.Diagnostics;

#pragma warning disable CA1050, CA1515 // The runtime finds a startup hook by this name, in no namespace.

/// <summary>Loaded by the runtime into a server under test, before its main (DOTNET_STARTUP_HOOKS). Listens to the
/// server's sync points, notes each one that is reached and holds the process at the one it is told to. The server
/// knows nothing of it.</summary>
/// <remarks>Spoken to through a folder (SYNC_POINTS): "reached" takes a line a point while it exists; "hold" names the
/// point to hold at; "held" appears when it is reached, and it goes on when "hold" is taken away.</remarks>
internal static class StartupHook
{
    private static readonly string Folder = Environment.GetEnvironmentVariable("SYNC_POINTS") ?? "";
    private static readonly Lock Writing = new();

    /// <summary>Called by the runtime.</summary>
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
            return false;                                   // taken away in between
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
