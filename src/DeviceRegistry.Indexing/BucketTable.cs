using System.Buffers.Binary;
using System.Numerics;

namespace DeviceRegistry.Indexing;

/// <summary>A hash table of small records: many buckets, each an array of bytes that is replaced whole by every change,
/// so that a reader never sees half of one. One writer; readers take no lock.</summary>
/// <remarks>A bucket holds n records of one width, about 64 of them, without a gap:
/// <code>
/// [tag 0 .. tag n-1][record 0][record 1] .. [record n-1]      tag: the highest 8 bits of the hash
/// </code>
/// so a record costs its width, its tag, and 32/64 of the array's head and its reference. Buckets split one by one as
/// records come (linear hashing): bucket i of 2^L and more sends those whose hash has bit L to bucket i + 2^L. Nothing
/// is ever rebuilt as a whole.</remarks>
internal sealed class BucketTable(int width, Func<ReadOnlySpan<byte>, ulong> hashOf)
{
    // More make the head cheaper and a change dearer: 64 × 5 bytes are copied in some 20 ns.
    private const int FillMost = 64;

    private volatile Directory _directory = new([[]], 1);

    /// <summary>Records.</summary>
    public long Count { get; private set; }

    /// <summary>How many buckets there are.</summary>
    public int Buckets => _directory.Count;

    /// <summary>The tag of a hash.</summary>
    public static byte TagOf(ulong hash) => (byte)(hash >> 56);

    /// <summary>The bucket where records of a hash are, as it was at some moment of this call.</summary>
    public byte[] BucketOf(ulong hash)
    {
        while (true)
        {
            var directory = _directory;
            var bucket = Volatile.Read(ref directory.Buckets[directory.IndexOf(hash)]);

            // Else it may have been split before it was read.
            if (ReferenceEquals(directory, _directory)) return bucket;
        }
    }

    /// <summary>A bucket by its number, from 0.</summary>
    public byte[] BucketAt(int at) => _directory.Buckets[at];

    /// <summary>Records of a bucket.</summary>
    public int CountOf(ReadOnlySpan<byte> bucket) => bucket.Length / (1 + width);

    /// <summary>Where the next record with a tag is, from one on; -1: there is none.</summary>
    public int Next(ReadOnlySpan<byte> bucket, byte tag, int from)
    {
        var at = bucket[from..CountOf(bucket)].IndexOf(tag);
        return at < 0 ? -1 : from + at;
    }

    /// <summary>A record of a bucket.</summary>
    public ReadOnlySpan<byte> RecordAt(ReadOnlySpan<byte> bucket, int at) =>
        bucket.Slice(CountOf(bucket) + (at * width), width);

    /// <summary>Writer only: puts a record into its bucket, before the one that is there.</summary>
    public void Insert(ulong hash, int at, ReadOnlySpan<byte> record)
    {
        var directory = _directory;
        ref var place = ref directory.Buckets[directory.IndexOf(hash)];
        Volatile.Write(ref place, With(place, at, TagOf(hash), record));
        if (++Count > (long)FillMost * directory.Count) Split();
    }

    /// <summary>Writer only: fills a table that is empty with so many records of 4 bytes, which are enumerated twice:
    /// one allocation for each bucket, not one for each record.</summary>
    public void Fill(long count, IEnumerable<(ulong Hash, uint Record)> records)
    {
        var buckets = new byte[(int)Math.Max(1, (count + FillMost - 1) / FillMost)][];
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

    /// <summary>Writer only: replaces a record of a bucket by another of the same key.</summary>
    public void Replace(ulong hash, int at, ReadOnlySpan<byte> record)
    {
        ref var place = ref _directory.Buckets[_directory.IndexOf(hash)];
        var bucket = place.AsSpan().ToArray();
        record.CopyTo(bucket.AsSpan(CountOf(bucket) + (at * width)));
        Volatile.Write(ref place, bucket);
    }

    /// <summary>Writer only: takes a record out of its bucket.</summary>
    public void Remove(ulong hash, int at)
    {
        ref var place = ref _directory.Buckets[_directory.IndexOf(hash)];
        var tags = place.AsSpan(0, CountOf(place));
        var records = place.AsSpan(tags.Length);
        Volatile.Write(ref place, [.. tags[..at], .. tags[(at + 1)..], .. records[..(at * width)],
            .. records[((at + 1) * width)..]]);
        Count--;
    }

    /// <summary>Writer only: all buckets as they are now, to be written whenever.</summary>
    public Action<IndexWriter> Capture()
    {
        var buckets = _directory.Buckets[..Buckets];
        return to =>
        {
            to.Count(buckets.Length);
            foreach (var bucket in buckets) to.Bytes(bucket);
        };
    }

    /// <summary>Buckets as they were written. Whether the order of records is sound, and each record, the owner
    /// knows.</summary>
    public void ReadFrom(IndexReader from, Action<byte[]> judge)
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

            judge(bucket);
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

    // The new bucket first, then that it is there, then the old one without what moved: a reader of the old directory
    // finds everything in the old bucket, or looks again.
    private void Split()
    {
        var before = _directory;
        var level = BitOperations.Log2((uint)before.Count);
        var from = before.Count - (1 << level);
        var (stay, move) = Parted(before.Buckets[from], 1ul << level);
        var buckets = before.Buckets;
        if (before.Count == buckets.Length) Array.Resize(ref buckets,
            (int)Math.Min(Array.MaxLength, 8 + (buckets.Length * 5L / 4)));
        buckets[before.Count] = move;
        _directory = new Directory(buckets, before.Count + 1);
        Volatile.Write(ref buckets[from], stay);
    }

    private (byte[] Stay, byte[] Move) Parted(byte[] bucket, ulong bit)
    {
        var moves = new bool[CountOf(bucket)];
        for (var i = 0; i < moves.Length; i++) moves[i] = (hashOf(RecordAt(bucket, i)) & bit) is not 0;
        return (Those(bucket, moves, false), Those(bucket, moves, true));
    }

    private byte[] Those(byte[] bucket, bool[] moves, bool which)
    {
        var count = moves.AsSpan().Count(which);
        var those = new byte[count * (1 + width)];
        for (int i = 0, at = 0; i < moves.Length; i++)
        {
            if (moves[i] != which) continue;

            those[at] = bucket[i];
            RecordAt(bucket, i).CopyTo(those.AsSpan(count + (at++ * width)));
        }

        return those;
    }

    // Invariant: a directory with count buckets never changes which bucket a hash is in; the array behind it may have
    // room for more.
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
