namespace DeviceRegistry.Core;

/// <summary>A snapshot that may be given away, on the disk: made of public bytes of the journal alone.</summary>
/// <param name="Position">Newest position that is in it.</param>
/// <param name="Epoch">Epoch of that entry.</param>
/// <param name="Hash">Hash of that entry.</param>
/// <param name="State">Digest of the state there.</param>
/// <param name="Digest">Digest of the file.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="Path">Where it is; it may be deleted once there are newer ones.</param>
public sealed record PublishedSnapshot(ulong Position, uint Epoch, byte[] Hash, byte[] State, byte[] Digest, long Bytes,
    string Path);

/// <summary>The newest snapshots that may be given away: who makes them puts them here, who gives them takes them. One
/// writer, any readers.</summary>
public sealed class SnapshotCatalog
{
    private volatile PublishedSnapshot[] _newestFirst = [];

    /// <summary>The newest; null: there is none.</summary>
    public PublishedSnapshot? Newest => _newestFirst is [var newest, ..] ? newest : null;

    /// <summary>One by its digest; null: it is not kept.</summary>
    public PublishedSnapshot? Find(ReadOnlySpan<byte> digest)
    {
        foreach (var one in _newestFirst)
            if (digest.SequenceEqual(one.Digest)) return one;

        return null;
    }

    /// <summary>Writer only: a newer one. The one before it is kept for those who are in the middle of it.</summary>
    public void Put(PublishedSnapshot snapshot) => _newestFirst = [snapshot, .. _newestFirst.Take(1)];

    /// <summary>Writer only: the journal became another one.</summary>
    public void Clear() => _newestFirst = [];
}
