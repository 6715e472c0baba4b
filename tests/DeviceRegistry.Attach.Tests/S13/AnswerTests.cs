using DeviceRegistry.Attach.Interfaces.S13;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Diameter;
using Microsoft.Extensions.Logging.Abstractions;

namespace DeviceRegistry.Attach.Tests.S13;

/// <summary>Answers to requests, as in the tables of the README.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class AnswerTests
{
    private const uint ThreeGpp = DiameterAvp.ThreeGpp;
    private static readonly DiameterMessage Good = DiameterMessage.Ecr(S13World.White);

    private static IEnumerable<TestCaseData> Errors()
    {
        TestCaseData Case(string name, DiameterMessage message, uint result, bool error) =>
            new TestCaseData(message, result, error).SetName("{m}: " + name);
        yield return Case("another application", Good with { Application = 16777251 }, 3007, true);
        yield return Case("a check of no application", Good with { Application = 0 }, 3007, true);
        yield return Case("a command that is none of S13", Good with { Command = 323 }, 3001, true);
        yield return Case("a command that is none of the base", DiameterMessage.Base(275), 3001, true);
        yield return Case("an error that asks", Good with { Flags = 0xE0 }, 3008, true);
        yield return Case("another realm", Good.Without(283).With(DiameterAvp.Text(283, "elsewhere.example")), 3003,
            true);
        yield return Case("another host", Good.With(DiameterAvp.Text(293, "other.opco-a.example")), 3002, true);
        yield return Case("no terminal", Good.Without(1401, ThreeGpp), 5005, false);
        yield return Case("no session", Good.Without(263), 5005, false);
        yield return Case("two sessions", Good.With(DiameterAvp.Text(263, "again")), 5009, false);
        yield return Case("unknown and mandatory", Good.With(new DiameterAvp(99_999, 0, true, [1])), 5001, false);
        yield return Case("a bad length", Good.With(new DiameterAvp(278, 0, true, [1])), 5014, false);
        yield return Case("an empty identity", DiameterMessage.Ecr(""), 5004, false);
        yield return Case("a watchdog of nobody", DiameterMessage.Base(280).Without(264), 5005, false);
    }

    [TestCaseSource(nameof(Errors))]
    public async Task A_bad_request_gets_its_error_and_the_next_request_its_answer(DiameterMessage request, uint result,
        bool error)
    {
        using var limit = new CancellationTokenSource(Patience.Event, TimeProvider.System);
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(limit.Token);

        var answer = await mme.AskAsync(request, limit.Token);
        var next = await mme.AskAsync(DiameterMessage.Ecr(S13World.White), limit.Token);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Result, Is.EqualTo(result));
            Assert.That((answer.Flags & 0x20) is not 0, Is.EqualTo(error));
            Assert.That(answer.HopByHop, Is.EqualTo(request.HopByHop));
        }

        Assert.That(answer[1445, ThreeGpp], Is.Null);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(next.Result, Is.EqualTo(2001u));
            Assert.That(next.Status, Is.EqualTo(0));
        }
    }

    [TestCase(S13World.White, 0u)]
    [TestCase(S13World.Grey, 2u)]
    [TestCase(S13World.Black, 1u)]
    [TestCase("not an imei", 1u)]
    [TestCase(null, 2u)]
    public async Task Each_verdict_has_its_equipment_status(string? imei, uint status, CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        var answer = await mme.AskAsync(DiameterMessage.Ecr(imei), ct);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Result, Is.EqualTo(2001u));
            Assert.That(answer.Status, Is.EqualTo(status));
        }
    }

    [Test]
    public async Task The_user_name_distinguishes_a_roamer_from_a_local_subscriber(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        await mme.AskAsync(DiameterMessage.Ecr(S13World.Grey, imsi: "262011234567890"), ct);
        await mme.AskAsync(DiameterMessage.Ecr(S13World.Grey, imsi: "410010000000001"), ct);

        Assert.That(world.Counters.Read().Select(c => (c.Door, c.Reason)),
            Has.Member((CheckInterface.S13, Core.CheckReason.Roamer)).And.Member(
            (CheckInterface.S13, Core.CheckReason.Undecided)));
    }

    [Test]
    public async Task A_retransmitted_request_is_answered_again_and_sighted_once(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var first = await world.OpenAsync(ct, "dra1.opco-a.example");
        await using var second = await world.OpenAsync(ct, "dra2.opco-a.example");
        var request = DiameterMessage.Ecr(S13World.White);

        var answer = await first.AskAsync(request, ct);
        var again = await second.AskAsync(request with { Flags = 0xD0, HopByHop = 99 }, ct);
        var another = await second.AskAsync(DiameterMessage.Ecr(S13World.White) with { Flags = 0xD0 }, ct);

        Assert.That(new[] { answer.Status, again.Status, another.Status }, Is.All.Zero);
        Assert.That(again.Flags & 0x10, Is.Zero);
        Assert.That(world.Sightings.Take().Single().Sightings.Single().Count, Is.EqualTo(2));
    }

    [Test]
    public async Task Answers_and_errors_are_counted_by_peer(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        await mme.AskAsync(DiameterMessage.Ecr(S13World.White), ct);
        await mme.AskAsync(DiameterMessage.Ecr(S13World.Black), ct);
        await mme.AskAsync(Good.Without(1401, ThreeGpp), ct);
        var peers = PeerList.Of(world.Listener);

        var peer = peers.Peers.Single();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(peer.Name, Is.EqualTo("*.opco-a.example"));
            Assert.That(peer.Whitelisted, Is.EqualTo(1ul));
            Assert.That(peer.Blacklisted, Is.EqualTo(1ul));
            Assert.That(peer.Errors.Single().ResultCode, Is.EqualTo(5005u));
            Assert.That(peer.Errors.Single().Count, Is.EqualTo(1ul));
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(peer.Connections.Single().OriginHost, Is.EqualTo("mme1.opco-a.example"));
            Assert.That(peer.Connections.Single().State, Is.EqualTo(DiameterState.Open));
            Assert.That(peer.Connections.Single().Requests, Is.EqualTo(3ul));
        }
    }

    [Test]
    public async Task A_check_allocates_nothing()
    {
        await using var world = await S13World.StartAsync();
        var message = DiameterMessage.Ecr(S13World.White, "01", "410010000000001",
            more: new DiameterAvp(284, 0, true, [1, 2, 3, 4])).ToBytes();
        var buffer = new byte[MessageWriter.RoomFor(message.Length)];
        var counters = world.Listener.Counters.Single();
        DiameterHeader.TryRead(message, message.Length, out var header);

        Assert.That(Allocation.ByAThousand(() =>
            world.Listener.Checks.Answer(header, message.AsSpan(20), buffer, counters)),
            Is.Zero);
        Assert.That(counters.Answered, Is.EqualTo(10_000));
    }
}
