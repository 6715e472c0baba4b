using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using ActorKind = DeviceRegistry.Core.ActorKind;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>Which recovery statements are trusted.</summary>
public sealed class RecoveryRulesTests
{
    private static readonly ECDsa FirstKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ECDsa SecondKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ECDsa RetiredKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ECDsa ManufacturersKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ECDsa MachinesKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ECDsa UnknownKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ChainEnd End = new(7, 1, 7_000, SHA256.HashData([7]));
    private static readonly RecoveryStatement Statement =
        new() { Epoch = 2, AfterPosition = 7, AfterHash = ByteString.CopyFrom(End.Hash), Reason = "disk failure" };

    private static readonly object[] OtherSigners =
    [
        new object[] { new[] { FirstKey }, "it has 1 signatures, expected 2" },
        new object[] { new[] { FirstKey, FirstKey }, "both signatures are one person's" },
        new object[] { new[] { FirstKey, SecondKey, RetiredKey }, "it has 3 signatures, expected 2" },
        new object[] { new[] { FirstKey, RetiredKey }, "it is signed with a key of nobody of the regulator" },
        new object[] { new[] { FirstKey, ManufacturersKey }, "it is signed with a key of nobody of the regulator" },
        new object[] { new[] { FirstKey, MachinesKey }, "it is signed with a key of nobody of the regulator" },
        new object[] { new[] { FirstKey, UnknownKey }, "it is signed with a key of nobody of the regulator" },
    ];

    private static readonly Action<RecoveryStatement>[] OtherStatements =
        [s => s.Epoch = 3, s =>
        s.Epoch = 1, s => s.AfterPosition = 6, s => s.AfterHash = ByteString.CopyFrom(SHA256.HashData([8]))];

    [OneTimeTearDown]
    public static void DisposeKeys()
    {
        FirstKey.Dispose();
        SecondKey.Dispose();
        RetiredKey.Dispose();
        ManufacturersKey.Dispose();
        MachinesKey.Dispose();
        UnknownKey.Dispose();
    }

    [Test]
    public void A_statement_signed_by_two_people_of_the_regulator_is_trusted()
    {
        Assert.That(FaultOf(Sealed(Signed(Statement, FirstKey, SecondKey))), Is.Empty);
    }

    [TestCaseSource(nameof(OtherSigners))]
    public void A_statement_with_any_other_signers_is_rejected(ECDsa[] signers, string fault)
    {
        Assert.That(FaultOf(Sealed(Signed(Statement, signers))), Is.EqualTo(fault));
    }

    [TestCaseSource(nameof(OtherStatements))]
    public void A_statement_about_another_restore_is_rejected(Action<RecoveryStatement> change)
    {
        var other = Statement.Clone();
        change(other);

        Assert.That(FaultOf(Sealed(Signed(other, FirstKey, SecondKey))), Does.StartWith("it is about "));
    }

    [Test]
    public void A_signature_of_another_statement_does_not_verify()
    {
        var other = Statement.Clone();
        other.Reason = "nothing happened";
        var mixed = Signed(Statement, FirstKey, SecondKey);
        mixed.Statement = other.ToByteString();

        Assert.That(FaultOf(Sealed(mixed)), Does.Match("the signature of person [12] does not match"));
    }

    [Test]
    public void Bytes_that_are_not_a_statement_are_rejected()
    {
        var recovered = Signed(Statement, FirstKey, SecondKey);
        recovered.Statement = ByteString.CopyFrom(0xFF, 0xFF);

        Assert.That(FaultOf(Sealed(recovered)), Is.EqualTo("it cannot be read"));
    }

    [Test]
    public void Invalid_keys_and_signatures_do_not_throw()
    {
        var recovered = new Recovered { Statement = Statement.ToByteString() };
        foreach (var key in (ECDsa[])[FirstKey, SecondKey])
            recovered.Signatures.Add(Signing.Ecdsa(ByteString.CopyFrom(key.ExportSubjectPublicKeyInfo()),
                ByteString.CopyFrom(1, 2, 3)));

        Assert.That(FaultOf(Sealed(recovered)), Does.EndWith("does not match"));
    }

    [Test]
    public void A_statement_above_the_size_limit_is_not_read_to_its_end()
    {
        var endless = Statement.Clone();
        endless.Reason = new string('x', 10_000);

        Assert.That(FaultOf(Sealed(Signed(endless, FirstKey, SecondKey))), Is.EqualTo("it is larger than 4096 bytes"));
    }

    private static string FaultOf(JournalEntry entry)
    {
        RecoveryRules.Follows(entry, End, Members(), out var fault);
        return fault;
    }

    private static MemberDirectory Members()
    {
        var members = new MemberDirectory();
        members.Put(new Party(1, PartyKind.Regulator, true, []));
        members.Put(new Party(2, PartyKind.Manufacturer, true, []));
        members.Put(new Actor(1, 1, ActorKind.Person, true, DigestOf(FirstKey), []));
        members.Put(new Actor(2, 1, ActorKind.Person, true, DigestOf(SecondKey), []));
        members.Put(new Actor(3, 1, ActorKind.Person, false, DigestOf(RetiredKey), []));
        members.Put(new Actor(4, 2, ActorKind.Person, true, DigestOf(ManufacturersKey), []));
        members.Put(new Actor(5, 1, ActorKind.Node, true, DigestOf(MachinesKey), []));
        return members;
    }

    private static string DigestOf(ECDsa key) => Convert.ToHexString(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

    private static Recovered Signed(RecoveryStatement statement, params ECDsa[] keys)
    {
        var bytes = statement.ToByteString();
        return new Recovered { Statement = bytes, Signatures = { keys.Select(k => RecoveryRules.Sign(bytes, k)) } };
    }

    private static JournalEntry Sealed(Recovered recovered)
    {
        var entry = new JournalEntry
        {
            Position = 8, Epoch = 2, AtUs = 8_000, Kind = (int)JournalKind.Recovered, MustUnderstand = true, Actor = 1,
            PublicBytes = recovered.ToByteString(), PrivateDigest = ByteString.CopyFrom(SHA256.HashData([])),
        };
        entry.Hash = ByteString.CopyFrom(JournalEntryRules.HashOf(entry, End.Hash));
        return entry;
    }
}
