using System.Security.Cryptography;

namespace DeviceRegistry.Core.Tests.Journal;

public sealed class StateDigestTests
{
    [Test]
    public void Equal_states_have_equal_digests_in_any_order_of_additions_and_removals()
    {
        var random = Seed.NewRandom();
        var (straight, winding) = (default(StateDigest), default(StateDigest));
        for (var i = 0; i < 200; i++) straight.Add(BitConverter.GetBytes(i));

        foreach (var i in Enumerable.Range(0, 200).OrderBy(_ => random.Next()).ToList())
        {
            var passing = RandomNumberGenerator.GetBytes(9);
            winding.Add(passing);
            winding.Add(BitConverter.GetBytes(i));
            winding.Remove(passing);
        }

        Assert.That(winding.ToBytes(), Is.EqualTo(straight.ToBytes()));
    }

    [Test]
    public void A_missing_extra_or_repeated_element_changes_the_digest()
    {
        var (none, one, two, twice) =
            (default(StateDigest), default(StateDigest), default(StateDigest), default(StateDigest));
        one.Add([1]);
        two.Add([1]);
        two.Add([2]);
        twice.Add([1]);
        twice.Add([1]);

        Assert.That(new[] { none, one, two, twice }, Is.Unique);
        two.Remove([2]);
        Assert.That(two == one, Is.True);
        Assert.That(two != twice, Is.True);
    }

    [Test]
    public void An_addition_carries_through_all_256_bits()
    {
        // Half of the sums carry from the lower half into the upper.
        var (up, down) = (default(StateDigest), default(StateDigest));
        for (var i = 0; i < 1_000; i++) up.Add(BitConverter.GetBytes(i));
        for (var i = 999; i >= 0; i--) down.Add(BitConverter.GetBytes(i));
        var expected = Enumerable.Range(0, 1_000)
            .Aggregate(System.Numerics.BigInteger.Zero, (sum, i) =>
                (sum + new System.Numerics.BigInteger(SHA256.HashData(BitConverter.GetBytes(i)), isUnsigned: true,
                isBigEndian: true)) % System.Numerics.BigInteger.Pow(2, 256));

        Assert.That(up.ToBytes(), Is.EqualTo(down.ToBytes()));
        Assert.That(new System.Numerics.BigInteger(up.ToBytes(), isUnsigned: true, isBigEndian: true),
            Is.EqualTo(expected));
    }

    [Test]
    public void Only_the_digests_of_the_newest_positions_are_kept()
    {
        var digests = new StateDigests();
        var digest = default(StateDigest);
        for (var position = 1ul; position <= StateDigests.Kept + 3; position++)
        {
            digest.Add(BitConverter.GetBytes(position));
            digests.Put(position, BitConverter.GetBytes(position), digest);
        }

        Assert.That(digests.Newest, Is.EqualTo(StateDigests.Kept + 3ul));
        Assert.That(digests.At(StateDigests.Kept + 3, BitConverter.GetBytes((ulong)(StateDigests.Kept + 3))),
            Is.EqualTo(digest.ToBytes()));
        Assert.That(digests.At(4, BitConverter.GetBytes((ulong)(4))), Is.Not.Null);
        Assert.That(digests.At(3, BitConverter.GetBytes((ulong)(3))), Is.Null);
        Assert.That(digests.At(0, BitConverter.GetBytes((ulong)(0))), Is.Null);
        Assert.That(digests.At(StateDigests.Kept + 3, [1]), Is.Null, "another history");
        Assert.That(digests.At(StateDigests.Kept + 4, BitConverter.GetBytes((ulong)(StateDigests.Kept + 4))), Is.Null);
    }
}
