using System.Buffers.Binary;

namespace DeviceRegistry.Core.Tests.Journal;

/// <summary>Elements added together give the same digest as elements added one by one.</summary>
public sealed class StateDigestSumTests
{
    [Test]
    public void Numbers_added_together_give_the_digest_of_numbers_added_one_by_one(
        [Values(0, 1, 7, 8, 9, 64, 1_003)] int count)
    {
        var random = new Random(count);
        ulong[] numbers = [.. Enumerable.Range(0, count)
            .Select(i => i % 5 is 0 ? ulong.MaxValue - (ulong)i : (ulong)random.NextInt64())];
        var (together, alone) = (default(StateDigest), default(StateDigest));
        together.Add([1]);
        alone.Add([1]);

        together.AddAll((byte)'1', numbers);
        foreach (var number in numbers) alone.Add(Thing((byte)'1', number));

        Assert.That(together.ToBytes(), Is.EqualTo(alone.ToBytes()));
    }

    [Test]
    public void A_digest_is_parsed_from_its_signed_bytes()
    {
        var digest = default(StateDigest);
        digest.AddAll(7, [1, 2, 3]);

        Assert.That(StateDigest.FromBytes(digest.ToBytes()), Is.EqualTo(digest));
    }

    private static byte[] Thing(byte what, ulong number)
    {
        var thing = new byte[9];
        thing[0] = what;
        BinaryPrimitives.WriteUInt64BigEndian(thing.AsSpan(1), number);
        return thing;
    }
}
