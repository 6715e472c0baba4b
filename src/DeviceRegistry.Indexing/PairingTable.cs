using System.Buffers.Binary;
using DeviceRegistry.Core;

namespace DeviceRegistry.Indexing;

/// <summary>Which equipment is paired with which subscribers (DOMAIN 5.7). One writer; readers take no lock.</summary>
/// <remarks>A record is 14 bytes, big-endian so that bytes compare as numbers; in a bucket records rise:
/// <code>
/// [key of the equipment, 6 bytes][subscriber, 8 bytes]
/// </code>
/// All pairings of one equipment are in one bucket: a pair of a handset that has n others is found in log n steps and
/// made by copying them.</remarks>
internal sealed class PairingTable
{
    private const int KeyBytes = 6;
    private const int Width = KeyBytes + sizeof(ulong);

    private readonly BucketTable _pairs = new(Width, record => Key.Hash(KeyOf(record)));

    /// <summary>Pairs.</summary>
    public long Count => _pairs.Count;

    /// <summary>How equipment stands to a subscriber; 0: not known.</summary>
    public Pairing Of(ulong key, ulong subscriber)
    {
        var hash = Key.Hash(key);
        var bucket = _pairs.BucketOf(hash);
        if (!Has(bucket, key, hash)) return Pairing.None;

        return subscriber is not 0 && PlaceOf(bucket, key, subscriber) >= 0 ? Pairing.Paired : Pairing.Other;
    }

    /// <summary>Writer only: pairs; false: they are already.</summary>
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

    /// <summary>Writer only: ends a pair; false: there is none.</summary>
    public bool Remove(ulong key, ulong subscriber)
    {
        var hash = Key.Hash(key);
        var at = PlaceOf(_pairs.BucketOf(hash), key, subscriber);
        if (at < 0) return false;

        _pairs.Remove(hash, at);
        return true;
    }

    /// <summary>Writer only: all pairs as they are now, to be written whenever.</summary>
    public Action<IndexWriter> Capture() => _pairs.Capture();

    /// <summary>Pairs as they were written.</summary>
    public void ReadFrom(IndexReader from, TextPool texts) =>
        _pairs.ReadFrom(from, bucket => IndexReader.Require(IsSound(bucket, texts)));

    private bool IsSound(byte[] bucket, TextPool texts)
    {
        for (var i = 0; i < _pairs.CountOf(bucket); i++)
        {
            var record = _pairs.RecordAt(bucket, i);
            var key = KeyOf(record);
            if (i > 0 && _pairs.RecordAt(bucket, i - 1).SequenceCompareTo(record) >= 0) return false;
            if (BinaryPrimitives.ReadUInt64BigEndian(record[KeyBytes..]) is 0 || !Key.IsSound(key)
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

    // Where a pair is; where it would be, as its complement.
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
