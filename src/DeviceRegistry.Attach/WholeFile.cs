namespace DeviceRegistry.Attach;

/// <summary>Small files that are there whole, or as they were before.</summary>
internal static class WholeFile
{
    /// <summary>Written beside, flushed, and then given its name.</summary>
    public static void Write(string path, byte[] bytes)
    {
        var beside = path + ".new";
        using (var file = new FileStream(beside, FileMode.Create, FileAccess.Write))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(beside, path, overwrite: true);
    }
}
