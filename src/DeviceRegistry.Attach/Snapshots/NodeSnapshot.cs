using System.Buffers.Binary;
using DeviceRegistry.Contracts;
using DeviceRegistry.Indexing;
using DeviceRegistry.Indexing.Snapshots;

namespace DeviceRegistry.Attach.Snapshots;

/// <summary>A node's whole state at one position, as bytes that no later entry changes: taken by the one writer between
/// two entries, put on the disk by somebody else.</summary>
/// <remarks>Body of the file: the pages in which first refusals are noted (their number, then each, 8 bytes
/// little-endian), then the index as it writes itself. Members and policy are what the journal said last of them, which
/// the index keeps.</remarks>
internal sealed class NodeSnapshot
{
    private readonly ulong[] _pages;
    private readonly Action<Stream> _index;

    private NodeSnapshot(SnapshotHeader header, ulong[] pages, Action<Stream> index) =>
        (Header, _pages, _index) = (header, pages, index);

    /// <summary>Of which point it is.</summary>
    public SnapshotHeader Header { get; }

    /// <summary>Writer only: the state as it is now. What never changes is shared with the state that goes
    /// on.</summary>
    public static NodeSnapshot Of(JournalVerifier replay)
    {
        var (node, end) = (replay.Node, replay.End);
        return new NodeSnapshot(new SnapshotHeader(end.Position, end.Epoch, end.AtUs, end.Hash,
            node.Index.Digest.ToBytes(), node.Index.KnownAtMs), [.. node.Refusals.Pages], node.Index.Capture());
    }

    /// <summary>Writes it as a snapshot file; the file's digest.</summary>
    public byte[] WriteTo(Stream file)
    {
        using var snapshot = new SnapshotWriteStream(file, Header);
        Write(snapshot, (ulong)_pages.Length);
        foreach (var page in _pages) Write(snapshot, page);
        _index(snapshot);
        return snapshot.Finish();
    }

    /// <summary>What a snapshot says, as a state to go on from, once the file is whole, and its digest.</summary>
    /// <exception cref="InvalidDataException">It is not sound.</exception>
    public static (JournalVerifier State, byte[] Digest) Read(Stream file, NodeState fresh)
    {
        using var snapshot = new SnapshotReadStream(file);
        var header = snapshot.Header;
        if (Number(snapshot) is var pages
            && pages > Limits.RefusalPagesMax) throw new InvalidDataException($"it claims {pages} pages of orders");

        for (var left = pages; left > 0; left--) fresh.Refusals.ExpectPage(Number(snapshot));
        var index = DeviceIndex.ReadFrom(snapshot);
        var digest = snapshot.RequireEnd();
        if (index.Position != header.Position || !index.Digest.ToBytes().AsSpan()
            .SequenceEqual(header.State)) throw new InvalidDataException(
            "its state is not the one that its header names");

        fresh.Begin(index);
        if (!new EntryApplier(fresh).TryRecall(index.Records)) throw new InvalidDataException(
            "it speaks of members or a policy that this version does not understand");

        return (new JournalVerifier(fresh, new ChainEnd(header.Position, header.Epoch, header.AtUs, header.Hash)),
            digest);
    }

    private static void Write(Stream to, ulong number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
        to.Write(bytes);
    }

    private static ulong Number(Stream from)
    {
        Span<byte> bytes = stackalloc byte[8];
        if (from.ReadAtLeast(bytes, bytes.Length,
            throwOnEndOfStream: false) < bytes.Length) throw new InvalidDataException("it ends too early");

        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }
}
