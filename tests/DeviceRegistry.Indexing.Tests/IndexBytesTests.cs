using System.Numerics;
using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>Saving and loading an index: a loaded index is the same, and invalid bytes are rejected without
/// damage.</summary>
public sealed class IndexBytesTests
{
    [Test]
    public void A_loaded_index_has_the_same_contents()
    {
        var index = Filled();

        var read = Read(Bytes(index));

        Assert.That(Said(read), Is.EqualTo(Said(index)));
        Assert.That(Bytes(read), Is.EqualTo(Bytes(index)));
    }

    [Test]
    public void A_loaded_index_accepts_changes_like_the_saved_one()
    {
        var (index, read) = (Filled(), Read(Bytes(Filled())));
        foreach (var each in new[] { index, read })
        {
            each.Lift(Theft.Number);
            each.Lift(Court.Number);
            each.Release([Phone, new Imei(1)]);
            each.Unpair([new EquipmentPair("#12AB", 5)]);
            each.PutRecord(2, 1, [9]);
            each.Publish(43);
        }

        Assert.That(Said(read), Is.EqualTo(Said(index)));
        Assert.That(Bytes(read), Is.EqualTo(Bytes(index)));
    }

    [Test]
    public void An_empty_index_can_be_saved_and_loaded()
    {
        Assert.That(Said(Read(Bytes(new DeviceIndex()))), Is.EqualTo(Said(new DeviceIndex())));
    }

    [Test]
    public void Truncated_bytes_are_rejected()
    {
        var bytes = Bytes(Filled());

        for (var length = 0; length < bytes.Length; length++) Assert.That(() =>
            Read(bytes[..length]), Throws.InstanceOf<InvalidDataException>(), $"cut at {length}");
    }

    [Test]
    public void Bytes_with_a_flipped_bit_are_rejected()
    {
        var bytes = Bytes(Filled());
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.That(() => Read(bytes), Throws.InstanceOf<InvalidDataException>(), $"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Test]
    public void A_capture_is_written_as_it_was_whatever_changes_meanwhile()
    {
        var index = Filled();
        var (then, still) = (Bytes(index), index.Capture());

        UseUp(index);
        foreach (var number in Enumerable.Range(1, 400)) index.Lift((ulong)number);
        index.Release(Enumerable.Range(0, 40_000).Select(i => new Imei(35_290_611_000_000 + (3 * (ulong)i))));
        index.PutRecord(2, 1, [99]);
        index.Publish(index.Position + 1);
        using var stream = new MemoryStream();
        still(stream);

        Assert.That(stream.ToArray(), Is.EqualTo(then));
        Assert.That(Bytes(index), Is.Not.EqualTo(then));
    }

    [Test]
    public void Bytes_after_an_index_in_a_stream_are_not_read()
    {
        using var stream = new MemoryStream([.. Bytes(Filled()), 1, 2, 3]);

        DeviceIndex.ReadFrom(stream);

        Assert.That(stream.Length - stream.Position, Is.EqualTo(3));
    }

    [Test]
    public void Contradicting_contents_with_a_valid_checksum_do_no_harm(
        [Seeds(3)] int seed)
    {
        var (random, sound) = (new Random(seed), Bytes(Filled()));
        var accepted = 0;
        for (var round = 0; round < 1_500; round++)
        {
            var bytes = Resealed(sound, content => Damage(random, content));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var read = Read(bytes);
                UseUp(read);
                accepted++;
            }
            catch (InvalidDataException)
            {
                // Rejected, as expected for most inputs.
            }

            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(64 * 1024 * 1024),
                $"seed {seed}, round {round}");
        }

        TestContext.Progress.WriteLine($"{accepted} of 1,500 damaged files said something else that is as sound");
        Assert.That(accepted, Is.LessThan(600),
            "a number that is another number is as sound; a third are of that kind");
    }

    private static void Damage(Random random, Span<byte> content)
    {
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var at = random.Next(content.Length);
            content[at] = random.Next(5) switch
            {
                0 => 0xFF,
                1 => 0,
                2 => (byte)(content[at] + 1),
                3 =>
                (byte)(content[at] - 1),
                _ => (byte)random.Next(256)
            };
        }
    }

    // An index that loaded must answer look-ups, accept changes and save like any other.
    private static void UseUp(DeviceIndex index)
    {
        Said(index);
        index.Arm(Theft with { Number = 5 }, [Phone, SameModel, OtherModel], [Phone.Tac],
            [Serials(Phone.Tac, 0, 999_999)], ["#12AB", "#12Ä"], [new EquipmentPair("#12AB", 5)]);
        foreach (var number in new[] { Theft.Number, Court.Number, 5ul, 77ul, 78ul }) index.Lift(number);
        index.Unpair([new EquipmentPair(Phone, 5), new EquipmentPair("#12AB", 5)]);
        index.Retire([Phone, SameModel, OtherModel]);
        index.PutRecord(2, 1, [1]);
        Read(Bytes(index));
    }

    // One chunk: its length, its checksum, its bytes; then an empty chunk with the same checksum.
    private static byte[] Resealed(byte[] sound, SpanAction<byte> change)
    {
        var bytes = sound.ToArray();
        var content = bytes.AsSpan(8, BitConverter.ToInt32(bytes, 0));
        change(content);
        var crc = content.ToArray().Aggregate(0u, BitOperations.Crc32C);
        BitConverter.TryWriteBytes(bytes.AsSpan(4), crc);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4), crc);
        return bytes;
    }

    private delegate void SpanAction<T>(Span<T> span);

    private static DeviceIndex Filled()
    {
        var index = new DeviceIndex();
        index.Release([Phone, SameModel, OtherModel]);
        index.Retire([SameModel]);
        index.AddTacs([Phone.Tac, OtherModel.Tac]);
        index.TacListIsFresh(1_000);
        index.Arm(Theft, [Phone], [], [Serials(Phone.Tac, 10, 20)], ["#12AB"],
            [new EquipmentPair(Phone, 3), new EquipmentPair("#12Ä", 4)]);
        index.Arm(Court, [Phone, OtherModel], [OtherModel.Tac]);
        index.Arm(Theft with { Number = 77 }, [SameModel], []);
        index.Arm(Theft with { Number = 78 }, [], [], texts: ["#12AB", "NO IMEI"]);
        index.Pair([new EquipmentPair(Phone, 5), new EquipmentPair(Phone, 6), new EquipmentPair("#12AB", 5)]);
        index.PutRecord(2, 1, [7, 8]);
        index.PutRecord(3, ulong.MaxValue, []);
        index.KnewEverythingAt(2_000);
        index.Publish(42);
        return index;
    }

    private static string Said(DeviceIndex index)
    {
        var facts = new[] { Phone, SameModel, OtherModel, new Imei(1) }.Select(i =>
            $"{index.DeviceOf(i)} {index.TacOf(i)} {string.Join(',', index.ImeiOrdersOf(i))} " +
                $"{string.Join(',', index.TacOrdersOf(i))} {index.FactsOf(Identity(i), [], subscriber: 5).Pairing}");
        var records = index.Records.Select(s => $"{s.Kind} {s.Id} {Convert.ToHexString(s.Payload.Span)}");
        var counts =
            $"{index.Position} {index.KnownAtMs} {index.Devices} {index.Tacs} {index.Orders} {index.Pairings} " +
            $"{Convert.ToHexString(index.Digest.ToBytes())}";
        return string.Join('\n', [counts, .. facts, .. records, string.Join(',', index.OrdersOf("#12ab")),
            string.Join(',', index.RangeOrdersOf(new Imei(Phone.Tac.Value * 1_000_000ul + 15)))]);
    }

    internal static byte[] Bytes(DeviceIndex index)
    {
        using var stream = new MemoryStream();
        index.WriteTo(stream);
        return stream.ToArray();
    }

    internal static DeviceIndex Read(byte[] bytes)
    {
        using var stream = new MemoryStream(bytes);
        return DeviceIndex.ReadFrom(stream);
    }
}
