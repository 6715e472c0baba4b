using System.Buffers.Binary;
using DeviceRegistry.Contracts;
using DeviceRegistry.Indexing;
using DeviceRegistry.Indexing.Snapshots;

namespace DeviceRegistry.Attach.Snapshots;

/// <summary>The whole state of a node at one position, which no later entry changes. The writer thread captures it
/// between two entries; another thread writes it to the disk.</summary>
/// <remarks>Body of the file: the number of pages of first denials, then each page number (8 bytes, little-endian),
/// then the serialized index. Members and policy are in the index, as the latest journal record of each.</remarks>
internal sealed class NodeSnapshot
{
    private readonly ulong[] _pages;
    private readonly Action<Stream> _index;

    private NodeSnapshot(SnapshotHeader header, ulong[] pages, Action<Stream> index) =>
        (Header, _pages, _index) = (header, pages, index);

    /// <summary>Position, epoch, hash and state digest of the snapshot.</summary>
    public SnapshotHeader Header { get; }

    /// <summary>Captures the current state. Immutable parts are shared with the live state. Writer thread
    /// only.</summary>
    public static NodeSnapshot Of(JournalVerifier verifier)
    {
        var (node, end) = (verifier.Node, verifier.End);
        return new NodeSnapshot(new SnapshotHeader(end.Position, end.Epoch, end.AtUs, end.Hash,
            node.Index.Digest.ToBytes(), node.Index.KnownAtMs), [.. node.Denials.Pages], node.Index.Capture());
    }

    /// <summary>Writes the snapshot file; returns its digest.</summary>
    public byte[] WriteTo(Stream file)
    {
        using var snapshot = new SnapshotWriteStream(file, Header);
        Write(snapshot, (ulong)_pages.Length);
        foreach (var page in _pages) Write(snapshot, page);
        _index(snapshot);
        return snapshot.Finish();
    }

    /// <summary>Reads a snapshot file up to its end and verifies its digest; returns the state and the
    /// digest.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or this version cannot read it.</exception>
    public static (JournalVerifier State, byte[] Digest) Read(Stream file, NodeState state)
    {
        using var snapshot = new SnapshotReadStream(file);
        var header = snapshot.Header;
        if (Number(snapshot) is var pages
            && pages > Limits.DenialPagesMax) throw new InvalidDataException($"it claims {pages} pages of orders");

        for (var left = pages; left > 0; left--) state.Denials.ReservePage(Number(snapshot));
        var index = DeviceIndex.ReadFrom(snapshot);
        var digest = snapshot.RequireEnd();
        if (index.Position != header.Position || !index.Digest.ToBytes().AsSpan()
            .SequenceEqual(header.State)) throw new InvalidDataException(
            "its state is not the one that its header names");

        state.Begin(index);
        if (!new EntryApplier(state).TryRestore(index.Records)) throw new InvalidDataException(
            "it speaks of members or a policy that this version does not understand");

        return (new JournalVerifier(state, new ChainEnd(header.Position, header.Epoch, header.AtUs, header.Hash)),
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
