using System.Security.Cryptography;

namespace DeviceRegistry.Core.Tests.Journal;

/// <summary>The hash chain, byte for byte. The expected values were computed independently with Python's hashlib and
/// struct.</summary>
public sealed class JournalHashTests
{
    private static readonly JournalHeader Header = new(
        Position: 0x01_02_03_04_05_06_07_08, Epoch: 0x0A_0B_0C_0D, AtUs: 1_758_000_000_123_456, Kind: 16,
        MustUnderstand: true, Actor: 0x11_12_13_14_15_16_17_18);

    private static readonly byte[] Previous = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly byte[] PrivateDigest = [.. Enumerable.Repeat((byte)0xEE, 32)];

    [Test]
    public void An_entry_has_the_hash_that_an_independent_program_computed()
    {
        var hash = JournalHash.Of(Previous, Header, "public"u8, PrivateDigest);

        Assert.That(Convert.ToHexString(hash),
            Is.EqualTo("A813EF92F740BCED24D230B8D377B150588836BBAEC500D2ACE4800608536496"));
    }

    [Test]
    public void An_empty_first_entry_has_the_hash_that_an_independent_program_computed()
    {
        var first = new JournalHeader(Position: 1, Epoch: 1, AtUs: 0, Kind: 0, MustUnderstand: false, Actor: 0);

        var hash = JournalHash.Of(JournalHash.Genesis, first, [], SHA256.HashData([]));

        Assert.That(Convert.ToHexString(hash),
            Is.EqualTo("A34E8787794B9D832A4E87D352F460E6080AEC3616D5A344BF2F643C0359ED66"));
    }

    [Test]
    public void The_hash_input_is_previous_hash_header_public_bytes_and_private_digest()
    {
        byte[] bytes =
        [
            .. Previous,
            0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,          // position
            0x0A, 0x0B, 0x0C, 0x0D,                                  // epoch
            0x00, 0x06, 0x3E, 0xE4, 0x45, 0x85, 0xC2, 0x40,          // microseconds
            0x00, 0x00, 0x00, 0x10,                                  // kind
            0x01,                                                    // must understand
            0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,          // actor
            .. SHA256.HashData("public"u8),
            .. PrivateDigest,
        ];

        Assert.That(JournalHash.Of(Previous, Header, "public"u8, PrivateDigest), Is.EqualTo(SHA256.HashData(bytes)));
    }

    [Test]
    public void The_hash_before_the_first_entry_is_32_zero_bytes()
    {
        Assert.That(JournalHash.Genesis, Is.EqualTo(new byte[32]));
    }

    [Test]
    public void The_hash_before_the_first_entry_cannot_be_modified()
    {
        JournalHash.Genesis[0] = 1;

        Assert.That(JournalHash.Genesis, Is.All.Zero);
    }

    private static IEnumerable<TestCaseData<JournalHeader>> ChangedHeaders() =>
    [
        new(Header with { Position = Header.Position + 1 }) { TestName = "{m}(position)" },
        new(Header with { Epoch = Header.Epoch + 1 }) { TestName = "{m}(epoch)" },
        new(Header with { AtUs = Header.AtUs + 1 }) { TestName = "{m}(time)" },
        new(Header with { Kind = Header.Kind + 1 }) { TestName = "{m}(kind)" },
        new(Header with { MustUnderstand = false }) { TestName = "{m}(must understand)" },
        new(Header with { Actor = Header.Actor + 1 }) { TestName = "{m}(actor)" },
    ];

    [TestCaseSource(nameof(ChangedHeaders))]
    public void A_change_of_any_header_field_changes_the_hash(JournalHeader changed)
    {
        Assert.That(JournalHash.Of(Previous, changed, "public"u8, PrivateDigest),
            Is.Not.EqualTo(JournalHash.Of(Previous, Header, "public"u8, PrivateDigest)));
    }

    [Test]
    public void A_change_of_the_public_bytes_changes_the_hash()
    {
        Assert.That(JournalHash.Of(Previous, Header, "Public"u8, PrivateDigest),
            Is.Not.EqualTo(JournalHash.Of(Previous, Header, "public"u8, PrivateDigest)));
    }

    [TestCase(0)]
    [TestCase(31)]
    public void A_change_at_either_end_of_the_private_digest_changes_the_hash(int at)
    {
        byte[] changed = [.. PrivateDigest];
        changed[at] ^= 1;

        Assert.That(JournalHash.Of(Previous, Header, "public"u8, changed),
            Is.Not.EqualTo(JournalHash.Of(Previous, Header, "public"u8, PrivateDigest)));
    }

    [TestCase(0)]
    [TestCase(31)]
    public void A_change_at_either_end_of_the_previous_hash_changes_the_hash(int at)
    {
        byte[] changed = [.. Previous];
        changed[at] ^= 1;

        Assert.That(JournalHash.Of(changed, Header, "public"u8, PrivateDigest),
            Is.Not.EqualTo(JournalHash.Of(Previous, Header, "public"u8, PrivateDigest)));
    }

    [Property]
    public void A_change_of_one_bit_of_the_public_bytes_changes_the_hash(byte[] bytes, byte bit,
        byte tail)
    {
        byte[] one = [.. bytes, tail];
        byte[] other = [.. bytes, (byte)(tail ^ (1 << bit % 8))];

        Assert.That(JournalHash.Of(Previous, Header, one, PrivateDigest),
            Is.Not.EqualTo(JournalHash.Of(Previous, Header, other, PrivateDigest)));
    }
}
