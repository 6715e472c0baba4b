using System.Buffers.Binary;
using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Attach;

/// <summary>A place in the copy: right after an entry, or where a part begins.</summary>
/// <param name="Part">Position after which the part begins.</param>
/// <param name="Offset">Bytes of it before the place.</param>
internal readonly record struct LocalJournalMark(ulong Part, long Offset);

/// <summary>The node's own copy of the journal's tail, so that it answers after a restart even while the centre is
/// away.</summary>
/// <remarks>A part is a file feed-N.log: the entries after position N up to where the next part begins, which is where
/// a snapshot was taken; so the copy is shortened by deleting files. File: the 8 bytes "DRFEED01", then for each entry
/// its length (4, little-endian) and its bytes. A torn or altered end is cut off and fetched again: the keeper verifies
/// the chain while it reads. What cannot be written is kept and tried again with the next entry, so that a part never
/// has a hole.</remarks>
internal sealed class LocalJournal : IDisposable
{
    private static readonly byte[] Magic = "DRFEED01"u8.ToArray();
    private readonly string _folder;
    private readonly string _knownAtPath;
    private readonly FileStream _lock;

    // Ascending. Invariant: each is a file, and _file is the last of them.
    private readonly List<ulong> _parts = [];
    private FileStream? _file;

    // What the disk would not take yet. Emptied, and the copy left behind until the next part, when it grows over its
    // limit.
    private readonly List<JournalEntry> _unwritten = [];
    private bool _leftBehind;

    // Invariant: everything before it in _file is whole entries of one chain.
    private long _end;

    /// <summary>Opens the copy for this process alone.</summary>
    public LocalJournal(string folder)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        (_folder, _knownAtPath) = (folder, Path.Combine(folder, "known-at"));
        _lock = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite,
            FileShare.None, bufferSize: 0);

        // What a version without snapshots kept is the part from the first entry on.
        var whole = Path.Combine(folder, "feed.log");
        if (File.Exists(whole)) File.Move(whole, PathOf(0), overwrite: true);
        foreach (var path in Directory.EnumerateFiles(folder, "feed-*.log"))
            if (ulong.TryParse(Path.GetFileNameWithoutExtension(path).AsSpan("feed-".Length), NumberStyles.None,
                CultureInfo.InvariantCulture, out var after)) _parts.Add(after);
        _parts.Sort();
    }

    /// <summary>Position after which the copy begins.</summary>
    public ulong Begin => _parts.Count > 0 ? _parts[0] : 0;

    /// <summary>Reads the entries after a position that <paramref name="trust"/> accepts, in order, cuts off what comes
    /// after the last of them, and goes on there. Whoever trusts a position that the copy does not reach, or begins
    /// after, begins it anew there.</summary>
    public void Load(ulong after, Func<JournalEntry, bool> trust)
    {
        var reached = _parts.LastOrDefault(p => p <= after);
        if (_parts.Count > 0 && Begin <= after)
            Cut(Walk(after, entry =>
            {
                if (entry.Position > after && !trust(entry)) return false;

                reached = entry.Position;
                return true;
            }));
        if (_parts.Count is 0 || Begin > after) BeginAt(after, keepEarlier: false);
        else if (reached < after) BeginAt(after, keepEarlier: true);                    // never a hole within a part
    }

    /// <summary>Reads the entries after a position as long as <paramref name="take"/> takes them, those that the disk
    /// did not take yet included; where the last one of the files that was taken ends. The copy must begin at or before
    /// it.</summary>
    public LocalJournalMark Read(ulong after, Func<JournalEntry, bool> take) =>
        Walk(after, entry => entry.Position <= after || take(entry));

    /// <summary>Keeps what comes after a place, as it is, under another name: entries that became void are evidence of
    /// what was answered.</summary>
    public void KeepAs(string name, LocalJournalMark from = default)
    {
        using var evidence = new FileStream(Path.Combine(_folder, name), FileMode.Create, FileAccess.Write);
        foreach (var part in _parts.Where(p => p >= from.Part))
        {
            using var file = Open(part);
            file.Position = part == from.Part ? from.Offset : 0;
            file.CopyTo(evidence);
        }

        evidence.Flush(flushToDisk: true);
    }

    /// <summary>Ends the copy at a place.</summary>
    public void CutAt(LocalJournalMark end)
    {
        Cut(end);
        _file!.Flush(flushToDisk: true);
    }

    /// <summary>Appends entries that were verified. False: the disk did not take them; they are kept for the next
    /// time.</summary>
    public bool TryAppend(IEnumerable<JournalEntry> entries, out string fault)
    {
        fault = "it fell behind earlier";
        if (_leftBehind) return false;

        _unwritten.AddRange(entries);
        try
        {
            Write();
            return true;
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            fault = wrong.Message;
            if (_unwritten.Sum(e => (long)e.CalculateSize()) <= Limits.UnwrittenBytesMax) return false;

            _leftBehind = true;
            _unwritten.Clear();
            return false;
        }
    }

    /// <summary>Nothing waits for the disk. A copy that was left behind for good has nothing that waits: a new part is
    /// its way back.</summary>
    public bool IsWritten => _unwritten.Count is 0;

    /// <summary>From here on a new part, since a snapshot of this position is taken.</summary>
    public void BeginPart(ulong position)
    {
        _file!.Flush(flushToDisk: true);
        BeginAt(position, keepEarlier: true);
    }

    /// <summary>From here on, and nothing that came before: a snapshot was taken over.</summary>
    public void BeginAnew(ulong position) => BeginAt(position, keepEarlier: false);

    /// <summary>Deletes the parts that end at or before a position: the oldest snapshot that is kept has
    /// them.</summary>
    public void DropBefore(ulong position)
    {
        while (_parts.Count > 1 && _parts[1] <= position)
        {
            File.Delete(PathOf(_parts[0]));
            _parts.RemoveAt(0);
        }
    }

    /// <summary>Remembers that the node knew everything at a time, with a position: a quiet journal must not make a
    /// restarted node look stale, and a lost end must not make it look fresh. The copy is on the disk before this
    /// is.</summary>
    public void RememberKnownAt(ulong position, long knownAtMs)
    {
        if (_leftBehind || _unwritten.Count > 0) return;

        _file!.Flush(flushToDisk: true);
        SyncPoints.Reached(SyncPoint.NodeFlushed);
        var beside = _knownAtPath + ".new";
        File.WriteAllText(beside, string.Create(CultureInfo.InvariantCulture, $"{position} {knownAtMs}"));
        SyncPoints.Reached(SyncPoint.NodeTimeWritten);
        File.Move(beside, _knownAtPath, overwrite: true);
    }

    /// <summary>The time remembered, if the copy reaches the position it was true at; otherwise, or if it lies ahead of
    /// now, 0.</summary>
    public long RecallKnownAt(ulong position, long nowMs)
    {
        if (!File.Exists(_knownAtPath) || File.ReadAllText(_knownAtPath).Split(' ') is not [var at, var ms]) return 0;

        return ulong.TryParse(at, CultureInfo.InvariantCulture, out var reached)
            && long.TryParse(ms, CultureInfo.InvariantCulture, out var knownAt)
            && position >= reached && knownAt > 0 && knownAt <= nowMs ? knownAt : 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file?.Dispose();
        _lock.Dispose();
    }

    private string PathOf(ulong part) =>
        Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"feed-{part}.log"));

    private FileStream Open(ulong part) =>
        new(PathOf(part), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);

    // From the part in which the position is.
    private LocalJournalMark Walk(ulong after, Func<JournalEntry, bool> take)
    {
        var begin = _parts.FindLastIndex(p => p <= after);
        var mark = new LocalJournalMark(_parts[begin], 0);
        foreach (var part in _parts[begin..])
        {
            using var file = new BufferedStream(Open(part), 1024 * 1024);
            var header = new byte[Magic.Length];
            if (file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length || !header.AsSpan()
                .SequenceEqual(Magic)) return mark;

            for (mark = new LocalJournalMark(part, file.Position); TryRead(file, out var entry); mark =
                new LocalJournalMark(part, file.Position))
                if (!take(entry)) return mark;
        }

        _unwritten.TrueForAll(e => take(e));
        return mark;
    }

    private void Cut(LocalJournalMark end)
    {
        foreach (var later in _parts.Where(p => p > end.Part)) File.Delete(PathOf(later));
        _parts.RemoveAll(p => p > end.Part);
        Continue(end.Part, Math.Max(end.Offset, Magic.Length));
    }

    private void BeginAt(ulong position, bool keepEarlier)
    {
        Continue(position, Magic.Length);
        foreach (var other in _parts.Where(p => p > position || (!keepEarlier && p < position))) File.Delete(
            PathOf(other));
        _parts.RemoveAll(p => p >= position || !keepEarlier);
        _parts.Add(position);
    }

    // Writes go on in this part, at this place.
    private void Continue(ulong part, long end)
    {
        var file = Open(part);
        try
        {
            if (file.Length < Magic.Length || end == Magic.Length) RandomAccess.Write(file.SafeFileHandle, Magic, 0);
            file.SetLength(end);
        }
        catch
        {
            // No room even for its first bytes: what was written to before is written to still.
            var begun = file.Length >= Magic.Length;
            file.Dispose();
            if (!begun) File.Delete(PathOf(part));
            throw;
        }

        _file?.Dispose();
        (_file, _end, _leftBehind) = (file, end, false);
        _unwritten.Clear();
    }

    private void Write()
    {
        if (_unwritten.Count is 0) return;

        using var bytes = new MemoryStream();
        Span<byte> length = stackalloc byte[4];
        foreach (var entry in _unwritten)
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, entry.CalculateSize());
            bytes.Write(length);
            entry.WriteTo(bytes);
        }

        // A write that fails in the middle leaves bytes after _end; the next one goes over them, and a restart cuts
        // them off.
        RandomAccess.Write(_file!.SafeFileHandle, bytes.GetBuffer().AsSpan(0, (int)bytes.Length), _end);
        _end += bytes.Length;
        _unwritten.Clear();
    }

    private static bool TryRead(Stream file, out JournalEntry entry)
    {
        entry = new JournalEntry();
        Span<byte> prefix = stackalloc byte[4];
        if (file.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length) return false;

        var length = BinaryPrimitives.ReadInt32LittleEndian(prefix);
        if (length is <= 0 or > Limits.FeedMessageBytesMax || length > file.Length - file.Position) return false;

        var bytes = new byte[length];
        file.ReadExactly(bytes);
        try
        {
            entry.MergeFrom(bytes);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            return false;
        }
    }
}
