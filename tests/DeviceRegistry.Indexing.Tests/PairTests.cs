using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>Equipment together with a subscriber: pairings, and orders on just the two.</summary>
public sealed class PairTests
{
    private const ulong Ali = 0xA11;
    private const ulong Bano = 0xBA0;

    private static readonly string[] Spellings = ["#12ab", "#12AB"];

    private readonly DeviceIndex _index = new();

    [TestCase(Ali, Pairing.Paired)]
    [TestCase(Bano, Pairing.Other)]
    [TestCase(0ul, Pairing.Other)]
    public void A_paired_handset_is_paired_with_its_subscriber_alone(ulong subscriber, Pairing expected)
    {
        _index.Pair([new EquipmentPair(Phone, Ali)]);

        Assert.That((_index.FactsOf(Identity(Phone), [], subscriber: subscriber).Pairing,
            _index.FactsOf(Identity(SameModel), [], subscriber: Ali).Pairing), Is.EqualTo((expected, Pairing.None)));
    }

    [Test]
    public void An_identity_that_is_no_imei_is_paired_by_its_text([ValueSource(nameof(Spellings))] string text)
    {
        _index.Pair([new EquipmentPair("#12AB", Ali)]);

        Assert.That((Of(text, Ali).Pairing, Of(text, Bano).Pairing, Of("#12A", Ali).Pairing),
            Is.EqualTo((Pairing.Paired, Pairing.Other, Pairing.None)));
    }

    [Test]
    public void One_of_many_pairings_ends_alone([Values(2, 3, 5, 6, 40)] int count)
    {
        var subscribers = Enumerable.Range(1, count).Select(i => (ulong)i << 40).ToList();
        _index.Pair(subscribers.Concat(subscribers).Select(s => new EquipmentPair(Phone, s)));

        _index.Unpair([new EquipmentPair(Phone, subscribers[1]), new EquipmentPair(Phone, subscribers[1]),
            new EquipmentPair(OtherModel, subscribers[0])]);

        Assert.That(_index.Pairings, Is.EqualTo(count - 1));
        Assert.That(subscribers.Select(s => _index.FactsOf(Identity(Phone), [], subscriber: s).Pairing),
            Is.EqualTo(subscribers.Select((_, i) => i is 1 ? Pairing.Other : Pairing.Paired)));
    }

    [Test]
    public void When_the_last_pairing_ends_there_is_none()
    {
        _index.Pair([new EquipmentPair(Phone, Ali), new EquipmentPair("#12AB", Ali)]);

        _index.Unpair([new EquipmentPair(Phone, Ali), new EquipmentPair("#12AB", Ali)]);

        Assert.That((_index.FactsOf(Identity(Phone), [], subscriber: Ali).Pairing, Of("#12AB", Ali).Pairing,
            _index.Pairings, _index.Digest), Is.EqualTo((Pairing.None, Pairing.None, 0, new DeviceIndex().Digest)));
    }

    [Test]
    public void An_order_on_a_pair_bears_where_both_match_and_on_nothing_else()
    {
        _index.Arm(Theft, [], [], pairs: [new EquipmentPair(Phone, Ali), new EquipmentPair("#12AB", Bano)]);

        Assert.That((PairOrdersOf(Phone, Ali), Of("#12ab", Bano).PairOrders.ToArray()),
            Is.EqualTo((new[] { Theft }, new[] { Theft })));
        Assert.That(PairOrdersOf(Phone, Bano).Concat(PairOrdersOf(Phone, 0)).Concat(PairOrdersOf(SameModel, Ali))
            .Concat(Of("#12AB", Ali).PairOrders.ToArray()).Concat(_index.ImeiOrdersOf(Phone)), Is.Empty);
    }

    [Test]
    public void One_of_two_orders_on_a_pair_is_lifted_alone_and_the_last_leaves_nothing()
    {
        _index.Arm(Theft, [], [], pairs: [new EquipmentPair(Phone, Ali), new EquipmentPair(Phone, Bano)]);
        _index.Arm(Court, [], [], pairs: [new EquipmentPair(Phone, Ali)]);

        _index.Lift(Theft.Number);
        var (left, others) = (PairOrdersOf(Phone, Ali), PairOrdersOf(Phone, Bano));
        _index.Lift(Court.Number);

        Assert.That((left, others, PairOrdersOf(Phone, Ali), _index.DependsOnSubscriber(Identity(Phone))),
            Is.EqualTo((new[] { Court }, Array.Empty<OrderTerm>(), Array.Empty<OrderTerm>(), false)));
    }

    [Test]
    public void Only_equipment_of_a_pairing_or_of_an_order_on_a_pair_depends_on_the_subscriber()
    {
        _index.Pair([new EquipmentPair(Phone, Ali), new EquipmentPair("#12AB", Ali)]);
        _index.Arm(Theft, [SameModel], [],
            pairs: [new EquipmentPair(OtherModel, Ali), new EquipmentPair("#12AC", Ali)]);

        Assert.That(new[] { Phone, OtherModel, SameModel }.Select(i => _index.DependsOnSubscriber(Identity(i))),
            Is.EqualTo(new[] { true, true, false }));
        Assert.That(new[] { "#12ab", "#12ac", "#12ad", "" }.Select(t =>
            _index.DependsOnSubscriber(EquipmentIdentity.Parse(t), t)), Is.EqualTo(new[] { true, true, false, false }));
    }

    [Test]
    public void Pairs_are_in_no_digest_since_each_operators_nodes_have_their_own()
    {
        Action<DeviceIndex>[] ways =
        [
            _ => { }, i => i.Pair([new EquipmentPair(Phone, Ali)]), i => i.Pair([new EquipmentPair(Phone, Bano)]), i =>
                i.Pair([new EquipmentPair("#12AB", Ali)]),
            i => i.Pair([new EquipmentPair(Phone, Ali), new EquipmentPair(Phone, Bano)]),
        ];

        var digests = ways.Select(way =>
        {
            var index = new DeviceIndex();
            way(index);
            return index.Digest;
        });

        Assert.That(digests.Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public void An_armed_order_bears_on_pairs_that_are_told_later_and_on_none_when_it_is_lifted()
    {
        _index.Arm(Theft, [OtherModel], []);

        _index.ArmPairs(Theft.Number, [new EquipmentPair(Phone, Ali)]);
        _index.ArmPairs(Theft.Number, [new EquipmentPair(Phone, Ali), new EquipmentPair("#12AB", Bano)]);
        _index.ArmPairs(Theft.Number + 1, [new EquipmentPair(SameModel, Ali)]);
        var armed = (_index.FactsOf(Identity(Phone), [], subscriber: Ali).PairOrders.Length,
            Of("#12ab", Bano).PairOrders.Length, _index.DependsOnSubscriber(Identity(SameModel)));
        _index.Lift(Theft.Number);

        Assert.That(armed, Is.EqualTo((1, 1, false)));
        Assert.That((_index.DependsOnSubscriber(Identity(Phone)), _index.Digest),
            Is.EqualTo((false, new DeviceIndex().Digest)));
    }

    [Test]
    public void What_the_journal_said_of_a_thing_is_forgotten_when_it_holds_no_more()
    {
        _index.PutRecord(34, 7, [1, 2]);
        _index.PutRecord(34, 7, [.. _index.RecordOf(34, 7), 3]);
        var said = _index.RecordOf(34, 7).ToArray();

        _index.RemoveRecord(34, 7);

        Assert.That((said, _index.RecordOf(34, 7).Length, _index.Digest),
            Is.EqualTo((new byte[] { 1, 2, 3 }, 0, new DeviceIndex().Digest)));
    }

    [Test]
    public void A_pair_without_a_subscriber_is_none()
    {
        Assert.That(() => new EquipmentPair(Phone, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new EquipmentPair("#12AB", 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private OrderTerm[] PairOrdersOf(Imei imei, ulong subscriber) =>
        _index.FactsOf(Identity(imei), [], subscriber: subscriber).PairOrders.ToArray();

    private AttachFacts Of(string text, ulong subscriber) =>
        _index.FactsOf(EquipmentIdentity.Parse(text), [], text, subscriber);
}
