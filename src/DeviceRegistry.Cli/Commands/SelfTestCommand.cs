using System.Buffers.Binary;
using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using OrderAction = DeviceRegistry.Contracts.V1.OrderAction;
using OrderClass = DeviceRegistry.Contracts.V1.OrderClass;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Computes what is signed and hashed from fixed inputs, and compares it with values that were computed
/// independently of this code, those of proto/docs/canonical-forms.md among them. It proves that a binary compiled in
/// another way (ahead of time, trimmed) produces the same bytes.</summary>
internal static class SelfTestCommand
{
    private const ulong Position = 0x01_02_03_04_05_06_07_08;
    private const long AtUs = 1_758_000_000_123_456;

    // The private key was discarded; signature made with openssl over "device-registry recovery" LF and the recovery
    // statement.
    private const string PublicKey =
        "3059301306072a8648ce3d020106082a8648ce3d030107034200041122b0300201ea3f84e4328519bbfd8e7fef0bbdb697140dfeb5c" +
        "e20346545e77c240063d748ff8ed72f72f30083b6403e71df612975014a645cbeff9012c91c";
    private const string SignatureValue =
        "30450221008b694e7d3055d9697a37ff07f2fe5110959ab02d290a9f74d7f8bfb6f9b89add02206c06eb05d34c65e9eaa1c56ead27a3" +
        "ae4624acf715727e74ed1c61f0a442ffbe";

    private static readonly byte[] First32 = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly ByteString Hash = ByteString.CopyFrom(First32);
    private static readonly ByteString StateHash = ByteString.CopyFrom([.. Enumerable.Repeat((byte)0xEE, 32)]);

    private static readonly RecoveryStatement Recovery =
        new() { Epoch = 3, AfterPosition = 7, AfterHash = Hash, Reason = "Köln: disk failure" };

    /// <summary>One computation: its name, its value or the SHA-256 of it, and whether it equals the expected
    /// one.</summary>
    private sealed record Result(string Name, string Value, bool Passed);

    public static Command Build() =>
        new CliCommand("selftest",
            "Computes what is signed and hashed from fixed inputs, and compares it with the values it must have.",
            "dreg selftest")
            .Does((_, session, _) =>
            {
                Result[] results = [.. Forms().Append(SignatureVerified()).Append(Messages())];
                if (results.Where(r => !r.Passed).Select(r => r.Name).ToArray() is { Length: > 0 } failed)
                    throw new CommandException(new Fault(Fault.RefusedCode,
                        $"Not as it must be: {string.Join(", ", failed)}.", "SELFTEST_FAILED",
                        "Do not sign or verify with this program; build it again, or take another build."));

                session.Out.Answer(
                    new JsonObject
                    {
                        ["passed"] = true,
                        ["results"] = new JsonArray([.. results.Select(r =>
                            new JsonObject { ["name"] = r.Name, ["value"] = r.Value })]),
                    },
                    [.. results.Select(r => $"{r.Name,-22} {r.Value}"),
                        $"passed: {results.Length} of {results.Length}"]);
                return Task.CompletedTask;
            });

    private static IEnumerable<Result> Forms() =>
    [
        Form("order draft", Draft(), """
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
            pairs=0:
            pairs.equipment=14:35290611000002
            pairs.subscriber=0:
            pairs.subscriber.operator_party_id=1:5
            pairs.subscriber.key_version=1:2

            """),
        Expect("order draft digest", OrderSigning.DraftDigest(PlainDraft(),
            new Signature { Salt = ByteString.CopyFrom(new byte[OrderSigning.SaltSize]) }),
            "3a64f8692c088f69c70afd676dac194f7dc7a5582b2ad71968d3209a75ae7d81"),
        Form("order measure", new DraftOrderActionRequest { Reference = "L-1", OrderNumber = ulong.MaxValue,
            Basis = "Ö",
            Action = OrderAction.Vacate, AppealNumber = 9 }, """
            deviceregistry.v1.DraftOrderActionRequest
            reference=3:L-1
            order_number=20:18446744073709551615
            basis=2:Ö
            action=1:4
            appeal_number=1:9

            """),
        Form("order approval", new ApproveOrderRequest { OrderNumber = 7, DraftDigest = ByteString.CopyFrom(1, 171),
            TargetOrderNumber = 3 }, """
            deviceregistry.v1.ApproveOrderRequest
            order_number=1:7
            draft_digest=4:01ab
            target_order_number=1:3

            """),
        Expect("first journal entry", JournalHash.Of(JournalHash.Genesis, new JournalHeader(1, 1, 0, 0, false, 0), [],
            SHA256.HashData([])), "a34e8787794b9d832a4e87d352f460e6080aec3616d5a344bf2f643c0359ed66"),
        Expect("journal entry", JournalHash.Of(First32,
            new JournalHeader(Position, 0x0A_0B_0C_0D, AtUs, 16, true, 0x11_12_13_14_15_16_17_18), "public"u8,
            StateHash.Span), "a813ef92f740bced24d230b8d377b150588836bbaec500d2ace4800608536496"),
        Expect("state digest", State(), "26e1fde90a8c24d140271b8e715c649e3fa0ce672aaa7ee66bc2e2e384d6dd23"),
        Expect("subscriber pseudonym", PseudonymBytes(), "7163c54497f20a25"),
        Expect("checkpoint statement", SHA256.HashData(new CheckpointStatement { Epoch = 2, Position = Position,
            Hash = Hash, StateDigest = StateHash, AtUs = AtUs }.ToByteArray()),
            "66b28826beffa4f7eef2f305a07fa5207dc68bb2f79b22570b0eb9729add2c34"),
        Expect("snapshot statement", SHA256.HashData(
            new SnapshotStatement { Epoch = 2, Position = Position, Hash = Hash,
            StateDigest = StateHash, Bytes = 1_000, AtUs = AtUs,
            Digest = ByteString.CopyFrom([.. Enumerable.Repeat((byte)0xDD, 32)]) }.ToByteArray()),
            "f52b08cce61984bd939081a4694af466f2e4d70c2a5fff27b7afbe8fa9254bdb"),
        Expect("recovery statement", SHA256.HashData(Recovery.ToByteArray()),
            "9c542e2edda40e16f78b9739846365acf5cb2c1db7f046d91bfc16b0d845e7b0"),
    ];

    private static DraftOrderRequest PlainDraft() => new()
    {
        Reference = "CASE-1", OrderClass = OrderClass.C, Reason = "STOLEN", Basis = "Anzeige Nr. 7, Köln",
        Imeis = { "352906110000017", "35290611000002" },
        ExpiresAt = new Timestamp { Seconds = 1_800_000_000 }, Evidence = { ByteString.CopyFrom(1, 171) },
    };

    // Has nested messages, and a signature, which the canonical form leaves out.
    private static DraftOrderRequest Draft()
    {
        var draft = PlainDraft();
        draft.Pairs.Add(new OrderPair
        {
            Equipment = "35290611000002",
            Subscriber = new Subscriber { OperatorPartyId = 5, KeyVersion = 2 }
        });
        draft.Signature = new Signature { Salt = ByteString.CopyFrom(1) };
        return draft;
    }

    // IMEI 35290611000001 released, TAC 35290611 in the list. Further IMEIs go in and out again: a large set is hashed
    // with vector instructions, single ones are removed one by one.
    private static byte[] State()
    {
        var state = new StateDigest();
        state.AddAll((byte)'1', [.. Enumerable.Range(1, 100).Select(i => 35_290_611_000_000UL + (ulong)i)]);
        Span<byte> element = stackalloc byte[1 + sizeof(ulong)];
        element[0] = (byte)'1';
        foreach (var i in Enumerable.Range(2, 99))
        {
            BinaryPrimitives.WriteUInt64BigEndian(element[1..], 35_290_611_000_000UL + (ulong)i);
            state.Remove(element);
        }

        state.Add(Convert.FromHexString("5400000000021a7df3"));
        return state.ToBytes();
    }

    private static byte[] PseudonymBytes()
    {
        var bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, SubscriberPseudonym.Of(First32, "410010123456789"));
        return bytes;
    }

    private static Result Form(string name, IMessage message, string expected)
    {
        var form = OrderSigning.CanonicalForm(message);
        return new Result(name, Convert.ToHexStringLower(SHA256.HashData(form)),
            Encoding.UTF8.GetString(form) == expected);
    }

    private static Result Expect(string name, byte[] hash, string expected) =>
        new(name, Convert.ToHexStringLower(hash), Convert.ToHexStringLower(hash) == expected);

    private static Result SignatureVerified()
    {
        var statement = Recovery.ToByteString();
        var signature = Signing.Ecdsa(ByteString.CopyFrom(Convert.FromHexString(PublicKey)),
            ByteString.CopyFrom(Convert.FromHexString(SignatureValue)));
        return new Result("signature", Signing.KeyOf(signature).ToLowerInvariant(),
            Signing.Verifies("recovery", statement.Span, signature)
            && !Signing.Verifies("checkpoint", statement.Span, signature));
    }

    // Canonical forms and JSON read messages through their descriptors; trimming may break that for a single type.
    private static Result Messages()
    {
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var passed = true;
        foreach (var message in ContractMessages.Filled())
        {
            var json = JsonFormatter.Default.Format(message);
            all.AppendData(Encoding.UTF8.GetBytes(json));
            if (message.Descriptor.FindFieldByName("signature") is { FieldType: FieldType.Message })
                all.AppendData(OrderSigning.CanonicalForm(message));
            passed &= message.Equals(JsonParser.Default.Parse(json, message.Descriptor))
                && message.Equals(message.Descriptor.Parser.ParseFrom(message.ToByteArray()));
        }

        return new Result("messages", Convert.ToHexStringLower(all.GetHashAndReset()), passed);
    }
}
