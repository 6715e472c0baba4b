using System.Buffers.Binary;
using System.Security.Cryptography;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing.Snapshots;

/// <summary>What a snapshot file says of itself: of which point of which history it is, and what the state there
/// was.</summary>
/// <remarks>
/// <code>
/// file   = header ‖ digest of the header ‖ block ‖ … ‖ the last block
/// header = "DRSNAP" ‖ version (2) ‖ position (8) ‖ epoch (4) ‖ at, µs since 1970 (8) ‖ hash (32) ‖ state digest (32) ‖
/// known at, ms since 1970 (8) block  = length (4; its top bit set in the last one) ‖ bytes ‖ SHA-256(digest before ‖
/// length ‖ bytes)
/// </code>
/// Numbers are little-endian. Each digest covers all that came before it, as in the journal, so that the last one is
/// that of the whole file: a bit that was flipped anywhere, a block that is missing, out of its order or of another
/// file, and an end that came too early or too late are all found, and the file can be checked while it is read, once.
/// </remarks>
/// <param name="Position">Newest entry of the journal that is in it.</param>
/// <param name="Epoch">Epoch of that entry.</param>
/// <param name="AtUs">Its time, µs since 1970.</param>
/// <param name="Hash">Its hash, 32 bytes.</param>
/// <param name="State">Digest of the state there, 32 bytes.</param>
/// <param name="KnownAtMs">Until when whoever wrote it knew everything there was, ms since 1970; 0: it never
/// did.</param>
public sealed record SnapshotHeader(ulong Position, uint Epoch, long AtUs, byte[] Hash, byte[] State, long KnownAtMs)
{
    /// <summary>The one version there is. A file of another is refused: whoever has it builds a new one from the
    /// journal, or asks the registrar for one.</summary>
    public const ushort Version = 1;

    /// <summary>Bytes of a header without its digest.</summary>
    public const int Size = 6 + 2 + 8 + 4 + 8 + JournalHash.Size + StateDigest.Size + 8;

    /// <summary>Bytes in a block, at most: what is held in memory of a file while it is written or read.</summary>
    public const int BlockBytesMax = 1024 * 1024;

    /// <summary>The top bit of the length of the last block.</summary>
    internal const uint LastBlock = 0x8000_0000;

    private static ReadOnlySpan<byte> Magic => "DRSNAP"u8;

    /// <summary>Its bytes, without the digest.</summary>
    internal byte[] ToBytes()
    {
        var bytes = new byte[Size];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(6), Version);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Position);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16), Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(20), AtUs);
        Hash.CopyTo(bytes.AsSpan(28, JournalHash.Size));
        State.CopyTo(bytes.AsSpan(60, StateDigest.Size));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(92), KnownAtMs);
        return bytes;
    }

    /// <summary>Reads one whose digest is right.</summary>
    /// <exception cref="InvalidDataException">It is none of a snapshot, or of another version.</exception>
    internal static SnapshotHeader Parse(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> digest)
    {
        if (!bytes[..6].SequenceEqual(Magic)) throw new InvalidDataException("it is no snapshot");
        if (BinaryPrimitives.ReadUInt16LittleEndian(
            bytes[6..]) is var version and not Version) throw new InvalidDataException(
            $"it is of version {version}, and this program knows {Version}");
        if (!digest.SequenceEqual(SHA256.HashData(bytes))) throw new InvalidDataException("its header was altered");

        return new SnapshotHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[20..]),
            bytes.Slice(28, JournalHash.Size).ToArray(), bytes.Slice(60, StateDigest.Size).ToArray(),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[92..]));
    }
}
