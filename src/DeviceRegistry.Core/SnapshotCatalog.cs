namespace DeviceRegistry.Core;

/// <summary>A snapshot file that may be served: it contains public bytes of the journal only.</summary>
/// <param name="Position">Newest journal position in it.</param>
/// <param name="Epoch">Epoch of that entry.</param>
/// <param name="Hash">Hash of that entry.</param>
/// <param name="State">State digest at that position.</param>
/// <param name="Digest">Digest of the file.</param>
/// <param name="Bytes">Size in bytes.</param>
/// <param name="Path">Path of the file; the file may be deleted once there are newer snapshots.</param>
public sealed record PublishedSnapshot(ulong Position, uint Epoch, byte[] Hash, byte[] State, byte[] Digest, long Bytes,
    string Path);

/// <summary>The newest snapshots that may be served. One writer, any number of readers.</summary>
public sealed class SnapshotCatalog
{
    private volatile PublishedSnapshot[] _newestFirst = [];

    /// <summary>The newest snapshot; null if there is none.</summary>
    public PublishedSnapshot? Newest => _newestFirst is [var newest, ..] ? newest : null;

    /// <summary>A snapshot by its digest; null if it is not in the catalog.</summary>
    public PublishedSnapshot? Find(ReadOnlySpan<byte> digest)
    {
        foreach (var one in _newestFirst)
            if (digest.SequenceEqual(one.Digest)) return one;

        return null;
    }

    /// <summary>Writer only: publishes a newer snapshot. The previous one stays for downloads in progress.</summary>
    public void Put(PublishedSnapshot snapshot) => _newestFirst = [snapshot, .. _newestFirst.Take(1)];

    /// <summary>Writer only: removes all snapshots, because the journal was replaced by another history.</summary>
    public void Clear() => _newestFirst = [];
}
