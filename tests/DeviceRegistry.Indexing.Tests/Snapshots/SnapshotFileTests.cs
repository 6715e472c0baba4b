using DeviceRegistry.Indexing.Snapshots;

namespace DeviceRegistry.Indexing.Tests.Snapshots;

/// <summary>A snapshot file is read back unchanged, or it is rejected.</summary>
public sealed class SnapshotFileTests
{
    private static readonly SnapshotHeader Header =
        new(4_711, 3, 1_790_000_000_000_000, [.. Enumerable.Range(0, 32).Select(i => (byte)i)],
        [.. Enumerable.Range(100, 32).Select(i => (byte)i)], 1_790_000_000_000);

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(1_000)]
    [TestCase(SnapshotHeader.BlockBytesMax - 1)]
    [TestCase(SnapshotHeader.BlockBytesMax)]
    [TestCase(SnapshotHeader.BlockBytesMax + 1)]
    [TestCase(3 * SnapshotHeader.BlockBytesMax)]
    public void A_written_file_is_read_back_unchanged(int bytes)
    {
        var body = Body(bytes);
        var (file, digest) = Written(body);

        using var reader = new SnapshotReadStream(new MemoryStream(file));
        using var read = new MemoryStream();
        reader.CopyTo(read);

        Assert.That(read.ToArray(), Is.EqualTo(body));
        Assert.That(reader.RequireEnd(), Is.EqualTo(digest));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(reader.Header.Position, Is.EqualTo(Header.Position));
            Assert.That(reader.Header.Epoch, Is.EqualTo(Header.Epoch));
            Assert.That(reader.Header.AtUs, Is.EqualTo(Header.AtUs));
            Assert.That(reader.Header.KnownAtMs, Is.EqualTo(Header.KnownAtMs));
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(reader.Header.Hash, Is.EqualTo(Header.Hash));
            Assert.That(reader.Header.State, Is.EqualTo(Header.State));
        }
    }

    [Test]
    public void Each_flipped_bit_is_detected()
    {
        var (file, _) = Written(Body(200));

        for (var bit = 0; bit < 8 * file.Length; bit++)
        {
            file[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.That(() => ReadAll(file), Throws.InstanceOf<InvalidDataException>(), $"bit {bit}");
            file[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.That(() => ReadAll(file), Throws.Nothing, "it is as it was");
    }

    [Test]
    public void A_truncated_file_is_rejected()
    {
        var (file, _) = Written(Body(300));

        for (var length = 0; length < file.Length; length++) Assert.That(() =>
            ReadAll(file[..length]), Throws.InstanceOf<InvalidDataException>(), $"{length} bytes");
    }

    [Test]
    public void A_file_with_bytes_after_its_end_is_rejected()
    {
        var (file, _) = Written(Body(300));

        Assert.That(() => ReadAll([.. file, 0]), Throws.InstanceOf<InvalidDataException>());
    }

    // Each of these files consists of complete blocks with valid digests.
    [Test]
    public void Missing_swapped_and_foreign_blocks_are_detected()
    {
        const int Head = SnapshotHeader.Size + 32;
        const int Block = 4 + SnapshotHeader.BlockBytesMax + 32;
        var (file, _) = Written(Body((3 * SnapshotHeader.BlockBytesMax) + 10));
        var (other, _) = Written(Body((3 * SnapshotHeader.BlockBytesMax) + 10, seed: 2));
        var (first, second, rest) = (file[Head..(Head + Block)], file[(Head + Block)..(Head + (2 * Block))],
            file[(Head + (2 * Block))..]);

        Assert.That(() => ReadAll([.. file[..Head], .. first, .. second, .. rest]), Throws.Nothing);
        Assert.That(() =>
            ReadAll([.. file[..Head], .. second, .. first, .. rest]), Throws.InstanceOf<InvalidDataException>());
        Assert.That(() => ReadAll([.. file[..Head], .. first, .. rest]), Throws.InstanceOf<InvalidDataException>());
        Assert.That(() => ReadAll([.. file[..Head], .. other[Head..]]), Throws.Nothing,
            "the body is another one, of a header that says the same: whose file it is says the digest of the whole");
        Assert.That(() => ReadAll([.. file[..(Head + Block)], .. other[(Head + Block)..]]),
            Throws.InstanceOf<InvalidDataException>());
        Assert.That(() => ReadAll(file[..(Head + (3 * Block))]), Throws.InstanceOf<InvalidDataException>());
    }

    [Test]
    public void A_file_of_another_version_is_rejected_with_the_version()
    {
        var (file, _) = Written(Body(10));
        file[6]++;

        Assert.That(() =>
            ReadAll(file), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("of version 2"));
    }

    [Test]
    public void A_file_whose_writer_did_not_finish_is_rejected()
    {
        using var file = new MemoryStream();
        using (var writer = new SnapshotWriteStream(file, Header)) writer.Write(Body(SnapshotHeader.BlockBytesMax + 1));

        Assert.That(() => ReadAll(file.ToArray()), Throws.InstanceOf<InvalidDataException>());
    }

    [Test]
    public void Random_bytes_are_rejected()
    {
        var random = new Random(20_261_126);
        var (file, _) = Written(Body(100));
        for (var i = 0; i < 5_000; i++)
        {
            // Half of the inputs begin like a snapshot.
            var bytes = new byte[random.Next(600)];
            random.NextBytes(bytes);
            if (i % 2 is 0) file.AsSpan(0, Math.Min(bytes.Length, random.Next(file.Length))).CopyTo(bytes);

            Assert.That(() => ReadAll(bytes), Throws.InstanceOf<InvalidDataException>());
        }
    }

    [Test]
    public void No_byte_of_an_altered_block_is_returned()
    {
        var (file, _) = Written(Body(2 * SnapshotHeader.BlockBytesMax));
        file[^100] ^= 1;
        using var reader = new SnapshotReadStream(new MemoryStream(file));
        reader.ReadExactly(new byte[SnapshotHeader.BlockBytesMax]);

        Assert.That(() => reader.ReadByte(), Throws.InstanceOf<InvalidDataException>());
    }

    private static byte[] Body(int bytes, int seed = 1)
    {
        var body = new byte[bytes];
        new Random(seed).NextBytes(body);
        return body;
    }

    // Written in pieces of odd sizes: the writer decides where blocks end.
    private static (byte[] File, byte[] Digest) Written(byte[] body)
    {
        using var file = new MemoryStream();
        using var writer = new SnapshotWriteStream(file, Header);
        foreach (var piece in body.Chunk(77_777)) writer.Write(piece);
        var digest = writer.Finish();
        return (file.ToArray(), digest);
    }

    private static byte[] ReadAll(byte[] file)
    {
        using var reader = new SnapshotReadStream(new MemoryStream(file));
        return reader.ReadToEnd();
    }
}
