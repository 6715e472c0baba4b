using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>A verified signature in the form of the public part of the journal, without its salt, and the digest of
/// the signed draft.</summary>
internal sealed record OrderSignature(byte[] DraftDigest, ulong Against, Signature Signature)
{
    /// <summary>The journal entry of the signed step.</summary>
    public OrderStep Step(long order) =>
        new()
        {
            OrderNumber = (ulong)order, DraftDigest = ByteString.CopyFrom(DraftDigest), TargetOrderNumber = Against,
            Signature = Signature
        };
}

/// <summary>Verifies the signatures of drafts and approvals. The signing key must be the key of the caller's
/// certificate: a person cannot sign for another.</summary>
internal sealed class OrderSignatures(MemberDirectory members)
{
    /// <summary>The verified signature of a draft.</summary>
    public OrderSignature OfDraft(Caller drafter, IMessage draft, Signature? signature)
    {
        Inputs.Require(signature is not null, "signature", "the drafter's signature; dreg and the SDK add it");
        Inputs.Require(signature!.Salt.Length is OrderSigning.SaltSize, "signature.salt",
            $"{OrderSigning.SaltSize} random bytes");
        var digest = OrderSigning.DraftDigest(draft, signature);
        return new OrderSignature(digest, 0, Verified(drafter, digest, signature, "over the draft as it was sent"));
    }

    /// <summary>The verified signature of an approval.</summary>
    public OrderSignature OfApproval(Caller approver, ApproveOrderRequest approval)
    {
        var digest = Inputs.Digest("draft_digest", approval.DraftDigest.Span);
        Inputs.Require(approval.Signature is not null, "signature",
            "the approver's signature; dreg and the SDK add it");
        var signed = OrderSigning.ApprovalDigest(approval.OrderNumber, digest, approval.TargetOrderNumber);
        return new OrderSignature(digest, approval.TargetOrderNumber,
            Verified(approver, signed, approval.Signature!, "over order_number, draft_digest and target_order_number"));
    }

    private Signature Verified(Caller caller, byte[] signed, Signature signature, string signedFields)
    {
        Inputs.Require(signature.WebAuthn is null, "signature.web_authn",
            "signature.ecdsa: passkeys are not accepted yet");
        Inputs.Require(members.Find(Signing.KeyOf(signature), out var signer) is KeyStatus.Valid
            && signer!.ActorId == caller.ActorId, "signature.ecdsa.public_key", "the key of your own certificate");
        Inputs.Require(OrderSigning.Verifies(signed, signature), "signature.ecdsa.signature",
            $"an ECDSA P-256 signature {signedFields}");
        return new Signature { Ecdsa = signature.Ecdsa };
    }
}
