namespace DeviceRegistry.Cli;

/// <summary>Writes a file under a temporary name and renames it: readers see the whole file or none.</summary>
internal static class AtomicFile
{
    public static async Task WriteAsync(FileInfo target, Func<Stream, Task> write)
    {
        var partial = $"{target.FullName}.partial";
        try
        {
            await using (var stream = File.Create(partial)) await write(stream);
            File.Move(partial, target.FullName, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }
}
