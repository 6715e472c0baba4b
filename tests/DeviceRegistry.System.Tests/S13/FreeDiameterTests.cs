using System.Net;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.S13;

/// <summary>The S13 interface of the real server, tested with freeDiameter, an independent Diameter
/// implementation.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class FreeDiameterTests
{
    private const string Node = "eir-a1.opco-a.example";
    private const string Realm = "opco-a.example";
    private const int Checks = 10_000;

    [Test]
    public async Task FreeDiameter_gets_ten_thousand_answers_and_reconnects(CancellationToken ct)
    {
        // An IMEI among those that the extension asks for: TAC 86650704, serials from 0.
        await Registry.GivenBlockedAsync(new Core.Imei(86650704_000005));
        var mme = await FreeDiameter.BuildAsync(Registry.NewFolder());

        var first = await mme.AskAsync("mme1.opco-a.example", Realm, Node, Registry.Server.Address("s13"), Checks,
            watchdog: true, ct);
        var second = await mme.AskAsync("mme1.opco-a.example", Realm, Node, Registry.Server.Address("s13"), 100,
            watchdog: false, ct);
        var metrics = await new HttpClient()
            .GetStringAsync($"http://{IPAddress.Loopback}:{Registry.Server.Address("web").Port}/metrics", ct);

        RealClients.Did("freeDiameter", first.Asked.Answered + second.Asked.Answered);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Asked.Answered, Is.EqualTo(Checks), first.Output);
            Assert.That(first.Asked.Black, Is.EqualTo(1), first.Output);
            Assert.That(first.Asked.Other, Is.EqualTo(0), first.Output);
            Assert.That(first.Asked.Watchdogs, Is.EqualTo(1), first.Output);
            Assert.That(second.Asked.Answered, Is.EqualTo(100), second.Output);
            Assert.That(second.Asked.Black, Is.EqualTo(1), second.Output);
            Assert.That(second.Asked.Other, Is.EqualTo(0), second.Output);
            Assert.That(first.Code, Is.EqualTo(0), first.Output);
            Assert.That(second.Code, Is.EqualTo(0), first.Output);
        }

        Assert.That(metrics, Does.Contain(
            "device_registry_s13_checks_total{peer=\"*.opco-a.example\",status=\"BLACKLISTED\"} 2"));
        Assert.That(metrics, Does.Match("device_registry_s13_disconnects_total{reason=\"CLOSED_BY_PEER\"} [2-9]"));
    }

    [Test]
    public async Task Only_the_nodes_operator_lists_the_connected_peers(CancellationToken ct)
    {
        await using var mme = await DiameterClient.OpenAsync(Registry.Server.Address("s13"), ct, "mme7.opco-a.example");
        await mme.AskAsync(DiameterMessage.Ecr("86719904000001", host: "mme7.opco-a.example"), ct);

        var listed = await Scripts.DregAsync(Registry.Server, "node", "peers", "--as", "operator-a", "--attach",
            $"https://localhost:{Registry.Server.Address("attach").Port}");
        var refusal = await Registry.RefusalOfAsync(async () =>
            await new NodeService.NodeServiceClient(Registry.Server.Channel("attach", "operator-b"))
                .ListPeersAsync(new ListPeersRequest(), cancellationToken: ct));

        Assert.That(listed.Code, Is.Zero, listed.Output);
        Assert.That(listed.Output, Does.Contain("mme7.opco-a.example").And.Contain("OPEN").And.Contain(
            "mme1.partner.example"));
        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("NOT_ALLOWED"));
    }

    [Test]
    public async Task An_mme_gets_the_same_answer_as_gRPC_clients(CancellationToken ct)
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        await using var mme = await DiameterClient.OpenAsync(Registry.Server.Address("s13"), ct, "mme8.opco-a.example");

        DiameterMessage answer = null!;
        await Registry.UntilAsync(async limit =>
            (answer = await mme.AskAsync(DiameterMessage.Ecr(unit.First.Digits, "01", "410010000000001"),
            limit)).Result is not 3004);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Result, Is.EqualTo(2001u));
            Assert.That(answer.Status, Is.EqualTo((uint?)0));
        }
    }
}
