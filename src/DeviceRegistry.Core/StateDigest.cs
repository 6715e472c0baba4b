using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DeviceRegistry.Core;

/// <summary>Digest of everything that is in force: the sum, modulo 2^256, of SHA-256 over each element of the state.
/// The digest does not depend on the order of changes: equal states have equal digests, and one element more, less or
/// changed gives another digest.</summary>
public struct StateDigest : IEquatable<StateDigest>
{
    /// <summary>Bytes of a digest.</summary>
    public const int Size = 32;

    private UInt128 _low;
    private UInt128 _high;

    /// <summary>Adds an element to the state.</summary>
    public void Add(ReadOnlySpan<byte> element)
    {
        var (low, high) = HashOf(element);
        Add(low, high);
    }

    /// <summary>Adds elements that consist of one type byte and a big-endian number: a state has a hundred million of
    /// them.</summary>
    public void AddAll(byte type, ReadOnlySpan<ulong> numbers)
    {
        Span<uint> words = stackalloc uint[Sha256Sums.Words];
        var summed = Sha256Sums.Sum(type, numbers, words);
        Add(Joined(words[4..]), Joined(words[..4]));
        Span<byte> element = stackalloc byte[1 + sizeof(ulong)];
        element[0] = type;
        foreach (var number in numbers[summed..])
        {
            BinaryPrimitives.WriteUInt64BigEndian(element[1..], number);
            Add(element);
        }
    }

    /// <summary>Removes an element from the state.</summary>
    public void Remove(ReadOnlySpan<byte> element)
    {
        var (low, high) = HashOf(element);
        var borrow = _low < low ? UInt128.One : UInt128.Zero;
        _low -= low;
        _high -= high + borrow;
    }

    /// <summary>From the signed form, 32 bytes big-endian.</summary>
    public static StateDigest FromBytes(ReadOnlySpan<byte> bytes) =>
        new()
        {
            _high = BinaryPrimitives.ReadUInt128BigEndian(bytes),
            _low = BinaryPrimitives.ReadUInt128BigEndian(bytes[16..])
        };

    /// <summary>The signed form, 32 bytes big-endian.</summary>
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

    public static bool operator ==(StateDigest left, StateDigest right) => left.Equals(right);

    public static bool operator !=(StateDigest left, StateDigest right) => !left.Equals(right);

    private void Add(UInt128 low, UInt128 high)
    {
        _low += low;
        _high += high + (_low < low ? UInt128.One : UInt128.Zero);
    }

    private static UInt128 Joined(ReadOnlySpan<uint> words) =>
        new(((ulong)words[0] << 32) | words[1], ((ulong)words[2] << 32) | words[3]);

    private static (UInt128 Low, UInt128 High) HashOf(ReadOnlySpan<byte> element)
    {
        Span<byte> hash = stackalloc byte[Size];
        SHA256.HashData(element, hash);
        return (BinaryPrimitives.ReadUInt128BigEndian(hash[16..]), BinaryPrimitives.ReadUInt128BigEndian(hash));
    }
}

/// <summary>State digests at the newest positions. One writer, any number of readers.</summary>
public sealed class StateDigests
{
    /// <summary>Number of positions kept. A checkpoint trails the current position only by the entries written while it
    /// is signed; 16,384 × 48 bytes are 0.8 MB.</summary>
    public const int Kept = 16_384;

    private readonly (ulong Position, byte[] Hash, StateDigest Digest)[] _newest =
        new (ulong, byte[], StateDigest)[Kept];
    private readonly Lock _lock = new();
    private ulong _last;

    /// <summary>The newest position with a digest; 0: none.</summary>
    public ulong Newest
    {
        get
        {
            lock (_lock) return _last;
        }
    }

    /// <summary>Writer only: records the digest at a position together with the hash of the entry there, because after
    /// a restore there are two histories.</summary>
    public void Put(ulong position, byte[] hash, StateDigest digest)
    {
        lock (_lock)
        {
            _newest[position % Kept] = (position, hash, digest);
            _last = position;
        }
    }

    /// <summary>The digest at a position in the history whose entry there has this hash; null if it is not kept or not
    /// known yet.</summary>
    public byte[]? At(ulong position, ReadOnlySpan<byte> hash)
    {
        lock (_lock)
            return position > 0 && position <= _last && _newest[position % Kept] is var kept
                && kept.Position == position && hash.SequenceEqual(kept.Hash) ? kept.Digest.ToBytes() : null;
    }
}
