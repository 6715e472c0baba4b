using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>Which checkpoints are trusted, and which contradict the reader's journal.</summary>
public sealed class CheckpointTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);
    private static readonly X509Certificate2 Root = Authority();
    private static readonly X509Certificate2 Certificate = Issued(Root, "checkpoint");
    private static readonly byte[] Hash = SHA256.HashData([7]);

    [OneTimeTearDown]
    public static void DisposeKeys()
    {
        Root.Dispose();
        Certificate.Dispose();
    }

    private static IEnumerable<TestCaseData> Others()
    {
        yield return new TestCaseData(Issued(Authority(), "checkpoint"), Now,
            "its certificate does not lead to the registry's root, or was not valid when it was signed")
            .SetArgDisplayNames("another authority");
        yield return new TestCaseData(Issued(Root, "regulator-a"), Now,
            "its certificate is not for signing checkpoints (CN=checkpoint)").SetArgDisplayNames("another name");
        yield return new TestCaseData(Certificate, Now.AddYears(3),
            "its certificate does not lead to the registry's root, or was not valid when it was signed")
            .SetArgDisplayNames("after its end");
    }

    [Test]
    public void A_checkpoint_signed_with_the_registrys_own_key_is_trusted()
    {
        Assert.That(CheckpointRules.IsSigned(CheckpointRules.Sign(Statement(7, Hash), Certificate), Root,
            out var statement, out var fault), Is.True, fault);
        Assert.That(statement, Is.EqualTo(Statement(7, Hash)));
    }

    [TestCaseSource(nameof(Others))]
    public void A_checkpoint_by_another_key_or_outside_the_validity_is_rejected(X509Certificate2 certificate,
        DateTimeOffset at, string expected)
    {
        var statement = Statement(7, Hash);
        statement.AtUs = at.ToUnixTimeMilliseconds() * 1000;

        Assert.That(CheckpointRules.IsSigned(CheckpointRules.Sign(statement, certificate), Root, out _, out var fault),
            Is.False);
        Assert.That(fault, Is.EqualTo(expected));
    }

    [Test]
    public void A_checkpoint_with_a_changed_statement_or_signature_is_rejected()
    {
        var changed = CheckpointRules.Sign(Statement(7, Hash), Certificate);
        changed.Statement = Statement(8, Hash).ToByteString();
        var foreign = CheckpointRules.Sign(Statement(7, Hash), Issued(Root, "checkpoint"));
        foreign.Certificate = ByteString.CopyFrom(Certificate.RawData);

        foreach (var bad in (Checkpoint[])[changed, foreign])
        {
            Assert.That(CheckpointRules.IsSigned(bad, Root, out _, out var fault), Is.False);
            Assert.That(fault, Is.EqualTo("its signature does not match"));
        }
    }

    [Test]
    public void Bytes_that_are_not_a_checkpoint_are_rejected()
    {
        var good = CheckpointRules.Sign(Statement(7, Hash), Certificate);
        foreach (var bad in (Checkpoint[])
            [new(), new() { Statement = ByteString.CopyFrom(255, 255), Certificate = good.Certificate,
                Signature = good.Signature },
                new() { Statement = good.Statement, Certificate = ByteString.CopyFrom(1, 2),
                Signature = good.Signature },
                new() { Statement = good.Statement, Certificate = good.Certificate,
                Signature = ByteString.CopyFrom(1, 2) }])
            Assert.That(CheckpointRules.IsSigned(bad, Root, out _, out _), Is.False);
    }

    [Test]
    public void A_checkpoint_of_another_history_or_state_is_a_contradiction()
    {
        var own = new StateDigests();
        own.Put(7, Hash, default);
        string TakeOne(CheckpointStatement statement)
        {
            var checkpoints = new Checkpoints(Root, own);
            Assert.That(checkpoints.Take(new JournalEntry
            {
                Position = 7, Epoch = 1, Hash = ByteString.CopyFrom(Hash),
                Kind = (int)JournalKind.OrderArmed
            }), Is.Empty);
            return checkpoints.Take(new JournalEntry
            {
                Position = 9, Epoch = 1, Kind = (int)JournalKind.Checkpoint,
                PublicBytes = CheckpointRules.Sign(statement, Certificate).ToByteString()
            });
        }

        var (otherHash, otherEpoch, otherState, later) =
            (Statement(7, SHA256.HashData([8])), Statement(7, Hash), Statement(7, Hash), Statement(9, Hash));
        otherEpoch.Epoch = 2;
        otherState.StateDigest = ByteString.CopyFrom(SHA256.HashData([9]));
        Assert.That(TakeOne(Statement(7, Hash)), Is.Empty);
        Assert.That(TakeOne(otherHash), Is.EqualTo("the checkpoint signs for another history at position 7"));
        Assert.That(TakeOne(otherEpoch), Is.EqualTo("the checkpoint signs for another history at position 7"));
        Assert.That(TakeOne(otherState),
            Is.EqualTo("the state here is not the one that the registry signed for at position 7"));
        Assert.That(TakeOne(later), Is.EqualTo("the checkpoint signs for what comes after it"));
    }

    private static CheckpointStatement Statement(ulong position, byte[] hash) => new()
    {
        Epoch = 1, Position = position, Hash = ByteString.CopyFrom(hash),
        StateDigest = ByteString.CopyFrom(new byte[StateDigest.Size]), AtUs = Now.ToUnixTimeMilliseconds() * 1000,
    };

    internal static X509Certificate2 Authority()
    {
        var request = new CertificateRequest("CN=authority", ECDsa.Create(ECCurve.NamedCurves.nistP256),
            HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(Now.AddDays(-1), Now.AddYears(5));
    }

    internal static X509Certificate2 Issued(X509Certificate2 root, string name)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        return request.Create(root, Now.AddDays(-1), Now.AddYears(1), RandomNumberGenerator.GetBytes(16))
            .CopyWithPrivateKey(key);
    }
}
