using DeviceRegistry.Contracts.V1;
using Google.Protobuf.WellKnownTypes;

namespace DeviceRegistry.Contracts.Tests;

/// <summary>Nodes enforce exactly the order that was signed.</summary>
public sealed class ArmedRulesTests
{
    private static readonly DraftOrderRequest Draft = new()
    {
        OrderClass = OrderClass.B, Imeis = { "352906110000017", "35290611000002" }, Tacs = { "35290699" },
        Identities = { "#12ab" },
        ImeiRanges = { new ImeiRange { First = "35290611000100", Last = "35290611000199" },
            new ImeiRange { First = "35290611000200", Last = "35290611000299" } },
        ExpiresAt = new Timestamp { Seconds = 1_800_000_000, Nanos = 999_999 },
    };

    private static readonly OrderArmed Armed = new()
    {
        OrderNumber = 1, OrderClass = OrderClass.B,
        ImeiDeltas = { JournalEntryRules.ToDeltas([35290611000001, 35290611000002, 35290611000003]) },
        Tacs = { 35290699 }, Identities = { "#12AB" },
        RangeDeltas = { JournalEntryRules.ToDeltas([35290611000100, 35290611000299]) },
        ExpiresAt = new Timestamp { Seconds = 1_800_000_000 },
    };

    private static readonly (Action<OrderArmed> Change, string Fault)[] Changes =
    [
        (a => a.OrderClass = OrderClass.E, "its class is not that of the draft"),
        (a => a.ExpiresAt = null, "its instants are not those of the draft"),
        (a => a.EffectiveAt = new Timestamp { Seconds = 1 }, "its instants are not those of the draft"),
        (a => a.ImeiDeltas.RemoveAt(2), ""),
        (a => a.ImeiDeltas.RemoveAt(0), "it leaves out IMEIs of the draft"),
        (a => a.Tacs.Add(35290611), "its TACs are not those of the draft"),
        (a => a.RangeDeltas[1]++, "its serial ranges are not those of the draft"),
        (a => a.RangeDeltas.Add(7), "its serial ranges are not those of the draft"),
        (a => a.Identities.Clear(), "its identities are not those of the draft"),
    ];

    [Test]
    public void An_order_armed_as_drafted_has_no_difference()
    {
        Assert.That(ArmedRules.Differs(Draft, Armed, out var followers), Is.Empty);
        Assert.That(followers, Is.EqualTo(new[] { 35290611000003ul }));
    }

    [Test]
    public void A_difference_between_the_armed_order_and_the_draft_is_reported([Range(0, 8)] int change)
    {
        var armed = Armed.Clone();
        Changes[change].Change(armed);

        Assert.That(ArmedRules.Differs(Draft, armed, out _), Is.EqualTo(Changes[change].Fault));
    }

    private static readonly DraftOrderRequest Paired = new()
    {
        Pairs = { Pair("352906110000017", 3, 7), Pair("#12ab", 3, 8), Pair("35290611000002", 4, 9),
            Pair("1234567", 3, 7) },
    };

    private static readonly OrderPairs Pairs = new()
    {
        Pairs =
        {
            new ArmedPair { Imei = 35290611000001, Pseudonym = 7 },
            new ArmedPair { Imei = 35290611000003, Pseudonym = 7 },
            new ArmedPair { Identity = "#12AB", Pseudonym = 8 }, new ArmedPair { Identity = "1234567", Pseudonym = 7 },
        },
    };

    private static readonly (Action<OrderPairs> Change, string Fault)[] PairChanges =
    [
        (p => p.Pairs.RemoveAt(1), ""),
        (p => p.Pairs.RemoveAt(0), "it leaves out handsets with subscribers of the draft"),
        (p => p.Pairs[0].Pseudonym = 9, "it leaves out handsets with subscribers of the draft"),
        (p => p.Pairs.Add(new ArmedPair { Imei = 35290611000003, Pseudonym = 8 }),
            "it covers subscribers that the draft does not name"),
        (p => p.Pairs.Add(new ArmedPair { Imei = 35290611000003, Pseudonym = 9 }),
            "it covers subscribers that the draft does not name"),
        (p => p.Pairs.RemoveAt(2), "its identities with subscribers are not those of the draft"),
        (p => p.Pairs.Add(new ArmedPair { Identity = "7654321", Pseudonym = 7 }),
            "its identities with subscribers are not those of the draft"),
        (p => p.Pairs.Add(new ArmedPair { Identity = "35290611000001", Pseudonym = 7 }),
            "its identities with subscribers are not those of the draft"),
    ];

    [Test]
    public void Pairs_armed_as_drafted_have_no_difference()
    {
        Assert.That(ArmedRules.Differs(Paired, new OrderPairsArmed { OperatorPartyId = 3, KeyVersion = 1 }, Pairs,
            out var followers), Is.Empty);
        Assert.That(followers, Is.EqualTo(new[] { 35290611000003ul }));
    }

    [Test]
    public void A_difference_between_the_armed_pairs_and_the_draft_is_reported([Range(0, 7)] int change)
    {
        var pairs = Pairs.Clone();
        PairChanges[change].Change(pairs);

        Assert.That(ArmedRules.Differs(Paired, new OrderPairsArmed { OperatorPartyId = 3, KeyVersion = 1 }, pairs,
            out _), Is.EqualTo(PairChanges[change].Fault));
    }

    private static OrderPair Pair(string equipment, ulong party, ulong pseudonym) =>
        new()
        {
            Equipment = equipment,
            Subscriber = new Subscriber { OperatorPartyId = party, KeyVersion = 1, Pseudonym = pseudonym }
        };

    [Test]
    public void An_order_on_subscriber_numbers_alone_covers_no_device()
    {
        var (draft, armed) = (Draft.Clone(), Armed.Clone());
        draft.Imeis.Clear();

        Assert.That(ArmedRules.Differs(draft, armed, out _), Is.EqualTo("it covers IMEIs and the draft names none"));
    }
}
