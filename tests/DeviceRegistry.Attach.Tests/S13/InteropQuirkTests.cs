using DeviceRegistry.Attach.Interfaces.S13;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Attach.Tests.S13;

/// <summary>What decides whether S13 works in the field (PROTOCOLS 0), each by its number. 7, 8 and 10 are of
/// N17.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class InteropQuirkTests
{
    private const uint S13 = 16777252;
    private const uint S6a = 16777251;

    [TestCase("35290611000002", "01")]
    [TestCase("35290611000002", null)]
    [TestCase("352906110000020", null)]
    [TestCase("352906110000029", null)]
    [TestCase("3529061100000277", null)]
    public async Task Trap_1_one_handset_reaches_us_as_14_15_or_16_digits_and_its_15th_is_never_judged(string imei,
        string? software, CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        var answer = await mme.AskAsync(DiameterMessage.Ecr(imei, software), ct);

        Assert.That((answer.Result, answer.Status), Is.EqualTo((2001u, (uint?)1)));
    }

    [TestCase(UnknownAnswer.White, 2001u, 0u)]
    [TestCase(UnknownAnswer.Grey, 2001u, 2u)]
    [TestCase(UnknownAnswer.Black, 2001u, 1u)]
    [TestCase(UnknownAnswer.Unknown, 5422u, null)]
    public async Task Trap_2_unknown_equipment_gets_the_operators_answer_and_5422_only_where_that_is_it(
        UnknownAnswer policy, uint result, uint? status, CancellationToken ct)
    {
        await using var world = await S13World.StartAsync(unknown: policy);
        await using var mme = await world.OpenAsync(ct);

        var answer = await mme.AskAsync(DiameterMessage.Ecr(S13World.Unknown), ct);

        Assert.That((answer.Result, answer.Status, answer[268] is null), Is.EqualTo((result, status, result is 5422)));
    }

    [TestCase(false, false)]
    [TestCase(true, true)]
    public async Task Trap_3_trouble_of_our_own_is_answered_3004_and_never_black(bool isReady, bool isBusy,
        CancellationToken ct)
    {
        await using var world = await S13World.StartAsync(isReady: isReady, isBusy: isBusy);
        await using var mme = await world.OpenAsync(ct);

        var answer = await mme.AskAsync(DiameterMessage.Ecr(S13World.Black), ct);

        Assert.That((answer.Result, answer.Flags & 0x20, answer.Status), Is.EqualTo((3004u, 0x20, (uint?)null)));
    }

    [Test]
    public async Task Trap_4_a_client_that_asks_too_much_is_answered_busy_at_once_and_nothing_is_lost(
        CancellationToken ct)
    {
        await using var world = await S13World.StartAsync(isBusy: true);
        await using var mme = await world.OpenAsync(ct);
        var requests = Enumerable.Range(0, 500).Select(_ => DiameterMessage.Ecr(S13World.White)).ToList();

        await mme.SendAsync(requests.SelectMany(r => r.ToBytes()).ToArray(), ct);
        var answers = new List<DiameterMessage?>();
        foreach (var _ in requests) answers.Add(await mme.ReceiveAsync(ct));

        Assert.That(answers.Select(a => (a!.EndToEnd, a.Result)),
            Is.EqualTo(requests.Select(r => (r.EndToEnd, 3004u))));
    }

    [Test]
    public async Task Trap_5_a_cea_advertises_s13_alone_and_another_application_gets_3007(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.ConnectAsync(ct);

        var capabilities = await mme.AskAsync(DiameterMessage.Cer(applications: [S6a, S13]), ct);
        var air = await mme.AskAsync(DiameterMessage.Ecr(S13World.White) with { Command = 318, Application = S6a }, ct);

        Assert.That(capabilities.Avps.Where(a => a.Code is 260).SelectMany(a => a.Inner).Where(a => a.Code is 258)
            .Select(a => a.AsNumber), Is.EqualTo(new[] { S13 }));
        Assert.That(capabilities.Avps.Select(a => a.Code), Has.None.EqualTo(258u).And.None.EqualTo(259u));
        Assert.That((air.Result, air.Flags & 0x20), Is.EqualTo((3007u, 0x20)));
    }

    [Test]
    public async Task Trap_6_a_peer_that_does_not_advertise_s13_is_refused_5010(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.ConnectAsync(ct);

        var answer = await mme.AskAsync(DiameterMessage.Cer(applications: [S6a]), ct);

        Assert.That((answer.Result, answer.Flags & 0x20), Is.EqualTo((5010u, 0)));
        Assert.That(await mme.ReceiveAsync(ct), Is.Null);
    }

    [Test]
    public async Task Trap_6_unless_its_rule_lets_it_and_it_is_told_of_an_application_that_it_knows(
        CancellationToken ct)
    {
        await using var world = await S13World.StartAsync(S13World.Settings(
            new PeerRule { OriginRealm = S13World.Realm, Addresses = ["127.0.0.1"], RequireCommonApplication = false,
                ExtraApplications = [S6a] }));
        await using var mme = await world.ConnectAsync(ct);

        var capabilities = await mme.AskAsync(DiameterMessage.Cer(applications: [S6a]), ct);
        var check = await mme.AskAsync(DiameterMessage.Ecr(S13World.White), ct);

        Assert.That(capabilities.Result, Is.EqualTo(2001));
        Assert.That(capabilities.Avps.Where(a => a.Code is 260).SelectMany(a => a.Inner).Where(a => a.Code is 258)
            .Select(a => a.AsNumber), Is.EqualTo(new[] { S13, S6a }));
        Assert.That(check.Status, Is.Zero);
    }

    [Test]
    public async Task Trap_9_requests_are_answered_whether_they_come_byte_by_byte(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        foreach (var one in DiameterMessage.Ecr(S13World.Black).ToBytes()) await mme.SendAsync(new[] { one }, ct);

        Assert.That((await mme.ReceiveAsync(ct))!.Status, Is.EqualTo(1));
    }

    [Test]
    public async Task Trap_9_or_a_thousand_at_once_and_in_their_order(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);
        var requests = Enumerable.Range(0, 1_000)
            .Select(i => DiameterMessage.Ecr(i % 2 is 0 ? S13World.White : S13World.Black)).ToList();

        var sending = mme.SendAsync(requests.SelectMany(r => r.ToBytes()).ToArray(), ct);
        var answers = new List<DiameterMessage?>();
        foreach (var _ in requests) answers.Add(await mme.ReceiveAsync(ct));
        await sending;

        Assert.That(answers.Select(a => (a!.HopByHop, a.EndToEnd, a.Status)),
            Is.EqualTo(requests.Select((r, i) => (r.HopByHop, r.EndToEnd, (uint?)(i % 2)))));
    }
}
