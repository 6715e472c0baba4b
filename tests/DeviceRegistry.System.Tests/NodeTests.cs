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

/// <summary>A node as its operator runs it: how it is, out of service and back, its door without TLS, and more calls
/// than it takes.</summary>
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
    public async Task The_status_says_where_it_stands_and_what_it_answers()
    {
        var blocked = TestImei.Next();
        var position = (await Registry.GivenBlockedAsync(blocked)).JournalPosition;
        await Registry.AppliedAsync(position, Checks("operator-b"));
        var before = await StatusAsync();

        await Checks("operator-b").CheckAsync(new CheckRequest { Imei = blocked.Digits });
        var status = await StatusAsync();

        Assert.That((status.Ready, status.Draining, status.Halted, status.CheckpointMismatch),
            Is.EqualTo((true, false, "", "")));
        Assert.That(status.Position, Is.GreaterThanOrEqualTo(position));
        Assert.That(status.Epoch, Is.EqualTo(1));
        Assert.That(status.DataAgeMs, Is.InRange(0, 10_000));
        Assert.That((ulong[])[status.Index.Orders, status.Index.Tacs, status.ResidentBytes], Has.All.GreaterThan(0));
        Assert.That(CountOf(status, Verdict.Deny) - CountOf(before, Verdict.Deny), Is.EqualTo(1));
        Assert.That(status.StartedAt.ToDateTimeOffset(), Is.LessThan(status.At.ToDateTimeOffset()));
    }

    [Test]
    public async Task Another_operator_is_not_told()
    {
        var node = new NodeService.NodeServiceClient(_node.Channel("attach", "operator-a"));

        var (status, drain) = (await Registry.RefusalOfAsync(async () => await node.GetNodeStatusAsync(new())),
            await Registry.RefusalOfAsync(async () => await node.DrainNodeAsync(new())));

        Assert.That((status.StatusCode, drain.StatusCode),
            Is.EqualTo((StatusCode.PermissionDenied, StatusCode.PermissionDenied)));
    }

    [Test]
    public async Task A_drained_node_is_not_ready_begins_no_streams_and_answers_everything_else_until_it_is_back()
    {
        await Registry.UntilAsync(async _ => (await StatusAsync()).Streams is 0);
        using var open = Checks("operator-b").CheckStream();
        await AskAsync(open, 1);

        var drained = await Node().DrainNodeAsync(new DrainNodeRequest());
        try
        {
            var refusal = await Registry.RefusalOfAsync(async () => await AskOnceAsync(Checks("operator-b"), 2));
            var goesOn = await AskAsync(open, 3);
            var unary = await Checks("operator-b").CheckAsync(new CheckRequest());
            var (health, page, status) = (await HealthAsync("attach"), await ReadyAsync(), await StatusAsync());

            Assert.That((drained.Draining, drained.Streams), Is.EqualTo((true, 1u)));
            Assert.That((refusal.StatusCode, Registry.ReasonOf(refusal)),
                Is.EqualTo((StatusCode.Unavailable, "NODE_DRAINING")));
            Assert.That((goesOn.Id, unary.Reason), Is.EqualTo((3ul, CheckReason.ImeiAbsent)));
            Assert.That((health, page, status.Ready, status.Draining),
                Is.EqualTo((ServingStatus.NotServing, HttpStatusCode.ServiceUnavailable, false, true)));
        }
        finally
        {
            await Node().UndrainNodeAsync(new UndrainNodeRequest());
        }

        Assert.That((await HealthAsync("attach"), await ReadyAsync()),
            Is.EqualTo((ServingStatus.Serving, HttpStatusCode.OK)));
        Assert.That((await AskOnceAsync(Checks("operator-b"), 4)).Id, Is.EqualTo(4));
    }

    [Test]
    public async Task The_door_without_tls_answers_checks_as_to_a_core_node_of_the_nodes_operator()
    {
        using var channel = PlainChannel();
        var checks = new AttachService.AttachServiceClient(channel);
        var before = await StatusAsync();

        var one = await checks.CheckAsync(new CheckRequest { Imei = "35290611999999" });
        var batch = await checks.CheckManyAsync(
            new CheckManyRequest { Checks = { new CheckRequest(), new CheckRequest { Imei = "35290611999999" } } });
        var streamed = await AskOnceAsync(checks, 5);

        Assert.That((one.Reason, batch.Answers.Select(a => a.Reason), streamed.Id),
            Is.EqualTo((CheckReason.FirstSeen, new[] { CheckReason.ImeiAbsent, CheckReason.FirstSeen }, 5ul)));
        Assert.That((await StatusAsync()).Interfaces.Single(d =>
            d.Interface == "grpc").Checks - before.Interfaces.Single(d =>
            d.Interface == "grpc").Checks, Is.EqualTo(4));
    }

    [Test]
    public async Task The_door_without_tls_has_checks_and_health_and_nothing_else()
    {
        using var channel = PlainChannel();

        var status = await Registry.RefusalOfAsync(async () => await new NodeService.NodeServiceClient(channel)
            .GetNodeStatusAsync(new()));
        var who = await Registry.RefusalOfAsync(async () => await new PartiesService.PartiesServiceClient(channel)
            .WhoAmIAsync(new()));
        var health = await new Health.HealthClient(channel)
            .CheckAsync(new HealthCheckRequest { Service = "deviceregistry.v1.AttachService" });

        Assert.That((status.StatusCode, who.StatusCode, health.Status),
            Is.EqualTo((StatusCode.Unimplemented, StatusCode.Unimplemented, ServingStatus.Serving)));
    }

    [Test]
    public async Task Strangers_who_call_and_say_nothing_take_no_place_from_those_who_may_ask()
    {
        await Registry.UntilAsync(async _ => (await StatusAsync()).Streams is 0);
        using var nobody = TestCertificate.OfAnotherRoot("nobody", "nowhere");
        var strangers = new AttachService.AttachServiceClient(
            _node.Channel(_node.Address("attach").Port, nobody, manyConnections: true));

        // More than the node has places for; each would hold one until it says what it came for.
        var calls = Enumerable.Range(0, 1_100).Select(_ => strangers.CheckStream()).ToList();
        var ends = await Task.WhenAll(
            calls.Select(c => Registry.RefusalOfAsync(() => c.ResponseStream.MoveNext(CancellationToken.None))));
        var own = new AttachService.AttachServiceClient(_node.Channel("attach", "operator-b"));
        await Registry.UntilAsync(async _ => await IsServedAsync(own));
        foreach (var call in calls) call.Dispose();

        // A thousand handshakes may make the node busy for a moment, which it says to everybody alike.
        Assert.That(ends.Select(e => e.StatusCode).Distinct(),
            Is.SubsetOf(new[] { StatusCode.Unauthenticated, StatusCode.ResourceExhausted }).And.Contains(
            StatusCode.Unauthenticated));
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
    public async Task A_flood_of_calls_is_told_busy_and_when_to_come_back_and_never_deny_and_is_served_once_it_is_over()
    {
        var channel = _node.Channel(_node.Address("attach").Port, _node.Certificate("operator-b"),
            manyConnections: true);
        var checks = new AttachService.AttachServiceClient(channel);
        await Registry.UntilAsync(async _ => (await StatusAsync()).Streams is 0);
        var streams = Enumerable.Range(0, 1_100).Select(_ => checks.CheckStream()).ToList();

        // Those that were taken are open and wait; the others have ended.
        var ends = await Task.WhenAll(streams.Select(async stream =>
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
        }));
        var one = await Registry.RefusalOfAsync(async () =>
            await checks.CheckAsync(new CheckRequest { Imei = "35290611000001" }));
        using var client = new RegistryClient(new ClientOptions
        {
            AttachNodes = [new Uri($"https://localhost:{_node.Address("attach").Port}")],
            Certificate = _node.Certificate("operator-b"), Root = TwoNodes.Certificates("operator-b").Root,
        });
        var patient = new AttachService.AttachServiceClient(client.Attach)
            .CheckAsync(new CheckRequest(), deadline: Patience.Deadline).ResponseAsync;
        foreach (var stream in streams) stream.Dispose();
        await Registry.UntilAsync(async _ => (await StatusAsync()).Streams is 0);
        var served = await checks.CheckAsync(new CheckRequest());

        Assert.That(ends.Distinct(), Is.EquivalentTo(["answered", "ResourceExhausted NODE_BUSY 1"]));
        Assert.That(ends.Count(e => e is "answered"), Is.InRange(990, 1_000));
        Assert.That((one.StatusCode, Registry.ReasonOf(one)), Is.EqualTo((StatusCode.ResourceExhausted, "NODE_BUSY")));
        Assert.That((served.Reason, (await patient).Reason),
            Is.EqualTo((CheckReason.ImeiAbsent, CheckReason.ImeiAbsent)));
        Assert.That((await StatusAsync()).RequestsShed, Is.GreaterThanOrEqualTo(101));
    }

    [Test]
    public async Task A_node_is_retired_by_two_people_and_its_certificate_is_refused_from_then_on()
    {
        var key = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32));
        await Registry.ChangeAsync(new Change
        {
            Actor = new PutActorRequest { Reference = Registry.NewReference(), Name = "node-gone", Party = "opco-b",
                Kind = ActorKind.Node, State = MembershipState.Active, KeyDigest = key },
        });

        var (code, output) = await Scripts.DregAsync(Registry.Server, "node", "retire", "node-gone", "--party",
            "opco-b", "--reference", Registry.NewReference(), "--json");
        var change = JsonNode.Parse(output)!["change_number"]!.GetValue<string>();
        var approved = await Scripts.DregAsync(Registry.Server, "change", "approve", change, "--as", "regulator-b",
            "--reference", Registry.NewReference());
        var actors = await Registry.Parties("auditor-a")
            .ListActorsAsync(new ListActorsRequest { Kind = ActorKind.Node, Party = "opco-b" });

        Assert.That((code, approved.Code), Is.EqualTo((0, 0)), output + approved.Output);
        Assert.That(actors.Actors.Single(a => a.Name == "node-gone").State, Is.EqualTo(MembershipState.Retired));
    }

    [Test]
    public async Task Dreg_tells_the_status_as_a_person_reads_it()
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

    private static GrpcChannel PlainChannel() => GrpcChannel.ForAddress($"http://{_node.Address("plain")}");

    private static long CountOf(GetNodeStatusResponse status, Verdict verdict) =>
        (long)status.Interfaces.SelectMany(d => d.Verdicts).Where(v => v.Verdict == verdict)
        .Aggregate(0ul, (sum, v) => sum + v.Count);

    private static async Task<ServingStatus> HealthAsync(string door) =>
        (await new Health.HealthClient(_node.Channel(door, identity: null))
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
        // A server that refuses stops the stream; why, its status says, not the write that failed.
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
