using System.Globalization;
using DeviceRegistry.Core;
using DeviceRegistry.Indexing.Snapshots;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Snapshots;

/// <summary>A snapshot on the disk.</summary>
internal sealed record StoredSnapshot(ulong Position, string Path);

/// <summary>A snapshot that was read and is sound: the state to go on from, and the digest of the file.</summary>
internal sealed record ValidSnapshot(JournalVerifier State, byte[] Digest);

/// <summary>The snapshots of one state, in its own folder: the newest two. One writer.</summary>
/// <remarks>A file snapshot-POSITION; what has another name is not finished. Two, since the newest may be torn by its
/// disk, and since after a restore of the centre a point before it may be the one to go back to.</remarks>
internal sealed partial class SnapshotStore(string folder, TimeProvider time, ILogger log)
{
    private const string Prefix = "snapshot-";
    private const int Kept = 2;
    private readonly List<StoredSnapshot> _kept = Find(folder);
    private long _newestBytes;
    private TimeSpan _took;
    private long _endedAt = time.GetTimestamp();

    /// <summary>Those that are kept, oldest first.</summary>
    public IReadOnlyList<StoredSnapshot> All => _kept;

    /// <summary>Bytes of the newest one that was written or read.</summary>
    public long NewestBytes => _newestBytes;

    /// <summary>Whether the last write is long enough ago: writing takes a tenth of the time at most.</summary>
    public bool IsRested => time.GetElapsedTime(_endedAt) >= _took * Limits.SnapshotRest;

    /// <summary>Writer only: what else had to be done about the last one, since a moment of the clock, counts as
    /// writing.</summary>
    public void TookSince(long begun) => (_endedAt, _took) = (time.GetTimestamp(), time.GetElapsedTime(begun));

    /// <summary>The newest sound snapshot of a position up to <paramref name="most"/>, as a state to go on from; null:
    /// there is none. One that is not sound is deleted: the one before it and the journal say the same.</summary>
    public ValidSnapshot? Newest(Func<NodeState> fresh, ulong most = ulong.MaxValue)
    {
        for (var i = _kept.Count - 1; i >= 0; i--)
            if (_kept[i].Position <= most && TryRead(_kept[i], fresh()) is { } sound) return sound;

        return null;
    }

    /// <summary>Puts an image on the disk, beside the writer: written, flushed, and then given its name. The file's
    /// digest.</summary>
    public byte[] Write(NodeSnapshot image) => Write(image, PathOf(image.Header.Position));

    /// <summary>The same under a name of the caller's.</summary>
    public byte[] Write(NodeSnapshot image, string path)
    {
        var begun = time.GetTimestamp();
        var beside = Path.Combine(folder, "new-snapshot");
        try
        {
            byte[] digest;
            using (var file = new FileStream(beside, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                digest = image.WriteTo(file);
                file.Flush(flushToDisk: true);
                Interlocked.Exchange(ref _newestBytes, file.Length);
            }

            SyncPoints.Reached(SyncPoint.NodeSnapshotWritten);
            File.Move(beside, path, overwrite: true);
            SyncPoints.Reached(SyncPoint.NodeSnapshotNamed);
            return digest;
        }
        catch
        {
            File.Delete(beside);                            // half of it would only keep others from the room it takes
            throw;
        }
        finally
        {
            (_endedAt, _took) = (time.GetTimestamp(), time.GetElapsedTime(begun));
        }
    }

    /// <summary>Writer only: a snapshot of this position has its name. What is older than the newest two is
    /// deleted.</summary>
    public void Take(ulong position)
    {
        if (_kept.TrueForAll(k => k.Position != position)) _kept.Add(new StoredSnapshot(position, PathOf(position)));
        _kept.Sort((a, b) => a.Position.CompareTo(b.Position));
        while (_kept.Count > Kept) Delete(_kept[0]);
    }

    /// <summary>Writer only: a file that came from elsewhere, sound and flushed, is the newest, and the only
    /// one.</summary>
    public void TakeOver(string file, ulong position)
    {
        _newestBytes = new FileInfo(file).Length;
        File.Move(file, PathOf(position), overwrite: true);
        SyncPoints.Reached(SyncPoint.NodeSnapshotNamed);
        Take(position);
        foreach (var other in _kept.Where(k => k.Position != position).ToList()) Delete(other);
    }

    /// <summary>Writer only: those of a history that became void.</summary>
    public void DropAfter(ulong position)
    {
        foreach (var void_ in _kept.Where(k => k.Position > position).ToList()) Delete(void_);
    }

    private ValidSnapshot? TryRead(StoredSnapshot kept, NodeState fresh)
    {
        try
        {
            using var file = new FileStream(kept.Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            var (state, digest) = NodeSnapshot.Read(file, fresh);
            if (state.End.Position != kept.Position) throw new InvalidDataException(
                $"it is of position {state.End.Position}");

            _newestBytes = file.Length;
            return new ValidSnapshot(state, digest);
        }
        catch (Exception fault) when (fault is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            NotSound(log, kept.Position, fault.Message);
            if (fault is InvalidDataException) Delete(kept);
            return null;
        }
    }

    private void Delete(StoredSnapshot snapshot)
    {
        _kept.Remove(snapshot);
        File.Delete(snapshot.Path);
    }

    private string PathOf(ulong position) =>
        Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{position}"));

    private static List<StoredSnapshot> Find(string folder)
    {
        Directory.CreateDirectory(folder);
        var kept = new List<StoredSnapshot>();
        foreach (var path in Directory.EnumerateFiles(folder, Prefix + "*"))
            if (ulong.TryParse(Path.GetFileName(path).AsSpan(Prefix.Length), NumberStyles.None,
                CultureInfo.InvariantCulture, out var position)) kept.Add(new StoredSnapshot(position, path));
        kept.Sort((a, b) => a.Position.CompareTo(b.Position));
        return kept;
    }

    [LoggerMessage(EventId = 3040, Level = LogLevel.Warning,
        Message =
        "The snapshot of position {Position} is refused: {Why}. It is built anew from the one before it, the node's " +
        "copy and the feed.")]
    private static partial void NotSound(ILogger log, ulong position, string why);
}
