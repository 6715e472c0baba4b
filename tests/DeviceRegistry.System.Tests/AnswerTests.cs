using DeviceRegistry.Attach;
using DeviceRegistry.Core;

namespace DeviceRegistry.System.Tests;

/// <summary>The answer's own path, from text to verdict, in this process.</summary>
public sealed class AnswerTests
{
    [TestCase("35290611000001", "410011234567890")]
    [TestCase("35290611000001", "262011234567890")]
    [TestCase("not an imei", "")]
    [TestCase("", "")]
    public void An_answer_allocates_nothing(string imei, string imsi)
    {
        var attach = new AttachService(new NodeState("", new MemberDirectory()), new CheckCounters(), new SightingCollector(), TimeProvider.System);
        attach.Check(CheckDoor.Grpc, imei, imsi, emergency: false); // pays for JIT and statics
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 10_000; i++) attach.Check(CheckDoor.Grpc, imei, imsi, emergency: false);

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void An_answer_to_a_core_node_allocates_nothing_and_is_seen()
    {
        var sightings = new SightingCollector();
        var attach = new AttachService(new NodeState("", new MemberDirectory()), new CheckCounters(), sightings, TimeProvider.System);
        for (var i = 0; i < 5_000; i++) attach.CheckPresent(CheckDoor.Grpc, "35290611000001", "410011234567890", emergency: false); // pays for JIT, statics and what the runtime finds out about processors
        sightings.Count();
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 10_000; i++) attach.CheckPresent(CheckDoor.Grpc, "35290611000001", "410011234567890", emergency: false);

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(sightings.Take().Single().Sightings.Single().Count, Is.EqualTo(15_000));
    }

    [Test]
    public void A_key_is_looked_up_without_allocating()
    {
        var members = new MemberDirectory();
        members.Put(new Party(1, PartyKind.Operator, true, []));
        members.Put(new Actor(2, 1, ActorKind.Node, true, "AB", []));
        members.Find("AB", out _);
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 10_000; i++) members.Find("AB", out _);

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }
}
