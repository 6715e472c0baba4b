using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using DeviceRegistry.Client;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.System.Tests.Client;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace DeviceRegistry.System.Tests;

/// <summary>A node from its operator's view: status, drain and undrain, the listener without TLS, and
/// overload.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class NodeTests
{
    private static RegistryProcess _node = null!;

    [OneTimeSetUp]
    public static async Task Start()
    {
        var state = Registry.NewFolder();
        var certificates = Directory.CreateDirectory(Path.Combine(state, "certs")).FullName;
        foreach (var file in Directory.GetFiles(Path.Combine(Registry.Server.State, "certs"))) File.Copy(file,
            Path.Combine(certificates, Path.GetFileName(file)));
        _node = await RegistryProcess.StartAsync(
            state, "--roles", "Attach,Web", "--node", "node-b1", "--registrar",
            $"https://localhost:{Registry.Server.Address("registrar").Port}",
            "--attach-cleartext-address", "127.0.0.1", "--attach-cleartext-port", "0");
    }

    [OneTimeTearDown]
    public static async Task Stop() => await _node.DisposeAsync();

    [Test]
    public async Task The_status_shows_position_and_answer_counts()
    {
        var blocked = TestImei.Next();
        var position = (await Registry.GivenBlockedAsync(blocked)).JournalPosition;
        await Registry.AppliedAsync(position, Checks("operator-b"));
        var before = await StatusAsync();

        await Checks("operator-b").CheckAsync(new CheckRequest { Imei = blocked.Digits });
        var status = await StatusAsync();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(status.Ready, Is.True);
            Assert.That(status.Draining, Is.False);
            Assert.That(status.Halted, Is.EqualTo(""));
            Assert.That(status.CheckpointMismatch, Is.EqualTo(""));
        }

        Assert.That(status.Position, Is.GreaterThanOrEqualTo(position));
        Assert.That(status.Epoch, Is.EqualTo(1));
        Assert.That(status.DataAgeMs, Is.InRange(0, 10_000));
        Assert.That((ulong[])[status.Index.Orders, status.Index.Tacs, status.ResidentBytes], Has.All.GreaterThan(0));
        Assert.That(CountOf(status, Verdict.Deny) - CountOf(before, Verdict.Deny), Is.EqualTo(1));
        Assert.That(status.StartedAt.ToDateTimeOffset(), Is.LessThan(status.At.ToDateTimeOffset()));
    }

    [Test]
    public async Task Another_operator_cannot_read_the_status_or_drain_the_node()
    {
        var node = new NodeService.NodeServiceClient(_node.Channel("attach", "operator-a"));

        var (status, drain) = (await Registry.RefusalOfAsync(async () => await node.GetNodeStatusAsync(new())),
            await Registry.RefusalOfAsync(async () => await node.DrainNodeAsync(new())));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(status.StatusCode, Is.EqualTo(StatusCode.PermissionDenied));
            Assert.That(drain.StatusCode, Is.EqualTo(StatusCode.PermissionDenied));
        }
    }

    // The second message of the open stream may find the node overloaded, which ends the stream.
    [Test]
    public Task A_drained_node_accepts_no_new_streams() =>
        Registry.UnlessBusyAsync(DrainAndUndrainAsync);

    private static async Task<bool> DrainAndUndrainAsync()
    {
        await Registry.UntilAsync(async _ => (await StatusAsync()).Streams is 0);
        using var open = Checks("operator-b").CheckStream();
        await AskAsync(open, 1);

        var drained = await Node().DrainNodeAsync(new DrainNodeRequest());
        try
        {
            var refusal = await Registry.RefusalOfAsync(async () => await AskOnceAsync(Checks("operator-b"), 2));
            var continued = await AskAsync(open, 3);
            var unary = await Checks("operator-b").CheckAsync(new CheckRequest());
            var (health, page, status) = (await HealthAsync("attach"), await ReadyAsync(), await StatusAsync());

            using (Assert.EnterMultipleScope())
            {
                Assert.That(drained.Draining, Is.True);
                Assert.That(drained.Streams, Is.EqualTo(1u));
                Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.Unavailable));
                Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("NODE_DRAINING"));
                Assert.That(continued.Id, Is.EqualTo(3ul));
                Assert.That(unary.Reason, Is.EqualTo(CheckReason.ImeiAbsent));
                Assert.That(health, Is.EqualTo(ServingStatus.NotServing));
                Assert.That(page, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
                Assert.That(status.Ready, Is.False);
                Assert.That(status.Draining, Is.True);
            }
        }
        finally
        {
            await Node().UndrainNodeAsync(new UndrainNodeRequest());
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await HealthAsync("attach"), Is.EqualTo(ServingStatus.Serving));
            Assert.That(await ReadyAsync(), Is.EqualTo(HttpStatusCode.OK));
        }

        Assert.That((await AskOnceAsync(Checks("operator-b"), 4)).Id, Is.EqualTo(4));
        return true;
    }

    [Test]
    public async Task The_cleartext_listener_answers_checks()
    {
        using var channel = PlainChannel();
        var checks = new AttachService.AttachServiceClient(channel);
        var before = await StatusAsync();

        var one = await checks.CheckAsync(new CheckRequest { Imei = "35290611999999" });
        var batch = await checks.CheckManyAsync(
            new CheckManyRequest { Checks = { new CheckRequest(), new CheckRequest { Imei = "35290611999999" } } });
        var streamed = await AskOnceAsync(checks, 5);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(one.Reason, Is.EqualTo(CheckReason.FirstSeen));
            Assert.That(batch.Answers.Select(a => a.Reason),
                Is.EqualTo(new[] { CheckReason.ImeiAbsent, CheckReason.FirstSeen }));
            Assert.That(streamed.Id, Is.EqualTo(5ul));
        }

        Assert.That((await StatusAsync()).Interfaces.Single(d =>
            d.Interface == "grpc").Checks - before.Interfaces.Single(d =>
            d.Interface == "grpc").Checks, Is.EqualTo(4));
    }

    [Test]
    public async Task The_cleartext_listener_serves_only_checks_and_health()
    {
        using var channel = PlainChannel();

        var status = await Registry.RefusalOfAsync(async () => await new NodeService.NodeServiceClient(channel)
            .GetNodeStatusAsync(new()));
        var who = await Registry.RefusalOfAsync(async () => await new PartiesService.PartiesServiceClient(channel)
            .WhoAmIAsync(new()));
        var health = await new Health.HealthClient(channel)
            .CheckAsync(new HealthCheckRequest { Service = "deviceregistry.v1.AttachService" });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(status.StatusCode, Is.EqualTo(StatusCode.Unimplemented));
            Assert.That(who.StatusCode, Is.EqualTo(StatusCode.Unimplemented));
            Assert.That(health.Status, Is.EqualTo(ServingStatus.Serving));
        }
    }

    [Test]
    public async Task Idle_calls_of_unauthenticated_peers_do_not_block_the_operator()
    {
        await Registry.UntilAsync(async _ => (await StatusAsync()).Streams is 0);
        using var untrusted = TestCertificate.OfAnotherRoot("nobody", "nowhere");
        var unauthenticated = new AttachService.AttachServiceClient(
            _node.Channel(_node.Address("attach").Port, untrusted, manyConnections: true));

        // More calls than the node admits. Each would hold a place until its first message.
        var calls = Enumerable.Range(0, 1_100).Select(_ => unauthenticated.CheckStream()).ToList();
        var ends = await Task.WhenAll(
            calls.Select(c => Registry.RefusalOfAsync(() => c.ResponseStream.MoveNext(CancellationToken.None))));
        var own = new AttachService.AttachServiceClient(_node.Channel("attach", "operator-b"));
        await Registry.UntilAsync(async _ => await IsServedAsync(own));
        foreach (var call in calls) call.Dispose();

        // A thousand calls at once can overload the node for a moment, and it then refuses every caller with NODE_BUSY.
        // On a busy machine the client may also lose a connection, which it reports as UNAVAILABLE.
        Assert.That(ends.Select(e => e.StatusCode).Distinct(), Is.SubsetOf(new[]
        {
            StatusCode.Unauthenticated, StatusCode.ResourceExhausted, StatusCode.Unavailable,
        }).And.Contains(StatusCode.Unauthenticated));
    }

    private static async Task<bool> IsServedAsync(AttachService.AttachServiceClient checks)
    {
        try
        {
            return (await checks.CheckAsync(new CheckRequest())).Reason is CheckReason.ImeiAbsent;
        }
        catch (RpcException busy) when (busy.StatusCode is StatusCode.ResourceExhausted)
        {
            return false;
        }
    }

    [Test]
    public async Task An_overloaded_node_answers_NODE_BUSY_with_a_retry_delay()
    {
        var channel = _node.Channel(_node.Address("attach").Port, _node.Certificate("operator-b"),
            manyConnections: true);
        var checks = new AttachService.AttachServiceClient(channel);
        await Registry.UntilAsync(async _ => (await StatusAsync()).Streams is 0);
        var (streams, ends) = (new List<AsyncDuplexStreamingCall<CheckStreamRequest, CheckStreamResponse>>(),
            new List<string>());
        async Task OpenAsync(int count)
        {
            var more = Enumerable.Range(0, count).Select(_ => checks.CheckStream()).ToList();
            streams.AddRange(more);
            ends.AddRange(await Task.WhenAll(more.Select(async stream =>
            {
                try
                {
                    return (await AskAsync(stream, 7)).Answer.Verdict is Verdict.Deny ? "DENY" : "answered";
                }
                catch (RpcException refusal)
                {
                    return $"{refusal.StatusCode} {Registry.ReasonOf(refusal)} " +
                        $"{StatusMapping.RetryAfterOf(refusal)?.TotalSeconds}";
                }
            })));
        }

        // Streams that were accepted stay open and wait; the others have ended. On a busy machine the node rejects some
        // of the first 1,000 too, so open as many as are missing.
        await OpenAsync(1_100);
        await Registry.UntilAsync(async _ =>
        {
            var missing = 1_000 - ends.Count(e => e is "answered");
            if (missing > 0) await OpenAsync(missing);
            return missing <= 0;
        });
        await OpenAsync(100);
        var one = await Registry.RefusalOfAsync(async () => await new AttachService.AttachServiceClient(
            _node.Channel(_node.Address("attach").Port, _node.Certificate("operator-b")))
            .CheckAsync(new CheckRequest { Imei = "35290611000001" }));
        using var client = new RegistryClient(new ClientOptions
        {
            AttachNodes = [new Uri($"https://localhost:{_node.Address("attach").Port}")],
            Certificate = _node.Certificate("operator-b"), Root = TwoNodes.Certificates("operator-b").Root,
        });
        var patient = new AttachService.AttachServiceClient(client.Attach)
            .CheckAsync(new CheckRequest(), deadline: Patience.Deadline).ResponseAsync;
        foreach (var stream in streams) stream.Dispose();
        await Registry.UntilAsync(async _ => (await StatusAsync()).Streams is 0);
        var served = await Checks("operator-b").CheckAsync(new CheckRequest());

        Assert.That(ends.Distinct(), Is.EquivalentTo(["answered", "ResourceExhausted NODE_BUSY 1"]));
        Assert.That(ends.Count(e => e is "answered"), Is.EqualTo(1_000));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(one.StatusCode, Is.EqualTo(StatusCode.ResourceExhausted));
            Assert.That(Registry.ReasonOf(one), Is.EqualTo("NODE_BUSY"));
            Assert.That(served.Reason, Is.EqualTo(CheckReason.ImeiAbsent));
            Assert.That((await patient).Reason, Is.EqualTo(CheckReason.ImeiAbsent));
        }

        Assert.That((await StatusAsync()).RequestsShed, Is.GreaterThanOrEqualTo(101));
    }

    [Test]
    public async Task The_certificate_of_a_retired_node_is_refused()
    {
        var key = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32));
        await Registry.ChangeAsync(new Change
        {
            Actor = new PutActorRequest
            {
                Reference = Registry.NewReference(), Name = "node-gone", Party = "opco-b",
                Kind = ActorKind.Node, State = MembershipState.Active, KeyDigest = key
            },
        });

        var (code, output) = await Scripts.DregAsync(Registry.Server, "node", "retire", "node-gone", "--party",
            "opco-b", "--reference", Registry.NewReference(), "--json");
        var change = JsonNode.Parse(output)!["change_number"]!.GetValue<string>();
        var approved = await Scripts.DregAsync(Registry.Server, "change", "approve", change, "--as", "regulator-b",
            "--reference", Registry.NewReference());
        var actors = await Registry.Parties("auditor-a")
            .ListActorsAsync(new ListActorsRequest { Kind = ActorKind.Node, Party = "opco-b" });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.EqualTo(0), output + approved.Output);
            Assert.That(approved.Code, Is.EqualTo(0), output + approved.Output);
        }

        Assert.That(actors.Actors.Single(a => a.Name == "node-gone").State, Is.EqualTo(MembershipState.Retired));
    }

    [Test]
    public async Task Dreg_prints_the_node_status_as_text()
    {
        var run = await Scripts.DregAsync(Registry.Server, "node", "status", "--as", "operator-b", "--attach",
            $"https://localhost:{_node.Address("attach").Port}");

        TestContext.Out.WriteLine(run.Output);
        Assert.That(run.Code, Is.Zero, run.Output);
        Assert.That(run.Output, Does.Contain("ready           yes").And.Contain("checks/s").And.Contain("epoch 1"));
    }

    private static AttachService.AttachServiceClient Checks(string identity) => new(_node.Channel("attach", identity));

    private static NodeService.NodeServiceClient Node() => new(_node.Channel("attach", "operator-b"));

    private static async Task<GetNodeStatusResponse> StatusAsync() =>
        await Node().GetNodeStatusAsync(new GetNodeStatusRequest());

    private static GrpcChannel PlainChannel() =>
        GrpcChannel.ForAddress($"http://{_node.Address("plain")}", OverloadRetry.Options());

    private static long CountOf(GetNodeStatusResponse status, Verdict verdict) =>
        (long)status.Interfaces.SelectMany(d => d.Verdicts).Where(v => v.Verdict == verdict)
        .Aggregate(0ul, (sum, v) => sum + v.Count);

    private static async Task<ServingStatus> HealthAsync(string listener) =>
        (await new Health.HealthClient(_node.Channel(listener, identity: null))
        .CheckAsync(new HealthCheckRequest())).Status;

    private static async Task<HttpStatusCode> ReadyAsync()
    {
        using var http = new HttpClient();
        return (await http.GetAsync($"http://{_node.Address("web")}/readyz")).StatusCode;
    }

    private static async Task<NumberedAnswer> AskOnceAsync(AttachService.AttachServiceClient checks, ulong id)
    {
        using var stream = checks.CheckStream();
        return await AskAsync(stream, id);
    }

    private static async Task<NumberedAnswer> AskAsync(
        AsyncDuplexStreamingCall<CheckStreamRequest, CheckStreamResponse> stream, ulong id)
    {
        // A server that refuses a call closes the stream. The status has the reason, not the failed write.
        try
        {
            await stream.RequestStream.WriteAsync(
                new CheckStreamRequest { Checks = { new NumberedCheck { Id = id, Check = new CheckRequest() } } });
        }
        catch (Exception stopped) when (stopped is RpcException or InvalidOperationException)
        {
        }

        await stream.ResponseStream.MoveNext(CancellationToken.None);
        return stream.ResponseStream.Current.Answers.Single();
    }
}
