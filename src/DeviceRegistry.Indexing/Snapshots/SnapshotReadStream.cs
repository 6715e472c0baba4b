using System.Buffers.Binary;
using System.Security.Cryptography;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing.Snapshots;

/// <summary>Reads the body of a snapshot file, block by block. Each block is verified before any of its bytes is
/// returned.</summary>
/// <remarks>The file is complete only after <see cref="RequireEnd"/>. Invalid bytes always end in
/// <see cref="InvalidDataException"/>; other exceptions come from the file only.</remarks>
public sealed class SnapshotReadStream : ForwardOnlyStream
{
    private readonly Stream _file;
    private readonly byte[] _block = new byte[4 + SnapshotHeader.BlockBytesMax + StateDigest.Size];
    private readonly IncrementalHash _sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _digest = new byte[StateDigest.Size];
    private int _returned;
    private int _length;
    private bool _last;

    /// <summary>Reads the header. The caller keeps ownership of the stream.</summary>
    /// <exception cref="InvalidDataException">Not a snapshot, another version, or altered.</exception>
    public SnapshotReadStream(Stream file)
    {
        _file = file;
        var bytes = new byte[SnapshotHeader.Size + StateDigest.Size];
        ReadAll(bytes);
        bytes.AsSpan(SnapshotHeader.Size).CopyTo(_digest);
        Header = SnapshotHeader.Parse(bytes.AsSpan(0, SnapshotHeader.Size), _digest);
    }

    public SnapshotHeader Header { get; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        while (_returned == _length)
        {
            if (_last || buffer.IsEmpty) return 0;

            ReadBlock();
        }

        var now = Math.Min(buffer.Length, _length - _returned);
        _block.AsSpan(4 + _returned, now).CopyTo(buffer);
        _returned += now;
        return now;
    }

    /// <summary>Requires the end of the body and of the file; returns the digest of the whole file.</summary>
    /// <exception cref="InvalidDataException">There is more data, or the file ends before its last block.</exception>
    public byte[] RequireEnd()
    {
        if (Read(stackalloc byte[1]) > 0) throw new InvalidDataException("its body goes on after its end");
        if (_file.Read(stackalloc byte[1]) > 0) throw new InvalidDataException("it goes on after its last block");

        return [.. _digest];
    }

    /// <summary>Reads the whole file; returns its digest.</summary>
    /// <exception cref="InvalidDataException">The file is incomplete or altered.</exception>
    public byte[] ReadToEnd()
    {
        while (!_last) ReadBlock();
        _returned = _length;
        return RequireEnd();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _sha.Dispose();
        base.Dispose(disposing);
    }

    private void ReadBlock()
    {
        ReadAll(_block.AsSpan(0, 4));
        var length = BinaryPrimitives.ReadUInt32LittleEndian(_block);
        var bytes = length & ~SnapshotHeader.LastBlock;
        if (bytes > SnapshotHeader.BlockBytesMax) throw new InvalidDataException($"a block claims {bytes} bytes");

        var size = (int)bytes;
        ReadAll(_block.AsSpan(4, size + _digest.Length));
        _sha.AppendData(_digest);
        _sha.AppendData(_block, 0, 4 + size);
        _sha.GetHashAndReset(_digest);
        if (!_block.AsSpan(4 + size, _digest.Length)
            .SequenceEqual(_digest)) throw new InvalidDataException("a block was altered");

        (_returned, _length, _last) = (0, size, length != bytes);
    }

    private void ReadAll(Span<byte> bytes)
    {
        if (_file.ReadAtLeast(bytes, bytes.Length,
            throwOnEndOfStream: false) < bytes.Length) throw new InvalidDataException("it ends too early");
    }
}
