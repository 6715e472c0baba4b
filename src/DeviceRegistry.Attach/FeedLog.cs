using System.Buffers.Binary;
using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Attach;

/// <summary>The node's own copy of the journal, so that it answers after a restart even while the centre is away.</summary>
/// <remarks>File: the 8 bytes "DRFEED01", then for each entry its length (4, little-endian) and its bytes. A torn or altered end is cut off and
/// fetched again: the keeper verifies the chain while it reads. What cannot be written is kept and tried again with the next entry, so
/// the file never has a hole.</remarks>
internal sealed class FeedLog : IDisposable
{
    private static readonly byte[] Magic = "DRFEED01"u8.ToArray();
    private readonly FileStream _file;
    private readonly string _knownAtPath;

    // What the disk would not take yet. Emptied, and the copy left behind for good, when it grows over its limit.
    private readonly List<JournalEntry> _unwritten = [];
    private bool _leftBehind;

    // Invariant: everything before it is whole entries of one chain.
    private long _end;

    /// <summary>Opens the copy for this process alone.</summary>
    public FeedLog(string folder)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _knownAtPath = Path.Combine(folder, "known-at");
        _file = new FileStream(Path.Combine(folder, "feed.log"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
    }

    /// <summary>Reads the entries that <paramref name="trust"/> accepts, in order, and cuts off the file after the last of them.</summary>
    public void Load(Func<JournalEntry, bool> trust)
    {
        _end = Read(trust);
        _file.SetLength(_end);
        if (_end is 0)
        {
            RandomAccess.Write(_file.SafeFileHandle, Magic, 0);
            _end = Magic.Length;
        }
    }

    /// <summary>Reads entries from the first one on as long as <paramref name="take"/> takes them, those that the disk did not take yet included;
    /// where the last one of the file that was taken ends.</summary>
    public long Read(Func<JournalEntry, bool> take)
    {
        // Not disposed of: it would close the file under it.
        var buffered = new BufferedStream(_file, 1024 * 1024);
        var header = new byte[Magic.Length];
        buffered.Position = 0;
        if (buffered.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length || !header.AsSpan().SequenceEqual(Magic)) return 0;

        var end = buffered.Position;
        while (TryRead(buffered, out var entry))
        {
            if (!take(entry)) return end;

            end = buffered.Position;
        }

        _unwritten.TrueForAll(e => take(e));
        return end;
    }

    /// <summary>Ends the copy where <see cref="Read"/> ended, and keeps what came after, as it was, under another name: entries that became void
    /// are evidence of what was answered.</summary>
    public void CutAt(long end, string keepAs)
    {
        using (var evidence = new FileStream($"{_file.Name}.{keepAs}", FileMode.Create, FileAccess.Write))
        {
            _file.Position = end;
            _file.CopyTo(evidence);
            evidence.Flush(flushToDisk: true);
        }

        _file.SetLength(end);
        _end = end;
        _unwritten.Clear();
        _leftBehind = false;
        _file.Flush(flushToDisk: true);
    }

    /// <summary>Appends entries that were verified. False: the disk did not take them; they are kept for the next time.</summary>
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

    /// <summary>Remembers that the node knew everything at a time, with a position: a quiet journal must not make a restarted node look stale,
    /// and a lost end must not make it look fresh. The copy is on the disk before this is.</summary>
    public void RememberKnownAt(ulong position, long knownAtMs)
    {
        if (_leftBehind || _unwritten.Count > 0) return;

        _file.Flush(flushToDisk: true);
        SyncPoints.Reached(SyncPoint.NodeFlushed);
        var beside = _knownAtPath + ".new";
        File.WriteAllText(beside, string.Create(CultureInfo.InvariantCulture, $"{position} {knownAtMs}"));
        SyncPoints.Reached(SyncPoint.NodeTimeWritten);
        File.Move(beside, _knownAtPath, overwrite: true);
    }

    /// <summary>The time remembered, if the copy reaches the position it was true at; otherwise, or if it lies ahead of now, 0.</summary>
    public long RecallKnownAt(ulong position, long nowMs)
    {
        if (!File.Exists(_knownAtPath) || File.ReadAllText(_knownAtPath).Split(' ') is not [var at, var ms]) return 0;

        return ulong.TryParse(at, CultureInfo.InvariantCulture, out var reached) && long.TryParse(ms, CultureInfo.InvariantCulture, out var knownAt)
            && position >= reached && knownAt > 0 && knownAt <= nowMs ? knownAt : 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

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

        // A write that fails in the middle leaves bytes after _end; the next one goes over them, and a restart cuts them off.
        RandomAccess.Write(_file.SafeFileHandle, bytes.GetBuffer().AsSpan(0, (int)bytes.Length), _end);
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
