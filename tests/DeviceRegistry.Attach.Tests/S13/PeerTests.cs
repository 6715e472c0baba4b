using System.Security.Cryptography;
using DeviceRegistry.Attach.Interfaces.S13;

namespace DeviceRegistry.Attach.Tests.S13;

/// <summary>Connections from the first byte to the last (RFC 6733 §5, RFC 3539).</summary>
[CancelAfter(Patience.TestMs)]
public sealed class PeerTests
{
    private const uint S13 = 16777252;

    [TestCase("mme1.opco-a.example", "another.example")]
    [TestCase("mme1.opco-b.example", "opco-b.example")]
    [TestCase("", "opco-a.example")]
    [TestCase("mme 1", "opco-a.example")]
    public async Task A_peer_without_a_matching_rule_is_rejected_and_disconnected(string host, string realm,
        CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.ConnectAsync(ct);

        var answer = await mme.AskAsync(DiameterMessage.Cer(host, realm, S13), ct);

        Assert.That(answer.Result, Is.EqualTo(host.Length is 0 ? 5004 : 3010));
        Assert.That(new uint[] { 257, 266, 269 }.Select(code => answer[code] is not null),
            Is.All.EqualTo(host.Length is 0), "what every CEA without the E bit has");
        Assert.That(await mme.ReceiveAsync(ct), Is.Null);
    }

    [Test]
    public async Task A_peer_from_an_address_outside_its_rule_is_rejected(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync(
            S13World.Settings(new PeerRule { OriginRealm = S13World.Realm, Addresses = ["10.0.0.0/8", "192.0.2.7"] }));
        await using var mme = await world.ConnectAsync(ct);

        Assert.That((await mme.AskAsync(DiameterMessage.Cer(applications: S13), ct)).Result, Is.EqualTo(3010));
    }

    [Test]
    public async Task A_peer_is_identified_only_by_the_key_of_its_certificate(CancellationToken ct)
    {
        using var own = S13World.SelfSigned("mme1");
        using var other = S13World.SelfSigned("mme1");
        var key = Convert.ToHexString(SHA256.HashData(own.PublicKey.ExportSubjectPublicKeyInfo()));
        await using var world = await S13World.StartAsync(
            S13World.Settings(new PeerRule { OriginRealm = S13World.Realm, Certificates = [key] }));
        await using var known = await DiameterClient.ConnectAsync(world.Listener.Endpoints["s13tls"], ct, tls: true,
            own);
        await using var forged = await DiameterClient.ConnectAsync(world.Listener.Endpoints["s13tls"], ct, tls: true,
            other);
        await using var bare = await DiameterClient.ConnectAsync(world.Listener.Endpoints["s13tls"], ct, tls: true);
        await using var plain = await world.ConnectAsync(ct);

        var results = new[] { known, forged, bare, plain }.Select(c =>
            c.AskAsync(DiameterMessage.Cer(applications: S13), ct)).ToList();

        Assert.That((await Task.WhenAll(results)).Select(r => r.Result),
            Is.EqualTo(new uint[] { 2001, 3010, 3010, 3010 }));
        Assert.That((await known.AskAsync(DiameterMessage.Ecr(S13World.Black), ct)).Status, Is.EqualTo(1));
    }

    [Test]
    public async Task A_check_before_the_capabilities_exchange_gets_no_answer(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.ConnectAsync(ct);

        await mme.SendAsync(DiameterMessage.Ecr(S13World.White), ct);

        Assert.That(await mme.ReceiveAsync(ct), Is.Null);
    }

    [Test]
    public async Task Bytes_that_are_not_diameter_close_the_connection_without_an_answer(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var scanner = await world.ConnectAsync(ct);

        await scanner.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), ct);

        Assert.That(await scanner.ReceiveAsync(ct), Is.Null);
    }

    [Test]
    public async Task A_watchdog_is_answered_between_checks(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        byte[] three = [.. DiameterMessage.Ecr(S13World.White).ToBytes(), .. DiameterMessage.Base(280).ToBytes(),
            .. DiameterMessage.Ecr(S13World.White).ToBytes()];

        await mme.SendAsync(three, ct);
        var answers = new[] { await mme.ReceiveAsync(ct), await mme.ReceiveAsync(ct), await mme.ReceiveAsync(ct) };

        Assert.That(answers.Select(a => (a!.Command, a.Result)),
            Is.EqualTo(new[] { (324u, 2001u), (280u, 2001u), (324u, 2001u) }));
    }

    [Test]
    public async Task An_idle_peer_gets_a_watchdog_and_stays_if_it_answers(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        world.Pass(33);
        var watchdog = await mme.ReceiveAsync(ct);
        await mme.SendAsync(watchdog! with { Flags = 0, Avps = [DiameterAvp.Number(268, 2001), .. watchdog.Avps] }, ct);
        await S13World.UntilAsync(() => world.Listener.Peers.All().All(p => !p.IsSuspect), ct);
        world.Pass(20);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(watchdog.Command, Is.EqualTo(280u));
            Assert.That(watchdog.Flags, Is.EqualTo((byte)0x80));
        }

        Assert.That((await mme.AskAsync(DiameterMessage.Ecr(S13World.White), ct)).Result, Is.EqualTo(2001));
    }

    [Test]
    public async Task A_peer_that_answers_no_watchdog_is_disconnected(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        world.Pass(100);
        var watchdog = await mme.ReceiveAsync(ct);

        Assert.That(watchdog!.Command, Is.EqualTo(280));
        Assert.That(await mme.ReceiveAsync(ct), Is.Null);
        await S13World.UntilAsync(() => world.Disconnects(S13DisconnectReason.Silent) is 1, ct);
    }

    [Test]
    public async Task A_dpr_is_answered_and_the_peer_closes(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using (var mme = await world.OpenAsync(ct))
            Assert.That((await mme.AskAsync(DiameterMessage.Base(282), ct)).Result, Is.EqualTo(2001));

        await S13World.UntilAsync(() => world.Listener.Peers.All().Length is 0, ct);
    }

    [Test]
    public async Task A_peer_that_sends_a_dpr_and_does_not_close_is_disconnected(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);
        await mme.AskAsync(DiameterMessage.Base(282), ct);
        await S13World.UntilAsync(() => world.Listener.Peers.All().All(p => !p.IsOpen), ct);

        world.Pass(5);

        Assert.That(await mme.ReceiveAsync(ct), Is.Null);
    }

    [Test]
    public async Task A_stopping_node_sends_a_dpr_to_a_peer_that_keeps_sending_requests(CancellationToken ct)
    {
        var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);
        var burst = Enumerable.Range(0, 50).SelectMany(_ => DiameterMessage.Ecr(S13World.White).ToBytes()).ToArray();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var asking = Task.Run(
            async () =>
            {
                while (!enough.IsCancellationRequested) await mme.SendAsync(burst, ct);
            },
            ct);
        for (var i = 0; i < 200; i++) await mme.ReceiveAsync(ct);

        var stopping = world.Listener.StopAsync(ct);
        var dpr = new TaskCompletionSource<DiameterMessage?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var reading = Task.Run(
            async () =>
            {
                while (await mme.ReceiveAsync(ct) is { } message)
                    if (message.Command is 282) dpr.TrySetResult(message);
                dpr.TrySetResult(null);
            },
            ct);
        var received = await dpr.Task;
        await enough.CancelAsync();
        await asking;
        Assert.That(received, Is.Not.Null, "the connection was closed without a DPR");
        await mme.SendAsync(received! with
        {
            Flags = 0,
            Avps = [DiameterAvp.Number(268, 2001), .. received.Avps.Take(2)]
        }, ct);
        await reading;

        await mme.DisposeAsync();
        await stopping;
        await world.DisposeAsync();
    }

    [Test]
    public async Task A_stopping_node_sends_a_dpr_and_answers_until_the_dpa(CancellationToken ct)
    {
        var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);

        var stopping = world.Listener.StopAsync(ct);
        var dpr = await mme.ReceiveAsync(ct);
        var check = await mme.AskAsync(DiameterMessage.Ecr(S13World.White), ct);
        await mme.SendAsync(dpr! with
        {
            Flags = 0,
            Avps = [DiameterAvp.Number(268, 2001), .. dpr.Avps.Take(2)]
        }, ct);
        Assert.That(await mme.ReceiveAsync(ct), Is.Null);
        await mme.DisposeAsync();
        await stopping;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(dpr.Command, Is.EqualTo(282u));
            Assert.That(dpr[273]!.AsNumber, Is.Zero);
            Assert.That(check.Result, Is.EqualTo(2001u));
        }

        await world.DisposeAsync();
    }

    [Test]
    public async Task A_second_connection_of_a_responsive_host_is_rejected(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var first = await world.OpenAsync(ct);
        await using var second = await world.ConnectAsync(ct);

        var asked = second.AskAsync(DiameterMessage.Cer(applications: S13), ct);
        var watchdog = await first.ReceiveAsync(ct);
        await first.SendAsync(watchdog! with { Flags = 0 }, ct);

        Assert.That((await asked).Result, Is.EqualTo(5012));
        Assert.That((await first.AskAsync(DiameterMessage.Ecr(S13World.White), ct)).Result, Is.EqualTo(2001));
    }

    [Test]
    public async Task A_second_connection_of_an_unresponsive_host_replaces_the_first(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var first = await world.OpenAsync(ct);
        await using var second = await world.ConnectAsync(ct);

        var asked = second.AskAsync(DiameterMessage.Cer("MME1.opco-a.example", applications: S13), ct);
        await first.ReceiveAsync(ct);
        world.Pass(3);

        Assert.That((await asked).Result, Is.EqualTo(2001));
        Assert.That(await first.ReceiveAsync(ct), Is.Null);
        Assert.That((await second.AskAsync(DiameterMessage.Ecr(S13World.Black), ct)).Status, Is.EqualTo(1));
    }

    [Test]
    public async Task Each_of_several_connections_that_replace_a_silent_one_gets_a_cea(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var silent = await world.OpenAsync(ct);
        DiameterClient[] others = [await world.ConnectAsync(ct), await world.ConnectAsync(ct)];

        var asked = others.Select(o => o.AskAsync(DiameterMessage.Cer(applications: S13), ct)).ToList();
        await silent.ReceiveAsync(ct);
        world.Pass(3);
        var first = asked.IndexOf(await Task.WhenAny(asked));
        var watchdog = await others[first].ReceiveAsync(ct);
        world.Pass(3);

        Assert.That((await Task.WhenAll(asked)).Select(a => (a.Command, a.Result)), Is.All.EqualTo((257u, 2001u)));
        Assert.That(watchdog!.Command, Is.EqualTo(280));
        Assert.That(await others[first].ReceiveAsync(ct), Is.Null);
        await S13World.UntilAsync(() => world.Listener.Peers.All().Length is 1, ct);
        foreach (var one in others) await one.DisposeAsync();
    }

    [Test]
    public async Task Hosts_of_one_realm_are_separate_peers(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var first = await world.OpenAsync(ct, "mme1.opco-a.example");
        await using var second = await world.OpenAsync(ct, "mme2.opco-a.example");

        Assert.That((await first.AskAsync(DiameterMessage.Ecr(S13World.White), ct)).Result, Is.EqualTo(2001));
        Assert.That((await second.AskAsync(DiameterMessage.Ecr(S13World.White), ct)).Result, Is.EqualTo(2001));
    }

    [TestCase(0)]
    [TestCase(7)]
    [TestCase(100)]
    public async Task A_connection_without_a_cer_within_ten_seconds_is_closed(int bytes, CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var slow = await world.ConnectAsync(ct);
        await slow.SendAsync(DiameterMessage.Cer(applications: S13).ToBytes().AsMemory(0, bytes), ct);
        await S13World.UntilAsync(() => world.Listener.Peers.All().Length is 1, ct);

        world.Pass(11);

        Assert.That(await slow.ReceiveAsync(ct), Is.Null);
    }

    [Test]
    public async Task A_message_that_is_incomplete_after_five_seconds_closes_its_connection(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var slow = await world.OpenAsync(ct);
        await slow.AskAsync(DiameterMessage.Base(280), ct);
        await slow.SendAsync(DiameterMessage.Ecr(S13World.White).ToBytes().AsMemory(0, 50), ct);
        await S13World.UntilAsync(() => world.Listener.Peers.All().All(p => p.IsWaiting), ct);

        world.Pass(6);

        Assert.That(await slow.ReceiveAsync(ct), Is.Null);
        await S13World.UntilAsync(() => world.Disconnects(S13DisconnectReason.Slow) is 1, ct);
    }

    [Test]
    public async Task A_peer_that_reads_no_answers_is_disconnected_and_delays_no_other_peer(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var witness = await world.OpenAsync(ct, "mme9.opco-a.example");
        await using var greedy = await world.OpenAsync(ct);
        var requests = Enumerable.Range(0, 1_000).SelectMany(_ => DiameterMessage.Ecr(S13World.White).ToBytes())
            .ToArray();

        var sending = Task.Run(
            async () =>
            {
                while (true) await greedy.SendAsync(requests, ct);
            },
            ct);
        await S13World.UntilAsync(() => world.Disconnects(S13DisconnectReason.Slow) is 1, ct);

        Assert.That(async () => await sending, Throws.InstanceOf<IOException>());
        Assert.That((await witness.AskAsync(DiameterMessage.Ecr(S13World.Black), ct)).Status, Is.EqualTo(1));
    }

    [Test]
    public async Task Unidentified_connections_do_not_block_a_peer_with_a_certificate(
        CancellationToken ct)
    {
        using var own = S13World.SelfSigned("mme1");
        var key = Convert.ToHexString(SHA256.HashData(own.PublicKey.ExportSubjectPublicKeyInfo()));
        await using var world = await S13World.StartAsync(
            S13World.Settings(new PeerRule { OriginRealm = S13World.Realm, Certificates = [key] }));
        var unidentified = new List<DiameterClient>();
        for (var i = 0; i < 40; i++) unidentified.Add(await world.ConnectAsync(ct));

        await S13World.UntilAsync(() => world.Disconnects(S13DisconnectReason.TooMany) is 24, ct);
        await using var known = await DiameterClient.ConnectAsync(world.Listener.Endpoints["s13tls"], ct, tls: true,
            own);

        Assert.That((await known.AskAsync(DiameterMessage.Cer(applications: S13), ct)).Result, Is.EqualTo(2001));
        await S13World.UntilAsync(() =>
            world.Disconnects(S13DisconnectReason.TooMany) is 25 && world.Listener.Peers.All().Length is 16, ct);
        foreach (var one in unidentified) await one.DisposeAsync();
    }

    [Test]
    public async Task Rejected_connections_that_stay_do_not_block_a_peer_with_a_certificate(CancellationToken ct)
    {
        using var own = S13World.SelfSigned("mme1");
        var key = Convert.ToHexString(SHA256.HashData(own.PublicKey.ExportSubjectPublicKeyInfo()));
        await using var world = await S13World.StartAsync(
            S13World.Settings(new PeerRule { OriginRealm = S13World.Realm, Certificates = [key] }));
        var unidentified = new List<DiameterClient>();
        for (var i = 0; i < 300; i++)
        {
            unidentified.Add(await world.ConnectAsync(ct));
            await unidentified[^1].SendAsync(DiameterMessage.Cer("nobody.example", "example", S13).ToBytes(), ct);
        }

        await S13World.UntilAsync(() =>
            world.Listener.Peers.All().Length <= 16 && world.Disconnects(S13DisconnectReason.TooMany)
            + world.Disconnects(S13DisconnectReason.UnknownPeer) >= 284, ct);
        await using var known = await DiameterClient.ConnectAsync(world.Listener.Endpoints["s13tls"], ct, tls: true,
            own);

        Assert.That((await known.AskAsync(DiameterMessage.Cer(applications: S13), ct)).Result, Is.EqualTo(2001));
        foreach (var one in unidentified) await one.DisposeAsync();
    }

    [TestCase("02", 5011u)]
    [TestCase("01000015", 5015u)]
    [TestCase("01FFFFFC", 5015u)]
    public async Task An_invalid_header_is_answered_and_the_connection_closed(string start, uint result,
        CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var mme = await world.OpenAsync(ct);
        var bytes = DiameterMessage.Ecr(S13World.White).ToBytes();
        Convert.FromHexString(start).CopyTo(bytes, 0);

        await mme.SendAsync(bytes, ct);

        Assert.That((await mme.ReceiveAsync(ct))!.Result, Is.EqualTo(result));
        Assert.That(await mme.ReceiveAsync(ct), Is.Null);
    }

    [Test]
    public async Task Any_bytes_close_at_most_their_own_connection(CancellationToken ct)
    {
        await using var world = await S13World.StartAsync();
        await using var witness = await world.OpenAsync(ct, "mme9.opco-a.example");
        var random = new Random(20261126);
        for (var i = 0; i < 200; i++)
        {
            await using var mad = i % 2 is 0 ? await world.OpenAsync(ct, $"mad{i}.opco-a.example")
                : await world.ConnectAsync(ct);
            var bytes = (i % 2 is 0 ? DiameterMessage.Ecr(S13World.White) : DiameterMessage.Cer(applications: S13))
                .ToBytes();
            for (var changes = random.Next(1, 20); changes > 0; changes--) bytes[random.Next(bytes.Length)] =
                (byte)random.Next(256);
            await mad.SendAsync(bytes, ct);
        }

        await S13World.UntilAsync(() => world.Listener.Peers.All().Length is 1, ct);
        Assert.That((await witness.AskAsync(DiameterMessage.Ecr(S13World.Black), ct)).Status, Is.EqualTo(1));
        Assert.That(world.Disconnects(S13DisconnectReason.Fault), Is.Zero);
    }
}
