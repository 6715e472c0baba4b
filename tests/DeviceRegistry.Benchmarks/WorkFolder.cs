namespace DeviceRegistry.Benchmarks;

/// <summary>A folder for as long as something works in it: gone after everything that wrote there has ended.</summary>
internal static class WorkFolder
{
    public static async Task WithAsync(Func<string, Task> work)
    {
        var folder = Directory.CreateTempSubdirectory("drb").FullName;
        try
        {
            await work(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
