using DeviceRegistry.TestKit;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DeviceRegistry.Attach;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Registrar.Registration;
using DeviceRegistry.Server;
using DeviceRegistry.Server.Access;
using Google.Protobuf;
using ActorKind = DeviceRegistry.Core.ActorKind;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.System.Tests.BadInput;

/// <summary>No bytes make a parser or mapper throw anything but its documented exception with a message. (The tests of
/// Core and Contracts do the same for identities, TACs and entries.)</summary>
public sealed class AnyBytesTests
{
    private static readonly FeedChain Chain = new(5);
    private readonly Fuzz _fuzz = new();

    [Test]
    public void No_units_file_or_tac_list_causes_an_unexpected_exception()
    {
        string[] cells =
        [
            "serial_number", "imei_1", "imei_2", "35290611000001", "\"", "\"\"", ",", "|", "\n", "\r\n", "\r", "TAC",
            "Manufacturer", "Model_Name", "é", "\uFEFF", " ",
            "99999999", "01-Nov-2025",
        ];

        for (var i = 0; i < 2_000; i++)
        {
            var text = Encoding.UTF8.GetBytes(
                string.Concat(Enumerable.Range(0, _fuzz.Below(60)).Select(_ => _fuzz.Of(cells))));
            foreach (var bytes in (byte[][])[_fuzz.Bytes(), text, [.. "serial_number,imei_1\n"u8, .. text],
                [.. "TAC|Manufacturer|Model_Name\n"u8, .. text]])
            {
                IsAccepted(() => Units(bytes));
                IsAccepted(() => TacList.Read(bytes, TacListFormat.Gsma));
                IsAccepted(() => TacList.Read(bytes, TacListFormat.Osmocom));
            }
        }
    }

    [Test]
    public void No_policy_causes_an_unexpected_exception()
    {
        var taken = 0;
        for (var i = 0; i < 5_000; i++)
        {
            var policy = PolicyMapping.Defaults();
            var good = i % 2 is 0;
            try
            {
                policy.MergeFrom(_fuzz.Of(_fuzz.Protobuf(), _fuzz.Bytes(20)));
            }
            catch (InvalidProtocolBufferException)
            {
                continue;
            }

            // Half of the policies get valid values in the two fields that random bytes nearly always break, so that
            // the other rules are reached too.
            if (good) (policy.TacFreshnessDays, policy.DegradedCacheTtlS) = (30, 86_400);
            if (!IsAccepted(() => PolicyMapping.Require(policy))) continue;

            Assert.That(PolicyMapping.RulesFor((ulong)_fuzz.Below(3), 1, policy).TacWaitMs(new Tac(35_290_611)),
                Is.Not.Negative);
            taken++;
        }

        Assert.That(taken, Is.Positive);
    }

    [Test]
    public void Applying_an_entry_with_any_contents_throws_nothing([Values] JournalKind kind)
    {
        var applier = new EntryApplier(new NodeState("", new MemberDirectory()));
        for (var i = 0; i < 2_000; i++)
        {
            var entry = new JournalEntry
            {
                Kind = (int)kind, MustUnderstand = _fuzz.Below(2) is 0,
                AtUs = _fuzz.Of(0, long.MinValue, long.MaxValue, 1_800_000_000_000_000),
                PublicBytes = ByteString.CopyFrom(i % 2 is 0 ? _fuzz.Bytes() : _fuzz.Protobuf()),
            };

            Assert.That(() => applier.TryApply(entry), Throws.Nothing, entry.ToString());
        }
    }

    [Test]
    public void A_node_loads_only_the_valid_prefix_of_its_local_journal()
    {
        for (var i = 0; i < 400; i++)
        {
            var folder = Directory.CreateTempSubdirectory("drf").FullName;
            File.WriteAllBytes(Path.Combine(folder, "feed-0.log"), Corrupted());
            if (_fuzz.Below(2) is 0) File.WriteAllBytes(Path.Combine(folder, "known-at"), _fuzz.Bytes(30));

            // The node fetches the missing entries from the registrar and appends them.
            var taken = Chain.LoadAndRepair(folder);

            Assert.That(taken, Is.EqualTo(Chain.Entries.Take(taken.Count)));
            Assert.That(Chain.LoadAndRepair(folder), Is.EqualTo(Chain.Entries));
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void No_arguments_cause_an_unexpected_exception()
    {
        string[] some =
        [
            "--roles", "Registrar,Web", "Attach,,", "-1", "7", "--registrar-port", "--web-port", "65536", "99999999999",
            "--demo", "--listen", "", "--", "-",
            "--state", "é\0", "true", "--nothing", "--node",
        ];
        for (var i = 0; i < 5_000; i++)
        {
            var arguments = Enumerable.Range(0, _fuzz.Below(6))
                .Select(_ => _fuzz.Below(5) is 0 ? Encoding.Latin1.GetString(_fuzz.Bytes(12)) : _fuzz.Of(some))
                    .ToList();

            Assert.That(() => Read(arguments), Throws.Nothing, string.Join(' ', arguments));
        }

        static void Read(List<string> arguments)
        {
            try
            {
                OptionsReader.Read(arguments);
            }
            catch (ConfigurationFault)
            {
                // Expected: an exception with a message for the user.
            }
        }
    }

    [Test]
    public void No_certificate_causes_an_unexpected_exception()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (from, until) = (TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        var authority = new CertificateRequest("CN=root", rootKey, HashAlgorithmName.SHA256)
        {
            CertificateExtensions = { new X509BasicConstraintsExtension(true, false, 0, true) },
        };
        using var root = authority.CreateSelfSigned(from, until);
        var authenticator = new CertificateAuthenticator(root, TimeProvider.System);
        var admitted = 0;
        for (var i = 0; i < 300; i++)
        {
            using var key = ECDsa.Create(_fuzz.Of(ECCurve.NamedCurves.nistP256, ECCurve.NamedCurves.nistP384));
            var request = new CertificateRequest(Subject(), key, HashAlgorithmName.SHA256);
            if (_fuzz.Below(3) > 0) request.CertificateExtensions.Add(
                new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.2")], true));
            var odd = _fuzz.Of("2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.35", "1.2.3.4");
            if (_fuzz.Below(2) is 0) request.CertificateExtensions.Add(
                new X509Extension(odd, _fuzz.Bytes(40), _fuzz.Below(2) is 0));
            using var certificate = Signed(request);
            if (certificate is null) continue;

            var members = new MemberDirectory();
            members.Put(new Party(1, PartyKind.Operator, Active: true, [], "opco-a"));
            members.Put(new Actor(1, 1, ActorKind.Person, Active: true, CertificateAuthenticator.KeyOf(certificate), [],
                "operator-a"));

            if (IsAccepted(() => authenticator.Authenticate(certificate, members))) admitted++;
        }

        Assert.That(admitted, Is.Positive.And.LessThan(300));

        // TLS rejects bytes that cannot be parsed as a certificate, so they are skipped.
        X509Certificate2? Signed(CertificateRequest request)
        {
            try
            {
                return request.Create(root.SubjectName, X509SignatureGenerator.CreateForECDsa(rootKey), from, until,
                    [1, .. _fuzz.Bytes(15)]);
            }
            catch (CryptographicException)
            {
                return null;
            }
        }
    }

    // Unusual parts of a subject: no text, two values in one part, no part.
    private X500DistinguishedName Subject()
    {
        if (_fuzz.Below(3) is 0) return new X500DistinguishedName("CN=operator-a, O=opco-a");

        var subject = new AsnWriter(AsnEncodingRules.DER);
        using (subject.PushSequence())
        {
            for (var parts = _fuzz.Below(4); parts > 0; parts--)
            {
                using var set = subject.PushSetOf();
                for (var values = 1 + _fuzz.Below(2); values > 0; values--)
                {
                    using var value = subject.PushSequence();
                    subject.WriteObjectIdentifier(_fuzz.Of("2.5.4.3", "2.5.4.10", "1.2.3"));
                    if (_fuzz.Below(2) is 0) subject.WriteOctetString(_fuzz.Bytes(20));
                    else subject.WriteCharacterString(UniversalTagNumber.UTF8String,
                        _fuzz.Of("operator-a", "opco-a", "", "a\0b", "\u202E"));
                }
            }
        }

        return new X500DistinguishedName(subject.Encode());
    }

    private byte[] Corrupted()
    {
        var good = Chain.File(Chain.Entries.Count);
        var at = _fuzz.Below(good.Length);
        return _fuzz.Below(6) switch
        {
            0 => _fuzz.Bytes(),
            1 => [.. good.Take(8), .. _fuzz.Bytes()],
            2 => [.. good.Take(at)],
            3 => [.. good.Take(at), .. _fuzz.Bytes(20), .. good.Skip(at)],
            4 => [.. good, .. _fuzz.Bytes()],
            _ => [.. good.Select((b, i) => i == at ? (byte)(b ^ (1 << _fuzz.Below(8))) : b)],
        };
    }

    private void Units(byte[] bytes)
    {
        using var contents = new ParsedBatch(unitsExpected: 1);
        var reader = new UnitsReader(contents);
        foreach (var piece in bytes.Chunk(1 + _fuzz.Below(bytes.Length + 1))) reader.Read(piece);
        reader.End();
        contents.Sort();
    }

    private static bool IsAccepted(Action act)
    {
        try
        {
            act();
            return true;
        }
        catch (RegistryException)
        {
            return false;
        }
    }

    /// <summary>A valid chain of entries, and the local journal file of a node that holds them.</summary>
    private sealed class FeedChain
    {
        private static readonly byte[] Digest = SHA256.HashData([]);

        public FeedChain(int entries)
        {
            var hash = JournalHash.Genesis;
            for (var position = 1ul; position <= (ulong)entries; position++)
            {
                var entry = new JournalEntry
                {
                    Position = position, Epoch = 1, AtUs = (long)position, Kind = (int)JournalKind.OrderLifted,
                    MustUnderstand = true, Actor = 1,
                    PublicBytes = new OrderLifted { OrderNumber = position }.ToByteString(),
                    PrivateDigest = ByteString.CopyFrom(Digest),
                };
                entry.Hash = ByteString.CopyFrom(hash = JournalEntryRules.HashOf(entry, hash));
                Entries.Add(entry);
            }
        }

        public List<JournalEntry> Entries { get; } = [];

        public byte[] File(int entries) =>
            [.. "DRFEED01"u8, .. Entries.Take(entries)
                .SelectMany(e => (byte[])[.. BitConverter.GetBytes(e.CalculateSize()), .. e.ToByteArray()])];

        /// <summary>Returns the entries that a node accepts from its local journal: the valid prefix of the chain.
        /// Appends the missing ones.</summary>
        public List<JournalEntry> LoadAndRepair(string folder)
        {
            using var copy = new LocalJournal(folder);
            var taken = new List<JournalEntry>();
            copy.Load(0, entry =>
            {
                if (!JournalEntryRules.Follows(entry, taken is [.., var last] ? ChainEnd.At(last) : ChainEnd.Genesis,
                    out _)) return false;

                taken.Add(entry);
                return true;
            });
            copy.LoadKnownAt((ulong)taken.Count, nowMs: 1);
            copy.TryAppend(Entries.Skip(taken.Count), out _);
            return taken;
        }
    }
}
