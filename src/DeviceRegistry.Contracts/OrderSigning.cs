using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace DeviceRegistry.Contracts;

/// <summary>Signatures of the drafter and the approver of an order, and their verification. orders.proto and
/// proto/docs/canonical-forms.md define the canonical form, so that other programs can compute it.</summary>
public static class OrderSigning
{
    /// <summary>Size of a draft's digest in bytes.</summary>
    public const int DigestSize = SHA256.HashSizeInBytes;

    /// <summary>Size of the salt of a drafter's signature in bytes.</summary>
    public const int SaltSize = 16;

    private const string Kind = "order";
    private const string SignatureField = "signature";

    /// <summary>Digest of a draft with the salt of its drafter's signature.</summary>
    public static byte[] DraftDigest(IMessage draft, Signature signature) =>
        SHA256.HashData([.. signature.Salt.Span, .. CanonicalForm(draft)]);

    /// <summary>Digest of a draft of either kind, as stored in the journal and returned by GetDraft; null if it
    /// has no signature.</summary>
    public static byte[]? DraftDigest(DraftOrderRequest? block, DraftOrderActionRequest? measure) =>
        (block, measure) switch
        {
            ({ Signature: { } signature }, _) => DraftDigest(block, signature),
            (null, { Signature: { } signature }) => DraftDigest(measure, signature),
            _ => null,
        };

    /// <summary>Digest that an approver signs.</summary>
    public static byte[] ApprovalDigest(ulong order, ReadOnlySpan<byte> draftDigest, ulong against) =>
        SHA256.HashData(CanonicalForm(
            new ApproveOrderRequest
            {
                OrderNumber = order, DraftDigest = ByteString.CopyFrom(draftDigest),
                TargetOrderNumber = against
            }));

    /// <summary>Signs a draft as its drafter.</summary>
    public static Signature SignDraft(IMessage draft, ECDsa key)
    {
        var salt = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(SaltSize));
        var signature = Signing.Sign(Kind, DraftDigest(draft, new Signature { Salt = salt }), key);
        signature.Salt = salt;
        return signature;
    }

    /// <summary>Signs an approval.</summary>
    public static Signature SignApproval(ulong order, ReadOnlySpan<byte> draftDigest, ulong against, ECDsa key) =>
        Signing.Sign(Kind, ApprovalDigest(order, draftDigest, against), key);

    /// <summary>Whether the signature is valid for the digest.</summary>
    public static bool Verifies(ReadOnlySpan<byte> digest, Signature signature) =>
        Signing.Verifies(Kind, digest, signature);

    /// <summary>Whether the signature is valid for the digest, with a key that is already parsed, which halves the
    /// cost.</summary>
    internal static bool Verifies(ReadOnlySpan<byte> digest, Signature signature, ECDsa key) =>
        Signing.Verifies(Kind, digest, signature, key);

    /// <summary>The request without its signature, which differs each time: equal results mean equal calls.</summary>
    public static T WithoutSignature<T>(T request)
        where T : IMessage<T>
    {
        var bare = request.Clone();
        bare.Descriptor.FindFieldByName(SignatureField).Accessor.Clear(bare);
        return bare;
    }

    /// <summary>Canonical form of a message: equal messages have equal bytes.</summary>
    public static byte[] CanonicalForm(IMessage message)
    {
        using var form = new MemoryStream();
        form.Write(Encoding.UTF8.GetBytes($"{message.Descriptor.FullName}\n"));
        Write(form, "", message);
        return form.ToArray();
    }

    private static void Write(MemoryStream form, string prefix, IMessage message)
    {
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            var value = field.Accessor.GetValue(message);
            if (prefix.Length is 0 && field.Name is SignatureField) continue;

            if (field.IsRepeated)
                foreach (var one in (System.Collections.IEnumerable)value) Write(form, prefix + field.Name, field, one);
            else if (field.FieldType is FieldType.Message ? value is not null : !IsUnset(value)) Write(form, prefix
                + field.Name, field, value!);
        }
    }

    private static void Write(MemoryStream form, string name, FieldDescriptor field, object value)
    {
        var text = Encoding.UTF8.GetBytes(value switch
        {
            IMessage => "",
            string s => s,
            ByteString bytes => Convert.ToHexStringLower(bytes.Span),
            bool truth => truth ? "1" : "0",
            Enum choice => Convert.ToInt32(choice, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture),
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => throw new NotSupportedException($"{field.FullName} has no canonical form"),
        });
        form.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name}={text.Length}:")));
        form.Write(text);
        form.WriteByte((byte)'\n');
        if (value is IMessage message) Write(form, name + ".", message);
    }

    private static bool IsUnset(object? value) => value switch
    {
        null or "" or false => true,
        ByteString bytes => bytes.IsEmpty,
        Enum choice => Convert.ToInt32(choice, CultureInfo.InvariantCulture) is 0,
        IConvertible number and not string => Convert.ToDecimal(number, CultureInfo.InvariantCulture) is 0,
        _ => false,
    };
}
