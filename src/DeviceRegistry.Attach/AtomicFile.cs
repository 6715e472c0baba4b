namespace DeviceRegistry.Attach;

/// <summary>Replaces small files atomically: a reader sees the old content or the new one, never a part.</summary>
internal static class AtomicFile
{
    /// <summary>Writes a temporary file, flushes it to the disk and renames it.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="bytes">The new content.</param>
    /// <param name="mode">Access mode of the file; null: the default of the process.</param>
    public static void Write(string path, byte[] bytes, UnixFileMode? mode = null)
    {
        var temporary = path + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (mode is not null && !OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
        using (var file = new FileStream(temporary, options))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }
}
