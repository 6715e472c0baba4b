using System.Buffers.Binary;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Pairs of equipment and subscribers. One writer; readers take no lock.</summary>
/// <remarks>A record is 14 bytes, big-endian so that bytes compare as numbers; records of a bucket are sorted:
/// <code>
/// [key of the equipment, 6 bytes][subscriber, 8 bytes]
/// </code>
/// All pairs of one device are in one bucket: with n pairs, a lookup takes log n steps and an insertion copies all
/// n.</remarks>
internal sealed class PairingTable
{
    private const int KeyBytes = 6;
    private const int Width = KeyBytes + sizeof(ulong);

    private readonly BucketTable _pairs = new(Width, record => Key.Hash(KeyOf(record)));

    /// <summary>Number of pairs.</summary>
    public long Count => _pairs.Count;

    /// <summary>Pairing of equipment with a subscriber; 0: the subscriber is not known.</summary>
    public Pairing Of(ulong key, ulong subscriber)
    {
        var hash = Key.Hash(key);
        var bucket = _pairs.BucketOf(hash);
        if (!Has(bucket, key, hash)) return Pairing.None;

        return subscriber is not 0 && PlaceOf(bucket, key, subscriber) >= 0 ? Pairing.Paired : Pairing.Other;
    }

    /// <summary>Writer only: adds a pair; false if it exists.</summary>
    public bool Add(ulong key, ulong subscriber)
    {
        var hash = Key.Hash(key);
        var at = PlaceOf(_pairs.BucketOf(hash), key, subscriber);
        if (at >= 0) return false;

        Span<byte> record = stackalloc byte[Width];
        Write(record, key, subscriber);
        _pairs.Insert(hash, ~at, record);
        return true;
    }

    /// <summary>Writer only: removes a pair; false if it does not exist.</summary>
    public bool Remove(ulong key, ulong subscriber)
    {
        var hash = Key.Hash(key);
        var at = PlaceOf(_pairs.BucketOf(hash), key, subscriber);
        if (at < 0) return false;

        _pairs.Remove(hash, at);
        return true;
    }

    /// <summary>Writer only: captures the current pairs; the returned action writes them at any time and on any
    /// thread.</summary>
    public Action<IndexWriter> Capture() => _pairs.Capture();

    /// <summary>Reads captured pairs.</summary>
    public void ReadFrom(IndexReader from, TextPool texts) =>
        _pairs.ReadFrom(from, bucket => IndexReader.Require(IsValid(bucket, texts)));

    private bool IsValid(byte[] bucket, TextPool texts)
    {
        for (var i = 0; i < _pairs.CountOf(bucket); i++)
        {
            var record = _pairs.RecordAt(bucket, i);
            var key = KeyOf(record);
            if (i > 0 && _pairs.RecordAt(bucket, i - 1).SequenceCompareTo(record) >= 0) return false;
            if (BinaryPrimitives.ReadUInt64BigEndian(record[KeyBytes..]) is 0 || !Key.IsValid(key)
                || (Key.IsText(key) && texts.TextOf(key) is null)) return false;
        }

        return true;
    }

    private bool Has(byte[] bucket, ulong key, ulong hash)
    {
        var at = -1;
        while ((at = _pairs.Next(bucket, BucketTable.TagOf(hash), at + 1)) >= 0)
            if (KeyOf(_pairs.RecordAt(bucket, at)) == key) return true;
        return false;
    }

    // Index of a pair, or the complement of the index where it belongs.
    private int PlaceOf(byte[] bucket, ulong key, ulong subscriber)
    {
        Span<byte> sought = stackalloc byte[Width];
        Write(sought, key, subscriber);
        var (low, high) = (0, _pairs.CountOf(bucket) - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = _pairs.RecordAt(bucket, middle).SequenceCompareTo(sought);
            if (order is 0) return middle;
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }

        return ~low;
    }

    private static ulong KeyOf(ReadOnlySpan<byte> record) =>
        ((ulong)BinaryPrimitives.ReadUInt16BigEndian(record) << 32) | BinaryPrimitives.ReadUInt32BigEndian(
        record[sizeof(ushort)..]);

    private static void Write(Span<byte> record, ulong key, ulong subscriber)
    {
        BinaryPrimitives.WriteUInt16BigEndian(record, (ushort)(key >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(record[sizeof(ushort)..], (uint)key);
        BinaryPrimitives.WriteUInt64BigEndian(record[KeyBytes..], subscriber);
    }
}
