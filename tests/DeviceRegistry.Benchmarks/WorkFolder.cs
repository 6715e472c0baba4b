namespace DeviceRegistry.Benchmarks;

/// <summary>A temporary folder that is deleted after every process that writes there has ended.</summary>
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
