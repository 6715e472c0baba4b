using System.Buffers.Binary;
using System.Security.Cryptography;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing.Snapshots;

/// <summary>Header of a snapshot file: journal position, history and state of the snapshot.</summary>
/// <remarks>
/// <code>
/// file   = header ‖ digest of the header ‖ block ‖ … ‖ the last block
/// header = "DRSNAP" ‖ version (2) ‖ position (8) ‖ epoch (4) ‖ at, µs since 1970 (8) ‖ hash (32) ‖ state digest (32)
///          ‖ known at, ms since 1970 (8)
/// block  = length (4; its top bit set in the last one) ‖ bytes ‖ SHA-256(previous digest ‖ length ‖ bytes)
/// </code>
/// Numbers are little-endian. Each digest covers everything before it, as in the journal, so the last digest covers the
/// whole file. It detects flipped bits, blocks that are missing, reordered or from another file, and an end that is too
/// early or too late. The file is verified while it is read, in one pass.
/// </remarks>
/// <param name="Position">Newest journal position in the snapshot.</param>
/// <param name="Epoch">Epoch of that entry.</param>
/// <param name="AtUs">Time of that entry, µs since 1970.</param>
/// <param name="Hash">Hash of that entry, 32 bytes.</param>
/// <param name="State">State digest at that position, 32 bytes.</param>
/// <param name="KnownAtMs">Last time when the writer had the whole journal, ms since 1970; 0: never.</param>
public sealed record SnapshotHeader(ulong Position, uint Epoch, long AtUs, byte[] Hash, byte[] State, long KnownAtMs)
{
    /// <summary>The only supported version. A file of another version is refused; its owner rebuilds it from the
    /// journal or downloads one from the registrar.</summary>
    public const ushort Version = 1;

    /// <summary>Size of a header in bytes without its digest.</summary>
    public const int Size = 6 + 2 + 8 + 4 + 8 + JournalHash.Size + StateDigest.Size + 8;

    /// <summary>Largest block in bytes: the part of a file held in memory while it is written or read.</summary>
    public const int BlockBytesMax = 1024 * 1024;

    /// <summary>Top bit of the length of the last block.</summary>
    internal const uint LastBlock = 0x8000_0000;

    private static ReadOnlySpan<byte> Magic => "DRSNAP"u8;

    /// <summary>The header without its digest.</summary>
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

    /// <summary>Parses a header and verifies its digest.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a snapshot header, or of another version, or the digest
    /// differs.</exception>
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
