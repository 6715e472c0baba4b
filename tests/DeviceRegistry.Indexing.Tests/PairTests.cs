using static DeviceRegistry.Indexing.Tests.Known;

namespace DeviceRegistry.Indexing.Tests;

/// <summary>Device with a subscriber: pairings, and orders on a pair.</summary>
public sealed class PairTests
{
    private const ulong Ali = 0xA11;
    private const ulong Bano = 0xBA0;

    private static readonly string[] Spellings = ["#12ab", "#12AB"];

    private readonly DeviceIndex _index = new();

    [TestCase(Ali, Pairing.Paired)]
    [TestCase(Bano, Pairing.Other)]
    [TestCase(0ul, Pairing.Other)]
    public void A_paired_imei_is_paired_with_its_subscriber_only(ulong subscriber, Pairing expected)
    {
        _index.Pair([new EquipmentPair(Phone, Ali)]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.FactsOf(Identity(Phone), [], subscriber: subscriber).Pairing, Is.EqualTo(expected));
            Assert.That(_index.FactsOf(Identity(SameModel), [], subscriber: Ali).Pairing, Is.EqualTo(Pairing.None));
        }
    }

    [Test]
    public void An_identity_that_is_not_an_imei_is_paired_by_its_text([ValueSource(nameof(Spellings))] string text)
    {
        _index.Pair([new EquipmentPair("#12AB", Ali)]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Of(text, Ali).Pairing, Is.EqualTo(Pairing.Paired));
            Assert.That(Of(text, Bano).Pairing, Is.EqualTo(Pairing.Other));
            Assert.That(Of("#12A", Ali).Pairing, Is.EqualTo(Pairing.None));
        }
    }

    [Test]
    public void Removing_one_of_many_pairings_keeps_the_others([Values(2, 3, 5, 6, 40)] int count)
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
    public void After_the_last_pairing_ends_there_is_none()
    {
        _index.Pair([new EquipmentPair(Phone, Ali), new EquipmentPair("#12AB", Ali)]);

        _index.Unpair([new EquipmentPair(Phone, Ali), new EquipmentPair("#12AB", Ali)]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.FactsOf(Identity(Phone), [], subscriber: Ali).Pairing, Is.EqualTo(Pairing.None));
            Assert.That(Of("#12AB", Ali).Pairing, Is.EqualTo(Pairing.None));
            Assert.That(_index.Pairings, Is.Zero);
            Assert.That(_index.Digest, Is.EqualTo(new DeviceIndex().Digest));
        }
    }

    [Test]
    public void An_order_on_a_pair_applies_only_if_imei_and_subscriber_match()
    {
        _index.Arm(Theft, [], [], pairs: [new EquipmentPair(Phone, Ali), new EquipmentPair("#12AB", Bano)]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(PairOrdersOf(Phone, Ali), Is.EqualTo(new[] { Theft }));
            Assert.That(Of("#12ab", Bano).PairOrders.ToArray(), Is.EqualTo(new[] { Theft }));
        }

        Assert.That(PairOrdersOf(Phone, Bano).Concat(PairOrdersOf(Phone, 0)).Concat(PairOrdersOf(SameModel, Ali))
            .Concat(Of("#12AB", Ali).PairOrders.ToArray()).Concat(_index.ImeiOrdersOf(Phone)), Is.Empty);
    }

    [Test]
    public void Each_of_two_orders_on_a_pair_is_lifted_by_its_own_lift()
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
    public void Only_an_identity_with_pairings_or_pair_orders_depends_on_the_subscriber()
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
    public void Pairs_are_not_part_of_the_state_digest()
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
    public void An_armed_order_applies_to_pairs_that_are_added_later_until_its_lift()
    {
        _index.Arm(Theft, [OtherModel], []);

        _index.ArmPairs(Theft.Number, [new EquipmentPair(Phone, Ali)]);
        _index.ArmPairs(Theft.Number, [new EquipmentPair(Phone, Ali), new EquipmentPair("#12AB", Bano)]);
        _index.ArmPairs(Theft.Number + 1, [new EquipmentPair(SameModel, Ali)]);
        var armed = (_index.FactsOf(Identity(Phone), [], subscriber: Ali).PairOrders.Length,
            Of("#12ab", Bano).PairOrders.Length, _index.DependsOnSubscriber(Identity(SameModel)));
        _index.Lift(Theft.Number);

        Assert.That(armed, Is.EqualTo((1, 1, false)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_index.DependsOnSubscriber(Identity(Phone)), Is.False);
            Assert.That(_index.Digest, Is.EqualTo(new DeviceIndex().Digest));
        }
    }

    [Test]
    public void A_removed_record_has_no_payload_and_no_part_in_the_digest()
    {
        _index.PutRecord(34, 7, [1, 2]);
        _index.PutRecord(34, 7, [.. _index.RecordOf(34, 7), 3]);
        var payload = _index.RecordOf(34, 7).ToArray();

        _index.RemoveRecord(34, 7);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(payload, Is.EqualTo(new byte[] { 1, 2, 3 }));
            Assert.That(_index.RecordOf(34, 7).Length, Is.Zero);
            Assert.That(_index.Digest, Is.EqualTo(new DeviceIndex().Digest));
        }
    }

    [Test]
    public void A_pair_without_a_subscriber_is_ignored()
    {
        Assert.That(() => new EquipmentPair(Phone, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new EquipmentPair("#12AB", 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private OrderTerm[] PairOrdersOf(Imei imei, ulong subscriber) =>
        _index.FactsOf(Identity(imei), [], subscriber: subscriber).PairOrders.ToArray();

    private AttachFacts Of(string text, ulong subscriber) =>
        _index.FactsOf(EquipmentIdentity.Parse(text), [], text, subscriber);
}
