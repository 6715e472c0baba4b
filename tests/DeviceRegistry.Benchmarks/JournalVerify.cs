using System.Diagnostics;
using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Google.Protobuf;
using PartyKind = DeviceRegistry.Contracts.V1.PartyKind;
using ActorKind = DeviceRegistry.Contracts.V1.ActorKind;
using OrderClass = DeviceRegistry.Contracts.V1.OrderClass;

namespace DeviceRegistry.Benchmarks;

/// <summary>How many entries a core verifies, as dreg journal verify does: the chain alone, and with the signatures of
/// two people under each order. Beside it, in the same run: the two hashes an entry takes at least, and the two
/// signatures an order takes at least.</summary>
internal static class JournalVerify
{
    private const int Rounds = 5;

    public static int Run(int entries)
    {
        var plain = Chain(Enumerable.Range(0, entries)
            .Select(i => (JournalKind.ImeisReleased, 1ul,
            (IMessage)new ImeisReleased { BatchNumber = 1,
            ImeiDeltas = { 35_290_611_000_000ul + (ulong)i, 1, 1, 1 } })));
        var signed = Chain(Orders(entries / 30));
        Say("the chain", plain.Count, () => Walk(plain, null), "two hashes each", () => Hash(plain));
        Say("the chain with orders", signed.Count, () =>
            WalkSigned(signed), "two signatures an order", () => Signatures(entries / 30));
        return 0;
    }

    private static void Say(string what, int count, Action verify, string floor, Action least)
    {
        List<double> rates = [], ratios = [];
        for (var round = 0; round < Rounds; round++)
        {
            var (own, other) = (SecondsOf(verify), SecondsOf(least));
            rates.Add(count / own);
            ratios.Add(other / own);
        }

        Console.WriteLine(
            $"{what}: {Statistics.Median(rates):N0} entries/s a core, {count:N0} entries; " +
            $"{Statistics.Median(ratios):0.00} of the speed of {floor} alone (medians of {Rounds})");
    }

    // Of this thread: the machine may be shared.
    private static double SecondsOf(Action work)
    {
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        work();
        return (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
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
                new ActorChanged { ActorId = id, PartyId = 1, Kind = ActorKind.Person, State = MembershipState.Active,
                KeyDigest = ByteString.CopyFrom(SHA256.HashData(key.ExportSubjectPublicKeyInfo())) });
        for (var order = 1ul; order <= (ulong)orders; order++)
        {
            var draft = new DraftOrderRequest { Reference = $"B-{order}", OrderClass = OrderClass.C, Reason = "STOLEN",
                Basis = "benchmark" };
            var signature = OrderSigning.SignDraft(draft, drafter);
            var digest = ByteString.CopyFrom(OrderSigning.DraftDigest(draft, signature));
            signature.Salt = ByteString.Empty;
            yield return (JournalKind.OrderDrafted, 1,
                new OrderStep { OrderNumber = order, DraftDigest = digest, Signature = signature });
            yield return (JournalKind.OrderApproved, 2,
                new OrderStep { OrderNumber = order, DraftDigest = digest,
                Signature = OrderSigning.SignApproval(order, digest.Span, 0, approver) });
            yield return (JournalKind.OrderArmed, 2,
                new OrderArmed { OrderNumber = order, OrderClass = OrderClass.C,
                ImeiDeltas = { 35_290_611_000_000 + order } });
        }
    }
}
