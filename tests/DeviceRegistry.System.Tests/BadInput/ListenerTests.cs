using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace DeviceRegistry.System.Tests.BadInput;

/// <summary>Arbitrary bytes at every listener: the server keeps running, serves the next call and logs no
/// error.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class ListenerTests
{
    private static readonly FileDescriptor[] Contract =
    [
        AttachReflection.Descriptor, NodeReflection.Descriptor, RegistrationReflection.Descriptor,
        OrdersReflection.Descriptor, PartiesReflection.Descriptor, RegistryReflection.Descriptor,
        FeedReflection.Descriptor, RecoveryReflection.Descriptor, Grpc.Health.V1.HealthReflection.Descriptor,
        Grpc.Reflection.V1.ReflectionReflection.Descriptor,
    ];

    private static RegistryProcess _server = null!;

    [OneTimeSetUp]
    public static async Task Start() =>
        _server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));

    [OneTimeTearDown]
    public static async Task Stop() => await _server.DisposeAsync();

    [TearDown]
    public async Task The_next_valid_call_is_served_at_every_listener()
    {
        await WhoAmIAsync(_server.Channel("registrar", "regulator-a"));
        await new AttachService.AttachServiceClient(_server.Channel("attach", "operator-a"))
            .CheckAsync(new CheckRequest());
        using var http = new HttpClient();
        Assert.That(await http.GetStringAsync($"http://{_server.Address("web")}/healthz"), Is.EqualTo("alive\n"));
        Assert.That(_server.Output.Split('\n')
            .Where(l => l.StartsWith("fail:", StringComparison.Ordinal)
            || l.StartsWith("crit:", StringComparison.Ordinal)), Is.Empty);
    }

    [TestCase("registrar")]
    [TestCase("attach")]
    [TestCase("web")]
    public async Task Random_bytes_on_a_connection_end_only_that_connection(string listener)
    {
        var fuzz = new Fuzz();
        byte[][] beginnings =
        [
            [], [0x16, 0x03, 0x01, 0x02, 0x00, 0x01],
            .. Text("GET / HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST /readyz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ];

        for (var i = 0; i < 60; i++)
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(_server.Address(listener));
            await DrainAsync(socket.GetStream(), [.. fuzz.Of(beginnings), .. fuzz.Bytes(2_000)], () =>
                socket.Client.Shutdown(SocketShutdown.Send));
        }
    }

    [TestCase("registrar")]
    [TestCase("attach")]
    public async Task Random_bytes_inside_tls_end_only_that_connection(string listener)
    {
        var fuzz = new Fuzz();
        byte[][] beginnings = [[], .. Text("GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0")];

        for (var i = 0; i < 40; i++)
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(_server.Address(listener));
            await using var tls = new SslStream(socket.GetStream());
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost", ApplicationProtocols = i % 2 is 0 ? [SslApplicationProtocol.Http2] : null,
                CertificateChainPolicy = _server.Handler(null).SslOptions.CertificateChainPolicy,
            });
            await DrainAsync(tls, [.. fuzz.Of(beginnings), .. fuzz.Bytes(2_000)], () =>
                socket.Client.Shutdown(SocketShutdown.Send));
        }
    }

    /// <summary>Each method receives frames with random bytes and random fields, from a caller that may call the
    /// method.</summary>
    [TestCaseSource(nameof(Methods))]
    public async Task Random_bytes_as_a_request_cause_no_internal_error(string method)
    {
        var fuzz = new Fuzz();
        var listener = method.Contains("AttachService", StringComparison.Ordinal)
            || method.Contains("NodeService", StringComparison.Ordinal) ? "attach" : "registrar";
        using var client = new HttpClient(_server.Handler(_server.Certificate(CallerOf(method))));

        for (var i = 0; i < 60; i++)
        {
            var body = i % 2 is 0 ? fuzz.Bytes() : fuzz.Protobuf();
            var frame = fuzz.Below(10) is 0 ? body : [0, .. BitConverter.GetBytes(body.Length).Reverse(), .. body];
            using var request = new HttpRequestMessage(HttpMethod.Post,
                $"https://localhost:{_server.Address(listener).Port}{method}")
            {
                Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(frame),
                Headers = { { "te", "trailers" } },
            };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
            using var answer = await client.SendAsync(request);
            await answer.Content.ReadAsByteArrayAsync();

            var (status, message) = (HeaderOf(answer, "grpc-status"), HeaderOf(answer, "grpc-message"));
            Assert.That(status, Is.Not.Empty.And.Not.EqualTo(StatusCode.Unknown.ToString("D")),
                Convert.ToHexString(frame));
            Assert.That(message, Does.Not.Contain("Exception").And.Not.Contain("Quote%20this%20number"),
                Convert.ToHexString(frame));
        }
    }

    [Test]
    public async Task A_message_over_the_limit_leaves_its_channel_usable()
    {
        var channel = _server.Channel("registrar", "regulator-a");
        var request = new ProposePolicyRequest { Reference = new string('r', 5 * 1024 * 1024) };

        var refusal = await Registry.RefusalOfAsync(async () => await new PolicyService.PolicyServiceClient(channel)
            .ProposePolicyAsync(request));

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.ResourceExhausted));
        Assert.That(async () => await WhoAmIAsync(channel), Throws.Nothing);
    }

    [Test]
    public async Task A_refused_header_of_a_megabyte_leaves_its_channel_usable()
    {
        var channel = _server.Channel("registrar", "regulator-a");

        await Registry.RefusalOfAsync(async () =>
            await new PartiesService.PartiesServiceClient(channel)
                .WhoAmIAsync(new WhoAmIRequest(), new Metadata { { "much", new string('x', 1_000_000) } }));

        Assert.That(async () => await WhoAmIAsync(channel), Throws.Nothing);
    }

    // Excludes methods where only the server streams: they can run without end.
    private static IEnumerable<string> Methods() => Contract.SelectMany(f => f.Services).SelectMany(s => s.Methods)
        .Where(m => m.IsClientStreaming || !m.IsServerStreaming).Select(m => $"/{m.Service.FullName}/{m.Name}");

    private static string CallerOf(string method) => AccessTable.Allowed(method) switch
    {
        CallerKinds.OperatorNode => "node-a1",
        var kinds when kinds.HasFlag(CallerKinds.Regulator) => "regulator-a",
        var kinds when kinds.HasFlag(CallerKinds.Manufacturer) => "maker-a",
        _ => "operator-a",
    };

    private static async Task<WhoAmIResponse> WhoAmIAsync(ChannelBase channel) =>
        await new PartiesService.PartiesServiceClient(channel).WhoAmIAsync(new WhoAmIRequest());

    private static string HeaderOf(HttpResponseMessage answer, string name) =>
        string.Concat(answer.Headers.Concat(answer.TrailingHeaders).Where(h => h.Key == name).SelectMany(h => h.Value));

    private static IEnumerable<byte[]> Text(params string[] texts) =>
        texts.Select(t => ByteString.CopyFromUtf8(t).ToByteArray());

    // Sends, closes its sending side and reads until the server closes the other: then the server has processed the
    // bytes.
    private static async Task DrainAsync(Stream stream, byte[] bytes, Action end)
    {
        try
        {
            await stream.WriteAsync(bytes);
            end();
            await stream.CopyToAsync(Stream.Null);
        }
        catch (Exception cut) when (cut is IOException or SocketException)
        {
            // The server closed the connection.
        }
    }
}
