using System.Runtime.InteropServices;

namespace DeviceRegistry.TestKit;

/// <summary>A disk of a few megabytes (tmpfs) that tests fill. Needs the right to mount: root, or a user namespace as
/// deploy/test.sh creates.</summary>
public sealed partial class SmallDisk : IDisposable
{
    private SmallDisk(string folder) => Folder = folder;

    /// <summary>Mount point.</summary>
    public string Folder { get; }

    private string Filler => Path.Combine(Folder, "filler");

    /// <summary>Mounts a disk of this size.</summary>
    public static SmallDisk OfMegabytes(int megabytes)
    {
        var folder = Directory.CreateTempSubdirectory("drd").FullName;
        if (Mount("tmpfs", folder, "tmpfs", 0, $"size={megabytes}m,mode=0777") is not 0)
            throw new InvalidOperationException(
                $"A small disk could not be mounted ({Marshal.GetLastPInvokeErrorMessage()}). This test needs root, " +
                $"or a kernel that lets users open a namespace (deploy/test.sh).");

        return new SmallDisk(folder);
    }

    /// <summary>Fills the disk completely.</summary>
    public void Fill()
    {
        using var file = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        foreach (var size in (int[])[64 * 1024, 1])
            try
            {
                var bytes = new byte[size];
                while (true) file.Write(bytes);
            }
            catch (IOException)
            {
                // Full at this block size.
            }
    }

    /// <summary>Frees the space again.</summary>
    public void Free() => File.Delete(Filler);

    /// <inheritdoc/>
    public void Dispose()
    {
        const int Detach = 2;
        _ = Unmount(Folder, Detach);
        Directory.Delete(Folder);
    }

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, nuint flags, string data);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);
}
