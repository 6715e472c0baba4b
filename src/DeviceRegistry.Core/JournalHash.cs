using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DeviceRegistry.Core;

/// <summary>Fields of a journal entry that its hash covers in addition to the contents.</summary>
public readonly record struct JournalHeader(ulong Position, uint Epoch, long AtUs, int Kind, bool MustUnderstand,
    ulong Actor);

/// <summary>Hash chain of the journal: hash = SHA-256(previous ‖ header ‖ SHA-256(public) ‖ private digest).</summary>
/// <remarks>The header, big-endian: position 8 · epoch 4 · microseconds 8 · kind 4 · must understand 1 · actor 8 = 33
/// bytes. The SQL function <c>journal_append</c> hashes the same bytes; a test compares both.</remarks>
public static class JournalHash
{
    /// <summary>Bytes of a hash.</summary>
    public const int Size = SHA256.HashSizeInBytes;

    private const int HeaderSize = 33;

    /// <summary>The previous hash of position 1.</summary>
    public static byte[] Genesis => new byte[Size];

    public static byte[] Of(
        ReadOnlySpan<byte> previous, in JournalHeader header, ReadOnlySpan<byte> publicBytes,
        ReadOnlySpan<byte> privateDigest)
    {
        Span<byte> publicDigest = stackalloc byte[Size];
        SHA256.HashData(publicBytes, publicDigest);
        return OfDigests(previous, header, publicDigest, privateDigest);
    }

    /// <summary>Hash of an entry of which only the digest of the public bytes is known.</summary>
    public static byte[] OfDigests(
        ReadOnlySpan<byte> previous, in JournalHeader header, ReadOnlySpan<byte> publicDigest,
        ReadOnlySpan<byte> privateDigest)
    {
        Span<byte> buffer = stackalloc byte[Size + HeaderSize + Size + Size];
        previous.CopyTo(buffer);
        BinaryPrimitives.WriteUInt64BigEndian(buffer[Size..], header.Position);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[(Size + 8)..], header.Epoch);
        BinaryPrimitives.WriteInt64BigEndian(buffer[(Size + 12)..], header.AtUs);
        BinaryPrimitives.WriteInt32BigEndian(buffer[(Size + 20)..], header.Kind);
        buffer[Size + 24] = header.MustUnderstand ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt64BigEndian(buffer[(Size + 25)..], header.Actor);
        publicDigest.CopyTo(buffer[(Size + HeaderSize)..]);
        privateDigest.CopyTo(buffer[(Size + HeaderSize + Size)..]);
        return SHA256.HashData(buffer);
    }
}
