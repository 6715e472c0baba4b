using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DeviceRegistry.Core;

/// <summary>A digest of everything that holds now (DESIGN 3): the sum, modulo 2^256, of SHA-256 over each thing. In
/// whatever order things came and went, equal states have equal digests; one thing more, less or other makes
/// another.</summary>
public struct StateDigest : IEquatable<StateDigest>
{
    /// <summary>Bytes of a digest.</summary>
    public const int Size = 32;

    private UInt128 _low;
    private UInt128 _high;

    /// <summary>A thing holds from now on.</summary>
    public void Add(ReadOnlySpan<byte> thing)
    {
        var (low, high) = HashOf(thing);
        Add(low, high);
    }

    /// <summary>Things hold from now on that are one byte for what they are and a number, big-endian: a state has a
    /// hundred million of them.</summary>
    public void AddAll(byte what, ReadOnlySpan<ulong> numbers)
    {
        Span<uint> words = stackalloc uint[Sha256Sums.Words];
        var summed = Sha256Sums.Sum(what, numbers, words);
        Add(Joined(words[4..]), Joined(words[..4]));
        Span<byte> thing = stackalloc byte[1 + sizeof(ulong)];
        thing[0] = what;
        foreach (var number in numbers[summed..])
        {
            BinaryPrimitives.WriteUInt64BigEndian(thing[1..], number);
            Add(thing);
        }
    }

    /// <summary>A thing that held does not any more.</summary>
    public void Remove(ReadOnlySpan<byte> thing)
    {
        var (low, high) = HashOf(thing);
        var borrow = _low < low ? UInt128.One : UInt128.Zero;
        _low -= low;
        _high -= high + borrow;
    }

    /// <summary>A digest as it was signed.</summary>
    public static StateDigest FromBytes(ReadOnlySpan<byte> bytes) =>
        new() { _high = BinaryPrimitives.ReadUInt128BigEndian(bytes),
            _low = BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]) };

    /// <summary>As it is signed: big-endian.</summary>
    public readonly byte[] ToBytes()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _high);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(16), _low);
        return bytes;
    }

    /// <inheritdoc/>
    public readonly bool Equals(StateDigest other) => _low == other._low && _high == other._high;

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is StateDigest other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode() => _low.GetHashCode();

    /// <summary>Whether two are equal.</summary>
    public static bool operator ==(StateDigest left, StateDigest right) => left.Equals(right);

    /// <summary>Whether two differ.</summary>
    public static bool operator !=(StateDigest left, StateDigest right) => !left.Equals(right);

    private void Add(UInt128 low, UInt128 high)
    {
        _low += low;
        _high += high + (_low < low ? UInt128.One : UInt128.Zero);
    }

    private static UInt128 Joined(ReadOnlySpan<uint> words) =>
        new(((ulong)words[0] << 32) | words[1], ((ulong)words[2] << 32) | words[3]);

    private static (UInt128 Low, UInt128 High) HashOf(ReadOnlySpan<byte> thing)
    {
        Span<byte> hash = stackalloc byte[Size];
        SHA256.HashData(thing, hash);
        return (BinaryPrimitives.ReadUInt128BigEndian(hash[16..]), BinaryPrimitives.ReadUInt128BigEndian(hash));
    }
}

/// <summary>The digests of the state at the newest positions. One writer, any readers.</summary>
public sealed class StateDigests
{
    /// <summary>Positions that are remembered. A checkpoint follows the position it speaks of closely, by what is
    /// written while it is signed; 16,384 × 48 bytes are 0.8 MB.</summary>
    public const int Kept = 16_384;

    private readonly (ulong Position, byte[] Hash, StateDigest Digest)[] _newest =
        new (ulong, byte[], StateDigest)[Kept];
    private readonly Lock _lock = new();
    private ulong _last;

    /// <summary>The newest position there is one of; 0: none.</summary>
    public ulong Newest
    {
        get
        {
            lock (_lock) return _last;
        }
    }

    /// <summary>Writer only: the state at a position, and the hash of the entry there: after a restore there are two
    /// histories.</summary>
    public void Put(ulong position, byte[] hash, StateDigest digest)
    {
        lock (_lock)
        {
            _newest[position % Kept] = (position, hash, digest);
            _last = position;
        }
    }

    /// <summary>The digest at a position of the history that has this hash there; null: it is not kept, or not known
    /// yet.</summary>
    public byte[]? At(ulong position, ReadOnlySpan<byte> hash)
    {
        lock (_lock)
            return position > 0 && position <= _last && _newest[position % Kept] is var kept
                && kept.Position == position && hash.SequenceEqual(kept.Hash) ? kept.Digest.ToBytes() : null;
    }
}
