using System.Buffers.Binary;
using System.Security.Cryptography;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing.Snapshots;

/// <summary>Reads a snapshot file: what it gives is its body, block by block, each compared with its digest before a
/// byte of it is given.</summary>
/// <remarks>Only what was read to its end (<see cref="RequireEnd"/>) is whole. Any bytes at all end in <see
/// cref="InvalidDataException"/>, never in another one but the disk's own.</remarks>
public sealed class SnapshotReadStream : ForwardOnlyStream
{
    private readonly Stream _file;
    private readonly byte[] _block = new byte[4 + SnapshotHeader.BlockBytesMax + StateDigest.Size];
    private readonly IncrementalHash _sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _digest = new byte[StateDigest.Size];
    private int _given;
    private int _held;
    private bool _last;

    /// <summary>Reads the header; the stream stays its owner's.</summary>
    /// <exception cref="InvalidDataException">It is no snapshot, of another version, or altered.</exception>
    public SnapshotReadStream(Stream file)
    {
        _file = file;
        var bytes = new byte[SnapshotHeader.Size + StateDigest.Size];
        ReadAll(bytes);
        bytes.AsSpan(SnapshotHeader.Size).CopyTo(_digest);
        Header = SnapshotHeader.Parse(bytes.AsSpan(0, SnapshotHeader.Size), _digest);
    }

    /// <summary>What it says of itself.</summary>
    public SnapshotHeader Header { get; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        while (_given == _held)
        {
            if (_last || buffer.IsEmpty) return 0;

            ReadBlock();
        }

        var now = Math.Min(buffer.Length, _held - _given);
        _block.AsSpan(4 + _given, now).CopyTo(buffer);
        _given += now;
        return now;
    }

    /// <summary>Nothing is left, of the body and of the file; the digest of the whole file.</summary>
    /// <exception cref="InvalidDataException">Something is, or the file ends before its last block.</exception>
    public byte[] RequireEnd()
    {
        if (Read(stackalloc byte[1]) > 0) throw new InvalidDataException("its body goes on after its end");
        if (_file.Read(stackalloc byte[1]) > 0) throw new InvalidDataException("it goes on after its last block");

        return [.. _digest];
    }

    /// <summary>Reads all of it; the digest of the whole file.</summary>
    /// <exception cref="InvalidDataException">It is not whole.</exception>
    public byte[] ReadToEnd()
    {
        while (!_last) ReadBlock();
        _given = _held;
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

        (_given, _held, _last) = (0, size, length != bytes);
    }

    private void ReadAll(Span<byte> bytes)
    {
        if (_file.ReadAtLeast(bytes, bytes.Length,
            throwOnEndOfStream: false) < bytes.Length) throw new InvalidDataException("it ends too early");
    }
}
