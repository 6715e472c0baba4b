using DeviceRegistry.Attach;
using DeviceRegistry.Core;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Attach.Tests;

/// <summary>The whole path of one answer, from the text of the identity to the verdict, in this process.</summary>
public sealed class AnswerTests
{
    [TestCase("35290611000001", "410011234567890")]
    [TestCase("35290611000001", "262011234567890")]
    [TestCase("not an imei", "")]
    [TestCase("", "")]
    public void An_answer_allocates_nothing(string imei, string imsi)
    {
        var attach = new AttachService(new NodeState("", new MemberDirectory()), new CheckCounters(),
            new SightingCollector(), TimeProvider.System);

        Assert.That(Allocation.ByAThousand(() => attach.Check(CheckInterface.Grpc, imei, imsi, emergency: false)),
            Is.Zero);
    }

    [Test]
    public void An_answer_to_a_core_node_allocates_nothing_and_records_a_sighting()
    {
        var sightings = new SightingCollector();
        var attach = new AttachService(new NodeState("", new MemberDirectory()), new CheckCounters(), sightings,
            TimeProvider.System);

        var allocated = Allocation.ByAThousand(() =>
            attach.CheckPresent(CheckInterface.Grpc, "35290611000001", "410011234567890", emergency: false));

        Assert.That(allocated, Is.Zero);
        Assert.That(sightings.Take().Single().Sightings.Single().Count, Is.EqualTo(10_000));
    }

    [Test]
    public void An_answer_for_an_imei_with_pairings_and_pair_orders_allocates_nothing()
    {
        const string Imsi = "410010000000001";
        var folder = TemporaryFolder.New();
        var key = global::System.Security.Cryptography.RandomNumberGenerator.GetBytes(SubscriberPseudonym.KeySize);
        File.WriteAllBytes(Path.Combine(folder, "subscribers.key"), key);
        var subscribers = new SubscriberKey(folder);
        subscribers.Load();
        var node = new NodeState("", new MemberDirectory(), subscribers: subscribers);
        var (imei, own) = (new Imei(35_290_611_000_001), SubscriberPseudonym.Of(key, Imsi));
        var digits = imei.Digits;
        node.Index.Release([imei]);
        node.Index.Pair([new EquipmentPair(imei, own)]);
        node.Index.Arm(new OrderTerm(1, OrderClass.C, CheckReason.Stolen, 0, long.MaxValue), [], [],
            pairs: [new EquipmentPair(imei, own)]);
        node.Index.KnewEverythingAt(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        var attach = new AttachService(node, new CheckCounters(), new SightingCollector(), TimeProvider.System);
        Assert.That(attach.Check(CheckInterface.Grpc, digits, Imsi, emergency: false).Decision.Evaluated,
            Is.EqualTo(Verdict.Deny), "by the order on the two");

        Assert.That(Allocation.ByAThousand(() => attach.Check(CheckInterface.Grpc, digits, Imsi, emergency: false)),
            Is.Zero);
    }

    [Test]
    public void A_key_lookup_allocates_nothing()
    {
        var members = new MemberDirectory();
        members.Put(new Party(1, PartyKind.Operator, true, []));
        members.Put(new Actor(2, 1, ActorKind.Node, true, "AB", []));

        Assert.That(Allocation.ByAThousand(() => members.Find("AB", out _)), Is.Zero);
    }
}
