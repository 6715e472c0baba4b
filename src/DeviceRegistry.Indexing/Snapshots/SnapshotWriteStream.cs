using System.Buffers.Binary;
using System.Security.Cryptography;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing.Snapshots;

/// <summary>Writes a snapshot file; the bytes written become its body. Without <see cref="Finish"/> the file has no
/// last block, and every reader refuses it.</summary>
public sealed class SnapshotWriteStream : ForwardOnlyStream
{
    private readonly Stream _file;
    private readonly byte[] _block = new byte[4 + SnapshotHeader.BlockBytesMax + StateDigest.Size];
    private readonly IncrementalHash _sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _digest = new byte[StateDigest.Size];
    private int _used;

    /// <summary>Writes the header. The caller keeps ownership of the stream.</summary>
    public SnapshotWriteStream(Stream file, SnapshotHeader header)
    {
        _file = file;
        var bytes = header.ToBytes();
        SHA256.HashData(bytes, _digest);
        file.Write(bytes);
        file.Write(_digest);
    }

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            if (_used is SnapshotHeader.BlockBytesMax) WriteBlock(0);
            var now = Math.Min(buffer.Length, SnapshotHeader.BlockBytesMax - _used);
            buffer[..now].CopyTo(_block.AsSpan(4 + _used));
            _used += now;
            buffer = buffer[now..];
        }
    }

    /// <summary>Writes the last block; returns the digest of the whole file.</summary>
    public byte[] Finish()
    {
        WriteBlock(SnapshotHeader.LastBlock);
        return [.. _digest];
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _sha.Dispose();
        base.Dispose(disposing);
    }

    private void WriteBlock(uint last)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_block, (uint)_used | last);
        _sha.AppendData(_digest);
        _sha.AppendData(_block, 0, 4 + _used);
        _sha.GetHashAndReset(_digest);
        _digest.CopyTo(_block, 4 + _used);
        _file.Write(_block, 0, 4 + _used + _digest.Length);
        _used = 0;
    }
}
