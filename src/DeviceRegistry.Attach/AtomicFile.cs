namespace DeviceRegistry.Attach;

/// <summary>Small files that are there whole, or as they were before.</summary>
internal static class AtomicFile
{
    /// <summary>Written beside, flushed, and then given its name.</summary>
    /// <param name="path">Its name.</param>
    /// <param name="bytes">What is in it.</param>
    /// <param name="mode">Who may do what with it; null: as the process has it for every file.</param>
    public static void Write(string path, byte[] bytes, UnixFileMode? mode = null)
    {
        var beside = path + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (mode is not null && !OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
        using (var file = new FileStream(beside, options))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(beside, path, overwrite: true);
    }
}
