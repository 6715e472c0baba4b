namespace DeviceRegistry.Cli;

/// <summary>Written beside and renamed: a file is whole or not there.</summary>
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
