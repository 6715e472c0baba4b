using System.IO.Compression;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Contracts;

/// <summary>Verifies the registry's snapshots, and packs their bytes for transport.</summary>
public static class SnapshotRules
{
    /// <summary>Largest number of file bytes in one chunk, before compression.</summary>
    public const int ChunkBytesMax = 1024 * 1024;

    private const string Kind = "snapshot";

    // The fastest compressing level: a higher one hardly shrinks bitmaps of serials, and the registrar compresses once
    // per download.
    private const int Quality = 1;
    private const int WindowBits = 22;

    public static SnapshotOffer Sign(SnapshotStatement statement, X509Certificate2 certificate)
    {
        var bytes = statement.ToByteString();
        return new SnapshotOffer
        {
            Statement = bytes, Certificate = ByteString.CopyFrom(certificate.RawData),
            Signature = RegistryKey.Sign(Kind, bytes, certificate)
        };
    }

    /// <summary>Whether the registry signed the offer; otherwise <paramref name="fault"/> contains the
    /// reason.</summary>
    public static bool IsSigned(SnapshotOffer offer, X509Certificate2 root, out SnapshotStatement statement,
        out string fault)
    {
        statement = new SnapshotStatement();
        fault = "";
        try
        {
            statement = SnapshotStatement.Parser.ParseFrom(offer.Statement);
            if (statement.Hash.Length != JournalHash.Size || statement.StateDigest.Length != StateDigest.Size
                || statement.Digest.Length != StateDigest.Size) fault = "its statement is not whole";
            else fault = RegistryKey.FaultOf(Kind, offer.Statement, offer.Certificate, offer.Signature, statement.AtUs,
                root);
        }
        catch (Exception unreadable) when (unreadable is InvalidProtocolBufferException or CryptographicException)
        {
            fault = "it cannot be read";
        }

        return fault.Length is 0;
    }

    /// <summary>Compresses a chunk of the file.</summary>
    public static SnapshotChunk Pack(ulong offset, ReadOnlySpan<byte> bytes)
    {
        var packed = new byte[BrotliEncoder.GetMaxCompressedLength(bytes.Length)];
        if (!BrotliEncoder.TryCompress(bytes, packed, out var written, Quality,
            WindowBits)) throw new InvalidOperationException(
            $"{bytes.Length} bytes were not compressed into {packed.Length}");

        return new SnapshotChunk
        {
            Offset = offset, Length = (uint)bytes.Length,
            Brotli = ByteString.CopyFrom(packed, 0, written)
        };
    }

    /// <summary>Decompresses a chunk that must begin at <paramref name="offset"/> into <paramref name="buffer"/> of
    /// <see cref="ChunkBytesMax"/>; false if the offset, the length or the data is wrong.</summary>
    public static bool TryUnpack(SnapshotChunk chunk, ulong offset, Span<byte> buffer, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (chunk.Offset != offset || chunk.Length is 0 or > ChunkBytesMax) return false;
        if (!BrotliDecoder.TryDecompress(chunk.Brotli.Span, buffer[..(int)chunk.Length], out var written)
            || written != (int)chunk.Length) return false;

        bytes = buffer[..written];
        return true;
    }
}
