namespace DeviceRegistry.TestKit;

/// <summary>Holds a server at a named point of its code, through the startup hook it was started with.</summary>
public sealed class Breakpoint : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("drh").FullName;

    /// <summary>Environment variables that the server needs at its start.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["DOTNET_STARTUP_HOOKS"] = Path.Combine(AppContext.BaseDirectory, "DeviceRegistry.FaultHook.dll"),
        ["SYNC_POINTS"] = _folder,
    };

    /// <summary>Stops the server the next time it reaches the point.</summary>
    public void At(string point)
    {
        File.Delete(Path.Combine(_folder, "held"));
        var beside = Path.Combine(_folder, "hold.new");
        File.WriteAllText(beside, point);
        File.Move(beside, Path.Combine(_folder, "hold"), overwrite: true);
    }

    /// <summary>Returns when the server has stopped at the point. Throws what <paramref name="orEnded"/> throws if that
    /// task ends first. Work that a call started may continue after its answer.</summary>
    public async Task HeldAsync(Task orEnded, CancellationToken ct)
    {
        long? ended = null;
        while (!File.Exists(Path.Combine(_folder, "held")))
        {
            if (orEnded.IsCompleted)
            {
                await orEnded;
                if (TimeProvider.System.GetElapsedTime(
                    ended ??= TimeProvider.System.GetTimestamp()) > Patience.Event) throw new InvalidOperationException(
                    "The call ended without reaching the point.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, ct);
        }
    }

    /// <summary>Lets the server continue.</summary>
    public void Release() => File.Delete(Path.Combine(_folder, "hold"));

    /// <summary>Lets the server continue and deletes the folder.</summary>
    public void Dispose()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Every point reached while <paramref name="work"/> ran, in order.</summary>
    public async Task<IReadOnlyList<string>> ReachedDuringAsync(Func<Task> work)
    {
        var reached = Path.Combine(_folder, "reached");
        await File.WriteAllTextAsync(reached, "");
        await work();
        var points = await File.ReadAllLinesAsync(reached);
        File.Delete(reached);
        return points;
    }
}
