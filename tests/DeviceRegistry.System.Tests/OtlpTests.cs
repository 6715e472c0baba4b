using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.System.Tests;

/// <summary>Spans and metrics sent by a separate server to a collector that keeps every byte.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class OtlpTests
{
    private const string Imsi = "410019876543210";
    private const string EnvironmentName = "OTEL_EXPORTER_OTLP_ENDPOINT";

    [Test]
    public async Task Exported_spans_and_metrics_contain_no_device_or_person()
    {
        await using var collector = await Collector.StartAsync();
        var (file, units) = TestImei.DualSim(3);
        await using (var server = await StartAsync("--otlp-endpoint", collector.Address, "--trace-sample-ratio", "1"))
        {
            await UseAsync(server, file, units[0].First.Digits);
            await server.StopAsync();
        }

        var (traces, metrics) = (collector.Text("/v1/traces"), collector.Text("/v1/metrics"));
        Assert.That(traces, Does.Contain("deviceregistry.v1.AttachService/Check").And.Contain(
            "rpc.grpc.status_code").And.Contain("Npgsql"));
        Assert.That(metrics, Does.Contain("device_registry.checks").And.Contain(
            "device_registry.call.duration").And.Contain("device_registry.journal.commit.duration"));
        Assert.That(metrics, Does.Contain("kestrel.active_connections").And.Contain("dotnet."));
        foreach (var word in units.SelectMany(u => new[] { u.Serial, u.First.Digits, u.Second.Digits }).Append(Imsi)
            .Concat(["maker-a", "operator-a", "node-a1"]))
            Assert.That(traces + metrics, Does.Not.Contain(word));
        Assert.That(traces, Does.Not.Contain("opco-a"),
            "the name of a network element's host may be in an instrument, as the file of peers has it");
    }

    [Test]
    public async Task Without_the_option_no_telemetry_is_exported()
    {
        await using var collector = await Collector.StartAsync();
        Environment.SetEnvironmentVariable(EnvironmentName, collector.Address);
        try
        {
            await using var server = await StartAsync();
            await UseAsync(server, TestImei.DualSim(1).File, TestImei.Next().Digits);
            await server.StopAsync();
        }
        finally
        {
            Environment.SetEnvironmentVariable(EnvironmentName, null);
        }

        Assert.That(collector.Posts, Is.Zero);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_dead_collector_blocks_neither_calls_nor_shutdown(bool takesConnections)
    {
        // A collector that accepts connections and never answers, and one that accepts none.
        using var dead = new TcpListener(IPAddress.Loopback, 0);
        dead.Start();
        var address = $"http://{dead.LocalEndpoint}";
        if (!takesConnections) dead.Stop();
        await using var server = await StartAsync("--otlp-endpoint", address, "--trace-sample-ratio", "1");
        var attach = new AttachService.AttachServiceClient(server.Channel("attach", "operator-a"));

        var answers = new List<CheckResponse>();
        for (var i = 0; i < 3_000; i++) answers.Add(
            await attach.CheckAsync(new CheckRequest { Imei = "7" }));

        Assert.That(answers, Has.All.Matches<CheckResponse>(a => a!.Verdict is Verdict.Deny));
        Assert.That(await server.StopAsync(), Is.Zero);
    }

    private static async Task<RegistryProcess> StartAsync(params string[] options) =>
        await RegistryProcess.StartAsync(Registry.NewFolder(),
            ["--demo", "--database", Registry.ConnectionString(await Registry.Cluster.CloneAsync()), .. options]);

    private static async Task UseAsync(RegistryProcess server, byte[] file, string imei)
    {
        await Registry.ImportTacsAsync(server, Registry.GsmaList);
        await Registry.RegisterAsync(Registry.Header(), file, server: server);
        var attach = new AttachService.AttachServiceClient(server.Channel("attach", "operator-a"));
        await attach.CheckAsync(new CheckRequest { Imei = imei, Imsi = Imsi });
    }

    /// <summary>Accepts every POST and keeps every byte.</summary>
    private sealed class Collector(WebApplication app, ConcurrentQueue<(string Path, byte[] Body)> taken)
        : IAsyncDisposable
    {
        public string Address => app.Urls.First();

        public int Posts => taken.Count;

        public string Text(string path) =>
            string.Concat(taken.Where(t => t.Path == path).Select(t => Encoding.Latin1.GetString(t.Body)));

        public static async Task<Collector> StartAsync()
        {
            var taken = new ConcurrentQueue<(string, byte[])>();
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            app.Run(async http =>
            {
                using var body = new MemoryStream();
                await http.Request.Body.CopyToAsync(body);
                taken.Enqueue((http.Request.Path, body.ToArray()));
                http.Response.StatusCode = StatusCodes.Status200OK;
            });
            await app.StartAsync();
            return new Collector(app, taken);
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
