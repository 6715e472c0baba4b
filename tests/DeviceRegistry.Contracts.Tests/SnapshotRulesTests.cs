using System.IO.Compression;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>Which snapshots of the registry are trusted, and that their chunks arrive unchanged.</summary>
public sealed class SnapshotRulesTests
{
    private static readonly X509Certificate2 Root = CheckpointTests.Authority();
    private static readonly X509Certificate2 Certificate = CheckpointTests.Issued(Root, "checkpoint");

    [OneTimeTearDown]
    public static void DisposeKeys()
    {
        Root.Dispose();
        Certificate.Dispose();
    }

    [Test]
    public void A_snapshot_signed_with_the_registrys_own_key_is_trusted()
    {
        Assert.That(SnapshotRules.IsSigned(SnapshotRules.Sign(Statement(), Certificate), Root, out var statement,
            out var fault), Is.True, fault);
        Assert.That(statement, Is.EqualTo(Statement()));
    }

    [Test]
    public void A_snapshot_of_another_authority_or_name_is_rejected()
    {
        foreach (var other in (X509Certificate2[])[CheckpointTests.Issued(CheckpointTests.Authority(), "checkpoint"),
            CheckpointTests.Issued(Root, "node-a1")])
            Assert.That(SnapshotRules.IsSigned(SnapshotRules.Sign(Statement(), other), Root, out _, out _), Is.False);
    }

    [Test]
    public void A_checkpoint_signature_is_not_valid_for_a_snapshot()
    {
        var bytes = Statement().ToByteString();
        using var key = Certificate.GetECDsaPrivateKey()!;
        var offer = new SnapshotOffer
        {
            Statement = bytes, Certificate = ByteString.CopyFrom(Certificate.RawData),
            Signature = Signing.Sign("checkpoint", bytes.Span, key).Ecdsa.Signature
        };

        Assert.That(SnapshotRules.IsSigned(offer, Root, out _, out var fault), Is.False);
        Assert.That(fault, Is.EqualTo("its signature does not match"));
    }

    [Test]
    public void A_change_of_any_byte_of_an_offer_is_rejected()
    {
        var offer = SnapshotRules.Sign(Statement(), Certificate);
        for (var i = 0; i < offer.Statement.Length; i++)
            Assert.That(SnapshotRules.IsSigned(new SnapshotOffer(offer) { Statement = Changed(offer.Statement, i) },
                Root, out _, out _), Is.False, $"statement byte {i}");
        for (var i = 0; i < offer.Signature.Length; i++)
            Assert.That(SnapshotRules.IsSigned(new SnapshotOffer(offer) { Signature = Changed(offer.Signature, i) },
                Root, out _, out _), Is.False, $"signature byte {i}");
        Assert.That(SnapshotRules.IsSigned(new SnapshotOffer(), Root, out _, out _), Is.False);
    }

    [Test]
    public void A_statement_without_a_digest_is_rejected()
    {
        foreach (var lacks in (Action<SnapshotStatement>[])[s => s.Digest = ByteString.Empty, s =>
            s.StateDigest = ByteString.Empty, s => s.Hash = ByteString.Empty])
        {
            var statement = Statement();
            lacks(statement);
            Assert.That(SnapshotRules.IsSigned(SnapshotRules.Sign(statement, Certificate), Root, out _, out var fault),
                Is.False);
            Assert.That(fault, Is.EqualTo("its statement is not whole"));
        }
    }

    [Property]
    public void A_compressed_chunk_is_decompressed_unchanged(byte[] bytes, uint offset)
    {
        if (bytes.Length is 0) return;

        var buffer = new byte[SnapshotRules.ChunkBytesMax];
        Assert.That(SnapshotRules.TryUnpack(SnapshotRules.Pack(offset, bytes), offset, buffer, out var unpacked),
            Is.True);
        Assert.That(unpacked.ToArray(), Is.EqualTo(bytes));
        Assert.That(SnapshotRules.TryUnpack(SnapshotRules.Pack(offset, bytes), offset + 1UL, buffer, out _), Is.False,
            "not where it was asked for");
    }

    [Test]
    public void A_chunk_of_random_bytes_and_one_of_a_single_byte_fit_a_message()
    {
        var noise = RandomNumberGenerator.GetBytes(SnapshotRules.ChunkBytesMax);
        var zeros = new byte[SnapshotRules.ChunkBytesMax];

        Assert.That(SnapshotRules.Pack(0, noise).CalculateSize(), Is.LessThan(SnapshotRules.ChunkBytesMax + 1024));
        Assert.That(SnapshotRules.Pack(0, zeros).CalculateSize(), Is.LessThan(1024));
    }

    // A small compressed chunk that expands beyond the limit is rejected at the limit.
    [Test]
    public void A_chunk_that_does_not_match_its_description_is_rejected()
    {
        var buffer = new byte[SnapshotRules.ChunkBytesMax];
        var bomb = new byte[BrotliEncoder.GetMaxCompressedLength(64 * 1024 * 1024)];
        BrotliEncoder.TryCompress(new byte[64 * 1024 * 1024], bomb, out var written, 1, 22);
        foreach (var bad in (SnapshotChunk[])
        [
            new() { Length = 5, Brotli = ByteString.CopyFrom(1, 2, 3) },
            new() { Length = SnapshotRules.ChunkBytesMax, Brotli = ByteString.CopyFrom(bomb, 0, written) },
            new() { Length = SnapshotRules.ChunkBytesMax + 1, Brotli = SnapshotRules.Pack(0, [1]).Brotli },
            new() { Length = 2, Brotli = SnapshotRules.Pack(0, [1]).Brotli },
            new() { Length = 0, Brotli = SnapshotRules.Pack(0, [1]).Brotli },
            new(),
        ])
            Assert.That(SnapshotRules.TryUnpack(bad, 0, buffer, out _), Is.False);
    }

    private static ByteString Changed(ByteString bytes, int at)
    {
        var copy = bytes.ToByteArray();
        copy[at] ^= 1;
        return ByteString.CopyFrom(copy);
    }

    private static SnapshotStatement Statement() => new()
    {
        Epoch = 1, Position = 7, Bytes = 1_000, AtUs = new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero)
            .ToUnixTimeMilliseconds() * 1000,
        Hash = ByteString.CopyFrom(SHA256.HashData([7])), StateDigest = ByteString.CopyFrom(new byte[StateDigest.Size]),
        Digest = ByteString.CopyFrom(SHA256.HashData([8])),
    };
}
