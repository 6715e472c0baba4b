using System.Buffers.Binary;
using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Attach;

/// <summary>A position in the local journal: right after an entry, or at the start of a part.</summary>
/// <param name="Part">Journal position after which the part starts.</param>
/// <param name="Offset">Bytes of the part before the mark.</param>
internal readonly record struct LocalJournalMark(ulong Part, long Offset);

/// <summary>The node's own copy of the newest journal entries, so that it answers after a restart while the registrar
/// is unreachable.</summary>
/// <remarks>A part is a file feed-N.log: the entries after position N up to the start of the next part, which is the
/// position of a snapshot, so the journal is shortened by deleting files. Format: the 8 bytes "DRFEED01", then for each
/// entry its length (4 bytes, little-endian) and its bytes. An incomplete or altered end is cut off and fetched again,
/// because the chain is verified while it is read. Entries that cannot be written are kept in memory and written with
/// the next entry, so that a part never has a gap.</remarks>
internal sealed class LocalJournal : IDisposable
{
    private static readonly byte[] Magic = "DRFEED01"u8.ToArray();
    private readonly string _folder;
    private readonly string _knownAtPath;
    private readonly FileStream _lock;

    // Ascending. Invariant: each is a file, and _file is the last of them.
    private readonly List<ulong> _parts = [];
    private FileStream? _file;

    // Entries that the disk rejected. When they exceed their limit they are discarded, and writing stops until the next
    // part.
    private readonly List<JournalEntry> _pending = [];
    private bool _stalled;

    // Invariant: everything before it in _file is whole entries of one chain.
    private long _end;

    /// <summary>Opens the local journal with an exclusive lock.</summary>
    public LocalJournal(string folder)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        (_folder, _knownAtPath) = (folder, Path.Combine(folder, "known-at"));
        _lock = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite,
            FileShare.None, bufferSize: 0);

        foreach (var path in Directory.EnumerateFiles(folder, "feed-*.log"))
            if (ulong.TryParse(Path.GetFileNameWithoutExtension(path).AsSpan("feed-".Length), NumberStyles.None,
                CultureInfo.InvariantCulture, out var after)) _parts.Add(after);
        _parts.Sort();
    }

    /// <summary>Position after which the local journal starts.</summary>
    public ulong Begin => _parts.Count > 0 ? _parts[0] : 0;

    /// <summary>Reads the entries after a position in order until <paramref name="accept"/> returns false, cuts off the
    /// rest and continues there. If the local journal ends before the position, or starts after it, a new part starts
    /// there.</summary>
    public void Load(ulong after, Func<JournalEntry, bool> accept)
    {
        var reached = _parts.LastOrDefault(p => p <= after);
        if (_parts.Count > 0 && Begin <= after)
            Cut(Walk(after, entry =>
            {
                if (entry.Position > after && !accept(entry)) return false;

                reached = entry.Position;
                return true;
            }));
        if (_parts.Count is 0 || Begin > after) BeginAt(after, keepEarlier: false);
        else if (reached < after) BeginAt(after, keepEarlier: true);                    // a part never has a gap
    }

    /// <summary>Reads the entries after a position while <paramref name="take"/> returns true, including those not
    /// written yet. Returns where the last accepted entry in the files ends. The local journal must start at or before
    /// the position.</summary>
    public LocalJournalMark Read(ulong after, Func<JournalEntry, bool> take) =>
        Walk(after, entry => entry.Position <= after || take(entry));

    /// <summary>Copies the entries after a mark, unchanged, to a file: void entries are evidence of the answers
    /// given.</summary>
    public void SaveAs(string name, LocalJournalMark from = default)
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

    /// <summary>Cuts off everything after a mark.</summary>
    public void CutAt(LocalJournalMark end)
    {
        Cut(end);
        _file!.Flush(flushToDisk: true);
    }

    /// <summary>Appends verified entries. Returns false if the disk rejected them; they are kept for the next
    /// attempt.</summary>
    public bool TryAppend(IEnumerable<JournalEntry> entries, out string fault)
    {
        fault = "it fell behind earlier";
        if (_stalled) return false;

        _pending.AddRange(entries);
        try
        {
            Write();
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            fault = failure.Message;
            if (_pending.Sum(e => (long)e.CalculateSize()) <= Limits.UnwrittenBytesMax) return false;

            _stalled = true;
            _pending.Clear();
            return false;
        }
    }

    /// <summary>Whether every entry is written. True also when writing has stopped; starting a new part resumes
    /// it.</summary>
    public bool IsWritten => _pending.Count is 0;

    /// <summary>Starts a new part at the position of a snapshot.</summary>
    public void BeginPart(ulong position)
    {
        _file!.Flush(flushToDisk: true);
        BeginAt(position, keepEarlier: true);
    }

    /// <summary>Starts a new part and deletes all others, after a snapshot was installed.</summary>
    public void Restart(ulong position) => BeginAt(position, keepEarlier: false);

    /// <summary>Deletes the parts that end at or before a position: the oldest snapshot kept contains them.</summary>
    public void DropBefore(ulong position)
    {
        while (_parts.Count > 1 && _parts[1] <= position)
        {
            File.Delete(PathOf(_parts[0]));
            _parts.RemoveAt(0);
        }
    }

    /// <summary>Saves the time at which the node had the whole journal, with its position. Without it a restarted node
    /// would look stale after a quiet period; with the position, a lost end does not make it look fresh. Flushes the
    /// local journal first.</summary>
    public void SaveKnownAt(ulong position, long knownAtMs)
    {
        if (_stalled || _pending.Count > 0) return;

        _file!.Flush(flushToDisk: true);
        SyncPoints.Reached(SyncPoint.NodeFlushed);
        var temporary = _knownAtPath + ".new";
        File.WriteAllText(temporary, string.Create(CultureInfo.InvariantCulture, $"{position} {knownAtMs}"));
        SyncPoints.Reached(SyncPoint.NodeTimeWritten);
        File.Move(temporary, _knownAtPath, overwrite: true);
    }

    /// <summary>The saved time, if the local journal reaches its position and the time is not in the future; otherwise
    /// 0.</summary>
    public long LoadKnownAt(ulong position, long nowMs)
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

    // Starts with the part that contains the position.
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

        _pending.TrueForAll(e => take(e));
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

    // Writes continue in this part at this offset.
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
            // The disk has no room for the header: continue with the previous file.
            var begun = file.Length >= Magic.Length;
            file.Dispose();
            if (!begun) File.Delete(PathOf(part));
            throw;
        }

        _file?.Dispose();
        (_file, _end, _stalled) = (file, end, false);
        _pending.Clear();
    }

    private void Write()
    {
        if (_pending.Count is 0) return;

        using var bytes = new MemoryStream();
        Span<byte> length = stackalloc byte[4];
        foreach (var entry in _pending)
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, entry.CalculateSize());
            bytes.Write(length);
            entry.WriteTo(bytes);
        }

        // A failed write may leave bytes after _end; the next write overwrites them, and a restart cuts them off.
        RandomAccess.Write(_file!.SafeFileHandle, bytes.GetBuffer().AsSpan(0, (int)bytes.Length), _end);
        _end += bytes.Length;
        _pending.Clear();
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
