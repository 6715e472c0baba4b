using System.Globalization;
using DeviceRegistry.Core;
using DeviceRegistry.Indexing.Snapshots;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Snapshots;

/// <summary>A snapshot file.</summary>
internal sealed record StoredSnapshot(ulong Position, string Path);

/// <summary>A snapshot that was read and is valid: its state, and the digest of the file.</summary>
internal sealed record ValidSnapshot(JournalVerifier State, byte[] Digest);

/// <summary>The newest two snapshots of one state, in a folder of their own. One writer.</summary>
/// <remarks>Files are named snapshot-POSITION; a file with another name is incomplete. Two are kept because the disk
/// may damage the newest, and because a restore of the registrar may require a position before it.</remarks>
internal sealed partial class SnapshotStore(string folder, TimeProvider time, ILogger log)
{
    private const string Prefix = "snapshot-";
    private const int Kept = 2;
    private readonly List<StoredSnapshot> _kept = Find(folder);
    private long _newestBytes;
    private TimeSpan _took;
    private long _endedAt = time.GetTimestamp();

    /// <summary>The stored snapshots, oldest first.</summary>
    public IReadOnlyList<StoredSnapshot> All => _kept;

    /// <summary>Bytes of the snapshot written or read last.</summary>
    public long NewestBytes => _newestBytes;

    /// <summary>Whether the pause after the last write is over: writing takes a tenth of the time at most.</summary>
    public bool IsRested => time.GetElapsedTime(_endedAt) >= _took * Limits.SnapshotPauseFactor;

    /// <summary>Counts everything since <paramref name="started"/>, a timestamp of the clock, as time of the last
    /// write. Writer thread only.</summary>
    public void CountWriteSince(long started) =>
        (_endedAt, _took) = (time.GetTimestamp(), time.GetElapsedTime(started));

    /// <summary>The newest valid snapshot at or before <paramref name="max"/>; null: none. A damaged file is deleted,
    /// because the snapshot before it and the journal contain the same state.</summary>
    public ValidSnapshot? Newest(Func<NodeState> fresh, ulong max = ulong.MaxValue)
    {
        for (var i = _kept.Count - 1; i >= 0; i--)
            if (_kept[i].Position <= max && TryRead(_kept[i], fresh()) is { } valid) return valid;

        return null;
    }

    /// <summary>Writes a snapshot under its position: temporary file, flush, rename. Runs on any thread. Returns the
    /// digest of the file.</summary>
    public byte[] Write(NodeSnapshot image) => Write(image, PathOf(image.Header.Position));

    /// <summary>Writes a snapshot to a path of the caller's choice.</summary>
    public byte[] Write(NodeSnapshot image, string path)
    {
        var started = time.GetTimestamp();
        var temporary = Path.Combine(folder, "new-snapshot");
        try
        {
            byte[] digest;
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None,
                bufferSize: 0))
            {
                digest = image.WriteTo(file);
                file.Flush(flushToDisk: true);
                Interlocked.Exchange(ref _newestBytes, file.Length);
            }

            SyncPoints.Reached(SyncPoint.NodeSnapshotWritten);
            File.Move(temporary, path, overwrite: true);
            SyncPoints.Reached(SyncPoint.NodeSnapshotNamed);
            return digest;
        }
        catch
        {
            File.Delete(temporary);                            // a partial file would only use up disk space
            throw;
        }
        finally
        {
            (_endedAt, _took) = (time.GetTimestamp(), time.GetElapsedTime(started));
        }
    }

    /// <summary>Adds a written snapshot to the list and deletes all but the newest two. Writer thread only.</summary>
    public void Register(ulong position)
    {
        if (_kept.TrueForAll(k => k.Position != position)) _kept.Add(new StoredSnapshot(position, PathOf(position)));
        _kept.Sort((a, b) => a.Position.CompareTo(b.Position));
        while (_kept.Count > Kept) Delete(_kept[0]);
    }

    /// <summary>Moves a downloaded file, verified and flushed, into the folder and deletes all other snapshots. Writer
    /// thread only.</summary>
    public void Install(string file, ulong position)
    {
        _newestBytes = new FileInfo(file).Length;
        File.Move(file, PathOf(position), overwrite: true);
        SyncPoints.Reached(SyncPoint.NodeSnapshotNamed);
        Register(position);
        foreach (var other in _kept.Where(k => k.Position != position).ToList()) Delete(other);
    }

    /// <summary>Deletes the snapshots after a position, whose history is void. Writer thread only.</summary>
    public void DeleteAfter(ulong position)
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
            InvalidSnapshot(log, kept.Position, fault.Message);
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
        Message = "Snapshot {Position} invalid: {Why}; using an older snapshot, the local journal and the feed")]
    private static partial void InvalidSnapshot(ILogger log, ulong position, string why);
}
