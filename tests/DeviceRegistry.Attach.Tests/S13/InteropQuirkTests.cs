using DeviceRegistry.Attach.Interfaces.S13;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Attach.Tests.S13;

/// <summary>Quirks that decide whether S13 works with real core networks, by number. Quirks 7, 8 and 10 concern
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
    public async Task Quirk_1_fourteen_fifteen_and_sixteen_digits_identify_one_device(string imei,
        string? software, CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        var answer = await mme.AskAsync(DiameterMessage.Ecr(imei, software), ct);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Result, Is.EqualTo(2001u));
            Assert.That(answer.Status, Is.EqualTo(1));
        }
    }

    [TestCase(UnknownAnswer.White, 2001u, 0u)]
    [TestCase(UnknownAnswer.Grey, 2001u, 2u)]
    [TestCase(UnknownAnswer.Black, 2001u, 1u)]
    [TestCase(UnknownAnswer.Unknown, 5422u, null)]
    public async Task Quirk_2_unknown_equipment_gets_5422_only_if_the_operator_chose_it(
        UnknownAnswer policy, uint result, uint? status, CancellationToken ct)
    {
        await using var world = await S13World.StartAsync(unknown: policy);
        await using var mme = await world.OpenAsync(ct);

        var answer = await mme.AskAsync(DiameterMessage.Ecr(S13World.Unknown), ct);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Result, Is.EqualTo(result));
            Assert.That(answer.Status, Is.EqualTo(status));
            Assert.That(answer[268] is null, Is.EqualTo(result is 5422));
        }
    }

    [TestCase(false, false)]
    [TestCase(true, true)]
    public async Task Quirk_3_an_internal_error_is_answered_3004_and_never_blacklisted(bool isReady, bool isBusy,
        CancellationToken ct)
    {
        await using var world = await S13World.StartAsync(isReady: isReady, isBusy: isBusy);
        await using var mme = await world.OpenAsync(ct);

        var answer = await mme.AskAsync(DiameterMessage.Ecr(S13World.Black), ct);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Result, Is.EqualTo(3004u));
            Assert.That(answer.Flags & 0x20, Is.EqualTo(0x20));
            Assert.That(answer.Status, Is.Null);
        }
    }

    [Test]
    public async Task Quirk_4_an_overloaded_node_answers_every_request_with_3004(
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
    public async Task Quirk_5_a_cea_advertises_s13_only_and_another_application_gets_3007(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.ConnectAsync(ct);

        var capabilities = await mme.AskAsync(DiameterMessage.Cer(applications: [S6a, S13]), ct);
        var air = await mme.AskAsync(DiameterMessage.Ecr(S13World.White) with { Command = 318, Application = S6a }, ct);

        Assert.That(capabilities.Avps.Where(a => a.Code is 260).SelectMany(a => a.Inner).Where(a => a.Code is 258)
            .Select(a => a.AsNumber), Is.EqualTo(new[] { S13 }));
        Assert.That(capabilities.Avps.Select(a => a.Code), Has.None.EqualTo(258u).And.None.EqualTo(259u));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(air.Result, Is.EqualTo(3007u));
            Assert.That(air.Flags & 0x20, Is.EqualTo(0x20));
        }
    }

    [Test]
    public async Task Quirk_6_a_peer_that_does_not_advertise_s13_gets_5010(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.ConnectAsync(ct);

        var answer = await mme.AskAsync(DiameterMessage.Cer(applications: [S6a]), ct);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Result, Is.EqualTo(5010u));
            Assert.That(answer.Flags & 0x20, Is.Zero);
        }

        Assert.That(await mme.ReceiveAsync(ct), Is.Null);
    }

    [Test]
    public async Task Quirk_6_a_rule_may_allow_a_peer_without_a_common_application(
        CancellationToken ct)
    {
        await using var world = await S13World.StartAsync(S13World.Settings(
            new PeerRule
            {
                OriginRealm = S13World.Realm, Addresses = ["127.0.0.1"], RequireCommonApplication = false,
                ExtraApplications = [S6a]
            }));
        await using var mme = await world.ConnectAsync(ct);

        var capabilities = await mme.AskAsync(DiameterMessage.Cer(applications: [S6a]), ct);
        var check = await mme.AskAsync(DiameterMessage.Ecr(S13World.White), ct);

        Assert.That(capabilities.Result, Is.EqualTo(2001));
        Assert.That(capabilities.Avps.Where(a => a.Code is 260).SelectMany(a => a.Inner).Where(a => a.Code is 258)
            .Select(a => a.AsNumber), Is.EqualTo(new[] { S13, S6a }));
        Assert.That(check.Status, Is.Zero);
    }

    [Test]
    public async Task Quirk_9_a_request_that_arrives_byte_by_byte_is_answered(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        foreach (var one in DiameterMessage.Ecr(S13World.Black).ToBytes()) await mme.SendAsync(new[] { one }, ct);

        Assert.That((await mme.ReceiveAsync(ct))!.Status, Is.EqualTo(1));
    }

    [Test]
    public async Task Quirk_9_a_thousand_requests_at_once_are_answered_in_their_order(CancellationToken ct)
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
