using System.IO.Compression;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Contracts;

/// <summary>When a snapshot of the registry's is believed, and how its bytes travel.</summary>
public static class SnapshotRules
{
    /// <summary>Bytes of a file in one chunk, before they are compressed.</summary>
    public const int ChunkBytesMax = 1024 * 1024;

    private const string Kind = "snapshot";

    // The fastest that compresses: serials in bitmaps hardly get smaller at a higher one, and the registrar does it
    // once for each download.
    private const int Quality = 1;
    private const int WindowBits = 22;

    /// <summary>Signs a statement.</summary>
    public static SnapshotOffer Sign(SnapshotStatement statement, X509Certificate2 certificate)
    {
        var bytes = statement.ToByteString();
        return new SnapshotOffer { Statement = bytes, Certificate = ByteString.CopyFrom(certificate.RawData),
            Signature = RegistryKey.Sign(Kind, bytes, certificate) };
    }

    /// <summary>Whether the registry signed it; otherwise <paramref name="fault"/> says why it is not
    /// believed.</summary>
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

    /// <summary>Packs a piece of the file.</summary>
    public static SnapshotChunk Pack(ulong offset, ReadOnlySpan<byte> bytes)
    {
        var packed = new byte[BrotliEncoder.GetMaxCompressedLength(bytes.Length)];
        if (!BrotliEncoder.TryCompress(bytes, packed, out var written, Quality,
            WindowBits)) throw new InvalidOperationException(
            $"{bytes.Length} bytes were not compressed into {packed.Length}");

        return new SnapshotChunk { Offset = offset, Length = (uint)bytes.Length,
            Brotli = ByteString.CopyFrom(packed, 0, written) };
    }

    /// <summary>Unpacks a piece that must begin at <paramref name="offset"/>, into <paramref name="room"/> of <see
    /// cref="ChunkBytesMax"/>; false: it does not, or is not what it says.</summary>
    public static bool TryUnpack(SnapshotChunk chunk, ulong offset, Span<byte> room, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (chunk.Offset != offset || chunk.Length is 0 or > ChunkBytesMax) return false;
        if (!BrotliDecoder.TryDecompress(chunk.Brotli.Span, room[..(int)chunk.Length], out var written)
            || written != (int)chunk.Length) return false;

        bytes = room[..written];
        return true;
    }
}
