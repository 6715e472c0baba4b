using System.Buffers.Binary;
using System.Numerics;

namespace DeviceRegistry.Indexing;

/// <summary>A hash table of small fixed-size records in buckets. Every change replaces the byte array of a bucket, so a
/// reader never sees a partial change. One writer; readers take no lock.</summary>
/// <remarks>A bucket holds n records of one width, about 64 of them, without a gap:
/// <code>
/// [tag 0 .. tag n-1][record 0][record 1] .. [record n-1]      tag: the highest 8 bits of the hash
/// </code>
/// so a record costs its width, its tag, and 32/64 bytes for the array header and reference. Buckets split one by one
/// as records are added (linear hashing): with at least 2^L buckets, bucket i moves the records whose hash has bit L to
/// bucket i + 2^L. The table is never rebuilt as a whole.</remarks>
internal sealed class BucketTable(int width, Func<ReadOnlySpan<byte>, ulong> hashOf)
{
    // A larger value makes the array header cheaper per record and a change more expensive: copying 64 × 5 bytes takes
    // about 20 ns.
    private const int FillMax = 64;

    private volatile Directory _directory = new([[]], 1);

    /// <summary>Number of records.</summary>
    public long Count { get; private set; }

    /// <summary>Number of buckets.</summary>
    public int Buckets => _directory.Count;

    public static byte TagOf(ulong hash) => (byte)(hash >> 56);

    /// <summary>The bucket of a hash, as it was at some moment of this call.</summary>
    public byte[] BucketOf(ulong hash)
    {
        while (true)
        {
            var directory = _directory;
            var bucket = Volatile.Read(ref directory.Buckets[directory.IndexOf(hash)]);

            // Otherwise the bucket may have been split before it was read.
            if (ReferenceEquals(directory, _directory)) return bucket;
        }
    }

    /// <summary>A bucket by its index, from 0.</summary>
    public byte[] BucketAt(int at) => _directory.Buckets[at];

    /// <summary>Number of records in a bucket.</summary>
    public int CountOf(ReadOnlySpan<byte> bucket) => bucket.Length / (1 + width);

    /// <summary>Index of the next record with a tag, searching from <paramref name="from"/>; -1 if there is
    /// none.</summary>
    public int Next(ReadOnlySpan<byte> bucket, byte tag, int from)
    {
        var at = bucket[from..CountOf(bucket)].IndexOf(tag);
        return at < 0 ? -1 : from + at;
    }

    public ReadOnlySpan<byte> RecordAt(ReadOnlySpan<byte> bucket, int at) =>
        bucket.Slice(CountOf(bucket) + (at * width), width);

    /// <summary>Writer only: inserts a record into its bucket at index <paramref name="at"/>.</summary>
    public void Insert(ulong hash, int at, ReadOnlySpan<byte> record)
    {
        var directory = _directory;
        ref var place = ref directory.Buckets[directory.IndexOf(hash)];
        Volatile.Write(ref place, With(place, at, TagOf(hash), record));
        if (++Count > (long)FillMax * directory.Count) Split();
    }

    /// <summary>Writer only: fills an empty table with <paramref name="count"/> records of 4 bytes, which are
    /// enumerated twice: one allocation per bucket instead of one per record.</summary>
    public void Fill(long count, IEnumerable<(ulong Hash, uint Record)> records)
    {
        var buckets = new byte[(int)Math.Max(1, (count + FillMax - 1) / FillMax)][];
        var left = new int[buckets.Length];
        foreach (var (hash, _) in records) left[Directory.IndexOf(hash, buckets.Length)]++;
        for (var i = 0; i < buckets.Length; i++) buckets[i] = new byte[left[i] * (1 + width)];
        foreach (var (hash, record) in records)
        {
            var i = Directory.IndexOf(hash, buckets.Length);
            var at = --left[i];
            buckets[i][at] = TagOf(hash);
            BinaryPrimitives.WriteUInt32LittleEndian(buckets[i].AsSpan(CountOf(buckets[i]) + (at * width)), record);
        }

        _directory = new Directory(buckets, buckets.Length);
        Count = count;
    }

    /// <summary>Writer only: replaces a record of a bucket by another with the same key.</summary>
    public void Replace(ulong hash, int at, ReadOnlySpan<byte> record)
    {
        ref var place = ref _directory.Buckets[_directory.IndexOf(hash)];
        var bucket = place.AsSpan().ToArray();
        record.CopyTo(bucket.AsSpan(CountOf(bucket) + (at * width)));
        Volatile.Write(ref place, bucket);
    }

    /// <summary>Writer only: removes a record from its bucket.</summary>
    public void Remove(ulong hash, int at)
    {
        ref var place = ref _directory.Buckets[_directory.IndexOf(hash)];
        var tags = place.AsSpan(0, CountOf(place));
        var records = place.AsSpan(tags.Length);
        Volatile.Write(ref place, [.. tags[..at], .. tags[(at + 1)..], .. records[..(at * width)],
            .. records[((at + 1) * width)..]]);
        Count--;
    }

    /// <summary>Writer only: captures the current buckets; the returned action writes them at any time and on any
    /// thread.</summary>
    public Action<IndexWriter> Capture()
    {
        var buckets = _directory.Buckets[..Buckets];
        return to =>
        {
            to.Count(buckets.Length);
            foreach (var bucket in buckets) to.Bytes(bucket);
        };
    }

    /// <summary>Reads captured buckets. The caller validates the order of the records and each record, in
    /// <paramref name="validate"/>.</summary>
    public void ReadFrom(IndexReader from, Action<byte[]> validate)
    {
        var count = from.Count();
        IndexReader.Require(count > 0);
        var buckets = new List<byte[]>();
        for (var i = 0; i < count; i++)
        {
            var bucket = from.Bytes(Array.MaxLength);
            IndexReader.Require(bucket.Length % (1 + width) is 0);
            for (var at = 0; at < CountOf(bucket); at++)
            {
                var hash = hashOf(RecordAt(bucket, at));
                IndexReader.Require(bucket[at] == TagOf(hash) && Directory.IndexOf(hash, count) == i);
            }

            validate(bucket);
            buckets.Add(bucket);
            Count += CountOf(bucket);
        }

        _directory = new Directory([.. buckets], count);
    }

    private byte[] With(byte[] bucket, int at, byte tag, ReadOnlySpan<byte> record)
    {
        var count = CountOf(bucket);
        var larger = GC.AllocateUninitializedArray<byte>(bucket.Length + 1 + width);
        bucket.AsSpan(0, at).CopyTo(larger);
        larger[at] = tag;
        bucket.AsSpan(at, count - at).CopyTo(larger.AsSpan(at + 1));
        var from = bucket.AsSpan(count);
        var to = larger.AsSpan(count + 1);
        from[..(at * width)].CopyTo(to);
        record.CopyTo(to[(at * width)..]);
        from[(at * width)..].CopyTo(to[((at + 1) * width)..]);
        return larger;
    }

    // Publish the new bucket, then the directory, then the old bucket without the moved records: a reader with the old
    // directory finds everything in the old bucket, or retries.
    private void Split()
    {
        var before = _directory;
        var level = BitOperations.Log2((uint)before.Count);
        var from = before.Count - (1 << level);
        var (stay, move) = Partition(before.Buckets[from], 1ul << level);
        var buckets = before.Buckets;
        if (before.Count == buckets.Length) Array.Resize(ref buckets,
            (int)Math.Min(Array.MaxLength, 8 + (buckets.Length * 5L / 4)));
        buckets[before.Count] = move;
        _directory = new Directory(buckets, before.Count + 1);
        Volatile.Write(ref buckets[from], stay);
    }

    private (byte[] Stay, byte[] Move) Partition(byte[] bucket, ulong bit)
    {
        var moves = new bool[CountOf(bucket)];
        for (var i = 0; i < moves.Length; i++) moves[i] = (hashOf(RecordAt(bucket, i)) & bit) is not 0;
        return (Select(bucket, moves, false), Select(bucket, moves, true));
    }

    private byte[] Select(byte[] bucket, bool[] moves, bool which)
    {
        var count = moves.AsSpan().Count(which);
        var selected = new byte[count * (1 + width)];
        for (int i = 0, at = 0; i < moves.Length; i++)
        {
            if (moves[i] != which) continue;

            selected[at] = bucket[i];
            RecordAt(bucket, i).CopyTo(selected.AsSpan(count + (at++ * width)));
        }

        return selected;
    }

    // Invariant: a directory with <c>count</c> buckets never changes the bucket of a hash; the array may have spare
    // capacity.
    private sealed class Directory(byte[][] buckets, int count)
    {
        public byte[][] Buckets => buckets;

        public int Count => count;

        public int IndexOf(ulong hash) => IndexOf(hash, count);

        public static int IndexOf(ulong hash, int count)
        {
            var half = 1u << BitOperations.Log2((uint)count);
            var at = (uint)hash & ((half << 1) - 1);
            return (int)(at < (uint)count ? at : at & (half - 1));
        }
    }
}
