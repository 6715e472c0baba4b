using System.Buffers.Binary;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Attach;

/// <summary>The node's own copy of the journal, so that it answers after a restart even while the centre is away.</summary>
/// <remarks>File: the 8 bytes "DRFEED01", then for each entry its length (4, little-endian) and its bytes. Appended without fsync: a lost or
/// torn end is cut off and fetched again. The keeper verifies the chain while it reads, so an altered entry ends the trusted part.</remarks>
internal sealed class FeedLog : IDisposable
{
    private static readonly byte[] Magic = "DRFEED01"u8.ToArray();
    private readonly FileStream _file;
    private readonly string _knownAtPath;

    public FeedLog(string folder)
    {
        Directory.CreateDirectory(folder);
        _knownAtPath = Path.Combine(folder, "known-at");
        _file = new FileStream(Path.Combine(folder, "feed.log"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 1024 * 1024);
    }

    /// <summary>Reads the entries that <paramref name="trust"/> accepts, in order, and cuts off the file after the last of them.</summary>
    public void Load(Func<JournalEntry, bool> trust)
    {
        var header = new byte[Magic.Length];
        _file.Position = 0;
        var end = _file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length && header.AsSpan().SequenceEqual(Magic) ? Magic.Length : 0L;
        if (end > 0)
            while (TryRead(out var entry) && trust(entry)) end = _file.Position;

        _file.SetLength(end);
        _file.Position = end;
        if (end is 0) _file.Write(Magic);
        _file.Flush();
    }

    /// <summary>Appends entries that were verified.</summary>
    public void Append(IEnumerable<JournalEntry> entries)
    {
        Span<byte> length = stackalloc byte[4];
        foreach (var entry in entries)
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, entry.CalculateSize());
            _file.Write(length);
            entry.WriteTo(_file);
        }

        _file.Flush();
    }

    /// <summary>Remembers until when the node knew everything: a quiet journal must not make a restarted node look stale.</summary>
    public void RememberKnownAt(long knownAtMs)
    {
        var beside = _knownAtPath + ".new";
        File.WriteAllText(beside, knownAtMs.ToString(System.Globalization.CultureInfo.InvariantCulture));
        File.Move(beside, _knownAtPath, overwrite: true);
    }

    /// <summary>What was remembered; 0: nothing, or nothing readable.</summary>
    public long RecallKnownAt() => File.Exists(_knownAtPath) && long.TryParse(File.ReadAllText(_knownAtPath), out var at) && at > 0 ? at : 0;

    public void Dispose() => _file.Dispose();

    private bool TryRead(out JournalEntry entry)
    {
        entry = new JournalEntry();
        Span<byte> prefix = stackalloc byte[4];
        if (_file.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length) return false;

        var length = BinaryPrimitives.ReadInt32LittleEndian(prefix);
        if (length is <= 0 or > Limits.EntryBytesMax || length > _file.Length - _file.Position) return false;

        var bytes = new byte[length];
        _file.ReadExactly(bytes);
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
