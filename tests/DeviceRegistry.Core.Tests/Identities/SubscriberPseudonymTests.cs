using System.Security.Cryptography;
using System.Text;

namespace DeviceRegistry.Core.Tests.Identities;

/// <summary>Pseudonyms of IMSIs.</summary>
public sealed class SubscriberPseudonymTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, SubscriberPseudonym.KeySize).Select(i => (byte)i)];

    [Test]
    public void A_pseudonym_is_the_first_eight_bytes_of_the_hmac_over_the_digits()
    {
        var expected = Convert.ToHexStringLower(HMACSHA256.HashData(Key, Encoding.ASCII.GetBytes("410010123456789")))[
            ..16];

        Assert.That(SubscriberPseudonym.Of(Key, "410010123456789")
            .ToString("x16", System.Globalization.CultureInfo.InvariantCulture), Is.EqualTo(expected));
    }

    [TestCase("")]
    [TestCase("4100")]
    [TestCase("4100101234567890")]
    [TestCase("41001012345678x")]
    [TestCase(" 41001012345678")]
    [TestCase("\u0664\u0661\u0660\u0660\u0661")]
    public void A_text_that_is_not_an_imsi_has_no_pseudonym(string text) =>
        Assert.That(SubscriberPseudonym.Of(Key, text), Is.EqualTo(SubscriberPseudonym.None));

    [Test]
    public void Another_key_gives_the_same_subscriber_another_pseudonym() =>
        Assert.That(SubscriberPseudonym.Of([.. Key.Reverse()], "41001"),
            Is.Not.EqualTo(SubscriberPseudonym.Of(Key, "41001")));

    [Test]
    public void Computing_a_pseudonym_allocates_nothing()
    {
        SubscriberPseudonym.Of(Key, "410010123456789");
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 1_000; i++) SubscriberPseudonym.Of(Key, "410010123456789");

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }
}
