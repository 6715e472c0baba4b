using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using PartyKind = DeviceRegistry.Contracts.V1.PartyKind;
using ActorKind = DeviceRegistry.Contracts.V1.ActorKind;
using OrderClass = DeviceRegistry.Contracts.V1.OrderClass;

namespace DeviceRegistry.Benchmarks;

/// <summary>Entries that one core verifies per second, as dreg journal verify does: the hash chain alone, and with the
/// signatures of two people for every order. Baselines in the same run: the two hashes that an entry needs at least,
/// and the two signatures that an order needs at least.</summary>
internal static class JournalVerify
{
    public static Benchmark Benchmark { get; } = new("verify",
        "Journal entries a core verifies a second, beside the hashes and signature checks they need at least.",
        [new("entries", "journal entries", 300_000, 30_000, 3_000), new("rounds", "interleaved rounds", 5, 3, 1)], [],
        values => Task.Run(() => Run(values[0], values[1])));

    private static void Run(int entries, int rounds)
    {
        var plain = Chain(Enumerable.Range(0, entries)
            .Select(i => (JournalKind.ImeisReleased, 1ul,
            (IMessage)new ImeisReleased
            {
                BatchNumber = 1,
                ImeiDeltas = { 35_290_611_000_000ul + (ulong)i, 1, 1, 1 }
            })));
        var signed = Chain(Orders(entries / 30));
        Say(rounds, "the chain", plain.Count, () => Walk(plain, null), "two hashes each", () => Hash(plain));
        Say(rounds, "the chain with orders", signed.Count, () =>
            WalkSigned(signed), "two signatures an order", () => Signatures(entries / 30));
    }

    private static void Say(int rounds, string what, int count, Action verify, string floor, Action least)
    {
        Figure rates = new($"{what}: entries/s"), own = new($"{what}: CPU"), other = new($"{floor}: CPU");
        for (var round = 0; round < rounds; round++)
        {
            own.Add(Timing.CpuSeconds(verify));
            other.Add(Timing.CpuSeconds(least));
            rates.Add(count / own.Last);
        }

        Console.WriteLine(
            $"{what}: {rates.Median:N0} entries/s a core, {count:N0} entries; " +
            $"{Figure.Ratio(other, own).Median:0.00} of the speed of {floor} alone (baseline; medians of {rounds})");
    }

    private static void WalkSigned(List<JournalEntry> entries)
    {
        using var orders = new SignedOrders();
        Walk(entries, orders);
    }

    private static void Walk(List<JournalEntry> entries, SignedOrders? orders)
    {
        var end = ChainEnd.Genesis;
        foreach (var entry in entries)
        {
            if (!JournalEntryRules.Follows(entry, end, out var fault)) throw new InvalidOperationException(fault);
            if (orders?.Take(entry) is { Length: > 0 } doubt) throw new InvalidOperationException(doubt);

            end = ChainEnd.At(entry);
        }
    }

    private static void Hash(List<JournalEntry> entries)
    {
        Span<byte> hash = stackalloc byte[JournalHash.Size];
        var link = new byte[129];
        foreach (var entry in entries)
        {
            SHA256.HashData(entry.PublicBytes.Span, hash);
            SHA256.HashData(link, hash);
        }
    }

    private static void Signatures(int orders)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (data, signature) = (new byte[54], key.SignData(new byte[54], HashAlgorithmName.SHA256));
        for (var i = 0; i < 2 * orders; i++)
            if (!key.VerifyData(data, signature, HashAlgorithmName.SHA256)) throw new InvalidOperationException(
                "a good signature did not verify");
    }

    private static List<JournalEntry> Chain(IEnumerable<(JournalKind Kind, ulong Actor, IMessage Said)> said)
    {
        var (end, entries) = (ChainEnd.Genesis, new List<JournalEntry>());
        foreach (var (kind, actor, message) in said)
        {
            var entry = new JournalEntry
            {
                Position = end.Position + 1, Epoch = 1, AtUs = 1_000_000 + entries.Count, Kind = (int)kind,
                Actor = actor, PublicBytes = message.ToByteString(),
                PrivateDigest = ByteString.CopyFrom(new byte[JournalHash.Size]),
            };
            entry.Hash = ByteString.CopyFrom(JournalEntryRules.HashOf(entry, end.Hash));
            entries.Add(entry);
            end = ChainEnd.At(entry);
        }

        return entries;
    }

    private static IEnumerable<(JournalKind Kind, ulong Actor, IMessage Said)> Orders(int orders)
    {
        using ECDsa drafter = ECDsa.Create(ECCurve.NamedCurves.nistP256),
            approver = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        yield return (JournalKind.PartyChanged, 0,
            new PartyChanged { PartyId = 1, Kind = PartyKind.Regulator, State = MembershipState.Active });
        foreach (var (id, key) in ((ulong, ECDsa)[])[(1, drafter), (2, approver)])
            yield return (JournalKind.ActorChanged, 0,
                new ActorChanged
                {
                    ActorId = id, PartyId = 1, Kind = ActorKind.Person, State = MembershipState.Active,
                    KeyDigest = ByteString.CopyFrom(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))
                });
        for (var order = 1ul; order <= (ulong)orders; order++)
        {
            var draft = new DraftOrderRequest
            {
                Reference = $"B-{order}", OrderClass = OrderClass.C, Reason = "STOLEN",
                Basis = "benchmark"
            };
            var signature = OrderSigning.SignDraft(draft, drafter);
            var digest = ByteString.CopyFrom(OrderSigning.DraftDigest(draft, signature));
            signature.Salt = ByteString.Empty;
            yield return (JournalKind.OrderDrafted, 1,
                new OrderStep { OrderNumber = order, DraftDigest = digest, Signature = signature });
            yield return (JournalKind.OrderApproved, 2,
                new OrderStep
                {
                    OrderNumber = order, DraftDigest = digest,
                    Signature = OrderSigning.SignApproval(order, digest.Span, 0, approver)
                });
            yield return (JournalKind.OrderArmed, 2,
                new OrderArmed
                {
                    OrderNumber = order, OrderClass = OrderClass.C,
                    ImeiDeltas = { 35_290_611_000_000 + order }
                });
        }
    }
}
