using DeviceRegistry.TestKit;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace DeviceRegistry.System.Tests;

/// <summary>Health and reflection, with the behaviour that standard clients expect. The independent Node client tests
/// them too.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class HealthTests
{
    [Test]
    public async Task A_watch_of_an_unknown_service_stays_open()
    {
        var health = new Health.HealthClient(Registry.Server.Channel("registrar", identity: null));
        using var watch = health.Watch(new HealthCheckRequest { Service = "nobody.Knows" });
        await watch.ResponseStream.MoveNext(CancellationToken.None);
        var first = watch.ResponseStream.Current.Status;
        var next = watch.ResponseStream.MoveNext(CancellationToken.None);

        var refusal = await Registry.RefusalOfAsync(async () =>
            await health.CheckAsync(new HealthCheckRequest { Service = "nobody.Knows" }));

        Assert.That(first, Is.EqualTo(ServingStatus.ServiceUnknown));
        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.NotFound));
        Assert.That(next.IsCompleted, Is.False);
    }

    [TestCase("registrar", "deviceregistry.v1.OrdersService", true)]
    [TestCase("registrar", "deviceregistry.v1.AttachService", false)]
    [TestCase("attach", "deviceregistry.v1.AttachService", true)]
    [TestCase("attach", "deviceregistry.v1.OrdersService", false)]
    public async Task Health_lists_the_services_of_its_own_listener(string listener, string service, bool known)
    {
        using var watch = new Health.HealthClient(Registry.Server.Channel(listener, identity: null))
            .Watch(new HealthCheckRequest { Service = service });

        await watch.ResponseStream.MoveNext(CancellationToken.None);

        Assert.That(watch.ResponseStream.Current.Status,
            Is.EqualTo(known ? ServingStatus.Serving : ServingStatus.ServiceUnknown));
    }

    [Test]
    public async Task A_watch_reports_NOT_SERVING_before_a_stopping_server_ends_it()
    {
        await using var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        using var watch = new Health.HealthClient(server.Channel("attach", identity: null))
            .Watch(new HealthCheckRequest());
        await watch.ResponseStream.MoveNext(CancellationToken.None);
        var first = watch.ResponseStream.Current.Status;

        var stopped = server.StopAsync();
        await watch.ResponseStream.MoveNext(CancellationToken.None);
        var second = watch.ResponseStream.Current.Status;
        var end = await Registry.RefusalOfAsync(async () =>
            await watch.ResponseStream.MoveNext(CancellationToken.None));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first, Is.EqualTo(ServingStatus.Serving));
            Assert.That(second, Is.EqualTo(ServingStatus.NotServing));
        }

        Assert.That(end.StatusCode, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(await stopped, Is.Zero);
    }

    [Test]
    public async Task A_node_without_an_index_is_alive_but_not_ready()
    {
        var state = Registry.NewFolder();
        Directory.CreateDirectory(Path.Combine(state, "certs"));
        foreach (var file in Directory.GetFiles(Path.Combine(Registry.Server.State, "certs"))) File.Copy(file,
            Path.Combine(state, "certs", Path.GetFileName(file)));
        await using var node = await RegistryProcess.LaunchAsync(state, "--roles", "Attach,Web", "--node", "node-b1",
            "--registrar", "https://localhost:1");
        using var http = new HttpClient();

        var (alive, ready) = (await http.GetAsync($"http://{node.Address("web")}/healthz"),
            await http.GetAsync($"http://{node.Address("web")}/readyz"));
        var health = await new Health.HealthClient(node.Channel("attach", identity: null))
            .CheckAsync(new HealthCheckRequest { Service = "deviceregistry.v1.AttachService" });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(alive.StatusCode, Is.EqualTo(global::System.Net.HttpStatusCode.OK));
            Assert.That(ready.StatusCode, Is.EqualTo(global::System.Net.HttpStatusCode.ServiceUnavailable));
        }

        Assert.That(await ready.Content.ReadAsStringAsync(), Is.EqualTo("attach node: no index yet\n"));
        Assert.That(health.Status, Is.EqualTo(ServingStatus.NotServing));
    }

    [Test]
    public async Task A_reflection_stream_continues_after_an_unknown_name()
    {
        ServerReflectionRequest[] questions =
        [
            new() { FileContainingSymbol = "nobody.Knows" },
            new() { FileByFilename = "nobody/knows.proto" },
            new() { AllExtensionNumbersOfType = "deviceregistry.v1.CheckRequest" },
            new(),
            new() { FileByFilename = "deviceregistry/v1/attach.proto" },
        ];

        var answers = await ReflectAsync("attach", questions);

        Assert.That(answers.Select(a => (StatusCode?)a.ErrorResponse?.ErrorCode), Is.EqualTo(new StatusCode?[]
        {
            StatusCode.NotFound, StatusCode.NotFound, StatusCode.Unimplemented, StatusCode.Unimplemented, null,
        }));
        Assert.That(answers[4].FileDescriptorResponse.FileDescriptorProto,
            Has.Some.Matches<Google.Protobuf.ByteString>(f => f!.ToStringUtf8()
            .Contains("google/protobuf/timestamp.proto", StringComparison.Ordinal)));
    }

    [Test]
    public async Task Reflection_has_no_file_of_another_listeners_service()
    {
        var answers = await ReflectAsync("attach",
            [new() { FileContainingSymbol = "deviceregistry.v1.OrdersService" }]);

        Assert.That((StatusCode)answers[0].ErrorResponse.ErrorCode, Is.EqualTo(StatusCode.NotFound));
    }

    private static async Task<List<ServerReflectionResponse>> ReflectAsync(
        string listener, IEnumerable<ServerReflectionRequest> questions)
    {
        using var call = new ServerReflection.ServerReflectionClient(Registry.Server.Channel(listener, "operator-a"))
            .ServerReflectionInfo();
        foreach (var question in questions) await call.RequestStream.WriteAsync(question);
        await call.RequestStream.CompleteAsync();
        var answers = new List<ServerReflectionResponse>();
        await foreach (var answer in call.ResponseStream.ReadAllAsync()) answers.Add(answer);
        return answers;
    }
}
