using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>The signed bytes of drafts and approvals. Other programs must compute the same bytes.</summary>
public sealed class OrderSigningTests
{
    private static readonly ECDsa Key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static readonly DraftOrderRequest Draft = new()
    {
        Reference = "CASE-1", OrderClass = OrderClass.C, Reason = "STOLEN", Basis = "Anzeige Nr. 7, Köln",
        Imeis = { "352906110000017", "35290611000002" },
        ExpiresAt = new Timestamp { Seconds = 1_800_000_000 }, Evidence = { ByteString.CopyFrom([1, 171]) },
    };

    private static readonly Action<DraftOrderRequest>[] Changes =
    [
        d => d.Reference += "x", d => d.OrderClass = OrderClass.A, d => d.Reason = "LOST", d => d.Basis = "", d =>
            d.Imeis.RemoveAt(0), d => d.Imeis.Add(""), d => d.Tacs.Add("35290611"),
        d => d.EffectiveAt = new Timestamp(), d => d.ExpiresAt = null, d => d.ExpiresAt.Nanos = 1, d =>
            d.Evidence.Clear(), d => d.Supersedes = 3, d => d.NoticeWaiver = "urgent",
        d => (d.Imeis[0], d.Imeis[1]) = (d.Imeis[1], d.Imeis[0]), d => (d.Reason, d.Basis) = (d.Basis, d.Reason),
    ];

    [OneTimeTearDown]
    public static void DisposeKey() => Key.Dispose();

    [Test]
    public void The_canonical_form_is_the_text_that_the_contract_specifies()
    {
        var signed = Draft.Clone();
        signed.Signature = OrderSigning.SignDraft(Draft, Key);

        Assert.That(Encoding.UTF8.GetString(OrderSigning.CanonicalForm(signed)), Is.EqualTo("""
            deviceregistry.v1.DraftOrderRequest
            reference=6:CASE-1
            order_class=1:3
            reason=6:STOLEN
            basis=20:Anzeige Nr. 7, Köln
            imeis=15:352906110000017
            imeis=14:35290611000002
            expires_at=0:
            expires_at.seconds=10:1800000000
            evidence=4:01ab

            """));
    }

    [TestCaseSource(nameof(Changes))]
    public void A_signature_does_not_verify_after_a_change_of_any_field_of_the_draft(Action<DraftOrderRequest> change)
    {
        var signature = OrderSigning.SignDraft(Draft, Key);
        var changed = Draft.Clone();
        change(changed);

        Assert.That(OrderSigning.Verifies(OrderSigning.DraftDigest(Draft, signature), signature), Is.True);
        Assert.That(OrderSigning.Verifies(OrderSigning.DraftDigest(changed, signature), signature), Is.False);
    }

    [Test]
    public void Two_signatures_of_one_draft_give_different_digests()
    {
        var (first, second) = (OrderSigning.SignDraft(Draft, Key), OrderSigning.SignDraft(Draft, Key));

        Assert.That(OrderSigning.DraftDigest(Draft, first), Is.Not.EqualTo(OrderSigning.DraftDigest(Draft, second)));
    }

    [Test]
    public void An_approval_is_bound_to_one_order_one_draft_and_one_target()
    {
        var digest = SHA256.HashData([1]);
        var signature = OrderSigning.SignApproval(7, digest, 3, Key);

        Assert.That(OrderSigning.Verifies(OrderSigning.ApprovalDigest(7, digest, 3), signature), Is.True);
        Assert.That(OrderSigning.Verifies(OrderSigning.ApprovalDigest(8, digest, 3), signature), Is.False);
        Assert.That(OrderSigning.Verifies(OrderSigning.ApprovalDigest(7, SHA256.HashData([2]), 3), signature),
            Is.False);
        Assert.That(OrderSigning.Verifies(OrderSigning.ApprovalDigest(7, digest, 4), signature), Is.False);
        Assert.That(Signing.Verifies("recovery", OrderSigning.ApprovalDigest(7, digest, 3), signature), Is.False);
    }

    [Test]
    public void Bytes_that_are_not_a_key_or_a_signature_do_not_verify()
    {
        var digest = SHA256.HashData([1]);
        var good = OrderSigning.SignApproval(7, digest, 0, Key);
        var longer = good.Clone();
        longer.Ecdsa.PublicKey = ByteString.CopyFrom([.. good.Ecdsa.PublicKey.Span, 0]);
        Signature[] bad =
        [
            new(), new() { WebAuthn = new WebAuthnSignature() }, Signing.Ecdsa(good.Ecdsa.PublicKey, ByteString.Empty),
            Signing.Ecdsa(ByteString.Empty, good.Ecdsa.Signature), longer,
            Signing.Ecdsa(ByteString.CopyFrom(new byte[10_000]), good.Ecdsa.Signature),
        ];

        foreach (var one in bad)
            Assert.That(OrderSigning.Verifies(OrderSigning.ApprovalDigest(7, digest, 0), one), Is.False);
    }

    [Test]
    public void Two_calls_are_equal_whatever_their_signatures()
    {
        var (first, second) = (Draft.Clone(), Draft.Clone());
        (first.Signature, second.Signature) = (OrderSigning.SignDraft(Draft, Key), OrderSigning.SignDraft(Draft, Key));

        Assert.That(OrderSigning.WithoutSignature(first), Is.EqualTo(OrderSigning.WithoutSignature(second)));
        Assert.That(first.Signature, Is.Not.Null);
    }
}
