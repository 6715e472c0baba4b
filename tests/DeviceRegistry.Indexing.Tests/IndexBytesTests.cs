using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>An index as bytes: read back it is the same, and bytes that are not sound are refused without harm.</summary>
public sealed class IndexBytesTests
{
    [Test]
    public void An_index_read_back_says_the_same()
    {
        var index = Filled();

        var read = Read(Bytes(index));

        Assert.That(Said(read), Is.EqualTo(Said(index)));
        Assert.That(Bytes(read), Is.EqualTo(Bytes(index)));
    }

    [Test]
    public void An_index_read_back_goes_on_as_the_one_that_was_written()
    {
        var (index, read) = (Filled(), Read(Bytes(Filled())));
        foreach (var each in new[] { index, read })
        {
            each.Lift(Theft.Number);
            each.Lift(Court.Number);
            each.Release([Phone, new Imei(1)]);
            each.Unpair([new EquipmentPair("#12AB", 5)]);
            each.Told(2, 1, [9]);
            each.Publish(43);
        }

        Assert.That(Said(read), Is.EqualTo(Said(index)));
        Assert.That(Bytes(read), Is.EqualTo(Bytes(index)));
    }

    [Test]
    public void An_index_that_knows_nothing_is_read_back()
    {
        Assert.That(Said(Read(Bytes(new DeviceIndex()))), Is.EqualTo(Said(new DeviceIndex())));
    }

    [Test]
    public void Bytes_that_end_anywhere_are_refused()
    {
        var bytes = Bytes(Filled());

        for (var length = 0; length < bytes.Length; length++) Assert.That(() => Read(bytes[..length]), Throws.InstanceOf<InvalidDataException>(), $"cut at {length}");
    }

    [Test]
    public void Bytes_with_a_bit_flipped_are_refused_or_say_the_same_of_equipment()
    {
        var bytes = Bytes(Filled());
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            try
            {
                Assert.That(Read(bytes).Digest, Is.EqualTo(Filled().Digest), $"bit {bit}");
            }
            catch (InvalidDataException)
            {
                // Refused, as it should be.
            }

            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Test]
    public void Bytes_at_random_make_no_room_for_more_than_a_little()
    {
        var random = new Random(7);
        for (var round = 0; round < 2_000; round++)
        {
            var bytes = Bytes(Filled());
            for (var i = 0; i < 8; i++) bytes[random.Next(8, bytes.Length)] = (byte)(random.Next(3) is 0 ? 0xFF : random.Next(256));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Read(bytes);
            }
            catch (InvalidDataException)
            {
                // Refused, as it should be.
            }

            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(16 * 1024 * 1024), $"round {round}");
        }
    }

    private static DeviceIndex Filled()
    {
        var index = new DeviceIndex();
        index.Release([Phone, SameModel, OtherModel]);
        index.Retire([SameModel]);
        index.AddTacs([Phone.Tac, OtherModel.Tac]);
        index.TacListIsFresh(1_000);
        index.Arm(Theft, [Phone], [], [Serials(Phone.Tac, 10, 20)], ["#12AB"], [new EquipmentPair(Phone, 3), new EquipmentPair("#12Ä", 4)]);
        index.Arm(Court, [Phone, OtherModel], [OtherModel.Tac]);
        index.Arm(Theft with { Number = 77 }, [SameModel], []);
        index.Pair([new EquipmentPair(Phone, 5), new EquipmentPair(Phone, 6), new EquipmentPair("#12AB", 5)]);
        index.Told(2, 1, [7, 8]);
        index.Told(3, ulong.MaxValue, []);
        index.KnewEverythingAt(2_000);
        index.Publish(42);
        return index;
    }

    private static string Said(DeviceIndex index)
    {
        var facts = new[] { Phone, SameModel, OtherModel, new Imei(1) }.Select(i =>
            $"{index.DeviceOf(i)} {index.TacOf(i)} {string.Join(',', index.ImeiOrdersOf(i))} {string.Join(',', index.TacOrdersOf(i))} {index.FactsOf(Identity(i), [], subscriber: 5).Pairing}");
        var told = index.Sayings.Select(s => $"{s.Kind} {s.Id} {Convert.ToHexString(s.Said.Span)}");
        var counts = $"{index.Position} {index.KnownAtMs} {index.Devices} {index.Tacs} {index.Orders} {index.Pairings} {Convert.ToHexString(index.Digest.ToBytes())}";
        return string.Join('\n', [counts, .. facts, .. told, string.Join(',', index.OrdersOf("#12ab")), string.Join(',', index.RangeOrdersOf(new Imei(Phone.Tac.Value * 1_000_000ul + 15)))]);
    }

    private static byte[] Bytes(DeviceIndex index)
    {
        using var stream = new MemoryStream();
        index.WriteTo(stream);
        return stream.ToArray();
    }

    private static DeviceIndex Read(byte[] bytes)
    {
        using var stream = new MemoryStream(bytes);
        return DeviceIndex.ReadFrom(stream);
    }
}
