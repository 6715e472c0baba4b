using System.Diagnostics;
using System.Text.Json;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.N17;

/// <summary>A node that an AMF discovers through an NRF. The NRF is a separate process that dies and restarts without
/// its data. A proxy that can be cut connects the node to the registrar.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class NrfTests
{
    private static readonly string Port = Scripts.FreePort();
    private static FaultInjectingProxy _feed = null!;
    private static RegistryProcess _node = null!;

    private static string Nrf => $"http://127.0.0.1:{Port}";

    [OneTimeSetUp]
    public static async Task Start()
    {
        NrfProcess.Start();
        _feed = FaultInjectingProxy.To(Registry.Server.Address("registrar"));
        _node = await StartNodeAsync("node-b1", _feed.At);
    }

    [OneTimeTearDown]
    public static async Task Stop()
    {
        await _node.DisposeAsync();
        await _feed.DisposeAsync();
        NrfProcess.End();
    }

    [Test]
    public async Task Quirk_8_an_amf_discovers_the_node_through_the_nrf()
    {
        using var amf = new Amf(await FoundAsync());

        var reply = await amf.AskAsync("?pei=imeisv-8665070400405301&supi=imsi-999700000021309");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(reply.Status, Is.EqualTo(200));
            Assert.That(reply.Type, Is.EqualTo("application/json"));
        }
    }

    [Test]
    public async Task A_node_sends_heartbeats_at_the_nrfs_interval()
    {
        await FoundAsync();

        await Registry.UntilAsync(async _ =>
            (await CallsAsync()).Count(c => c.StartsWith("PATCH 204", StringComparison.Ordinal)) >= 3);
    }

    [Test]
    public async Task A_node_registers_again_with_an_nrf_that_lost_its_data()
    {
        var before = await FoundAsync();
        NrfProcess.End();
        using var amf = new Amf(before);
        var meanwhile = await amf.AskAsync("?pei=imei-86650704004053");

        NrfProcess.Start();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await FoundAsync(), Is.EqualTo(before));
            Assert.That(meanwhile.Status, Is.EqualTo(200));
        }
    }

    // Not every client fails open, so a node answers from its own data while other systems are unavailable.
    [Test]
    public async Task Quirk_4_a_node_disconnected_from_the_registrar_still_answers()
    {
        var imei = TestImei.Next();
        var position = (await Registry.GivenBlockedAsync(imei)).JournalPosition;
        await Registry.AppliedAsync(position,
            new Contracts.V1.AttachService.AttachServiceClient(_node.Channel("attach", "operator-b")));
        using var amf = Amf.At(_node);
        _feed.Cut();
        try
        {
            Assert.That((await amf.AskAsync($"?pei=imei-{imei.Digits}")).Body,
                Is.EqualTo("""{"status":"BLACKLISTED"}"""));
        }
        finally
        {
            _feed.Mend();
        }
    }

    [Test]
    public async Task A_stopped_node_deregisters_from_the_nrf()
    {
        await using var node = await StartNodeAsync("core-b1", Registry.Server.Address("registrar"));
        await Registry.UntilAsync(async _ => Instances(await Amf.DiscoverAsync(Nrf)).Count is 2);

        var code = await node.StopAsync();

        Assert.That(code, Is.Zero);
        Assert.That(await CallsAsync(), Has.Some.StartsWith("DELETE 204"));
        await Registry.UntilAsync(async _ => Instances(await Amf.DiscoverAsync(Nrf)).Count is 1);
    }

    [Test]
    public async Task A_drained_node_is_not_discoverable_until_it_is_undrained()
    {
        await using var node = await StartNodeAsync("core-b1", Registry.Server.Address("registrar"));
        var people = new NodeService.NodeServiceClient(node.Channel("attach", "operator-b"));
        await Registry.UntilAsync(async _ => Instances(await Amf.DiscoverAsync(Nrf)).Count is 2);

        await people.DrainNodeAsync(new DrainNodeRequest());
        await Registry.UntilAsync(async _ => Instances(await Amf.DiscoverAsync(Nrf)).Count is 1);
        NrfProcess.End();
        NrfProcess.Start();
        await Registry.UntilAsync(async _ =>
            (await TryCallsAsync()).Count(c => c.StartsWith("PUT 201", StringComparison.Ordinal)) is 2);
        Assert.That(Instances(await Amf.DiscoverAsync(Nrf)), Has.Count.LessThanOrEqualTo(1));

        await people.UndrainNodeAsync(new UndrainNodeRequest());
        await Registry.UntilAsync(async _ => Instances(await Amf.DiscoverAsync(Nrf)).Count is 2);
        await node.StopAsync();
    }

    // Base address of the node, once the NRF lists it.
    private static async Task<string> FoundAsync()
    {
        List<JsonElement> found = [];
        await Registry.UntilAsync(async _ => (found = Instances(await Amf.DiscoverAsync(Nrf))).Count is 1);
        var service = found[0].GetProperty("nfServiceList").EnumerateObject()
            .First(s => s.Value.GetProperty("serviceName").GetString() == "n5g-eir-eic").Value;
        var place = service.GetProperty("ipEndPoints")[0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(found[0].GetProperty("nfType").GetString(), Is.EqualTo("5G_EIR"));
            Assert.That(found[0].GetProperty("ipv4Addresses")[0].GetString(), Is.EqualTo("127.0.0.1"));
        }

        return $"{service.GetProperty("scheme").GetString()}://{place.GetProperty("ipv4Address").GetString()}"
            + $":{place.GetProperty("port").GetInt32()}";
    }

    private static List<JsonElement> Instances(string found) =>
        found.Length is 0 ? [] : [.. JsonDocument.Parse(found).RootElement.GetProperty("nfInstances").EnumerateArray()];

    // The NRF does not answer while it starts.
    private static async Task<string[]> TryCallsAsync()
    {
        try
        {
            return await CallsAsync();
        }
        catch (HttpRequestException)
        {
            return [];
        }
    }

    private static async Task<string[]> CallsAsync()
    {
        using var amf = new Amf(Nrf);
        return (await amf.SendAsync("/calls")).Body.Split('\n');
    }

    private static Task<RegistryProcess> StartNodeAsync(string name, global::System.Net.EndPoint registrar)
    {
        // A separate folder with the certificates of the demo.
        var state = Registry.NewFolder();
        Directory.CreateDirectory(Path.Combine(state, "certs"));
        foreach (var file in Directory.GetFiles(Path.Combine(Registry.Server.State, "certs"))) File.Copy(file,
            Path.Combine(state, "certs", Path.GetFileName(file)));
        return RegistryProcess.StartAsync(
            state, "--roles", "Attach,Web", "--node", name, "--registrar",
            $"https://localhost:{((global::System.Net.IPEndPoint)registrar).Port}", "--n17-port", "0", "--nrf", Nrf);
    }

    private static Process StartNrf() =>
        Process.Start("dotnet", [Path.Combine(Scripts.Checkout, "tests", "DeviceRegistry.NrfStub", "bin", "Release",
            "net10.0", "DeviceRegistry.NrfStub.dll"), Port, "1"]);

    /// <summary>The NRF process, which a test kills (SIGKILL) and starts again.</summary>
    private static class NrfProcess
    {
        private static Process _current = null!;

        public static void Start() => _current = StartNrf();

        public static void End()
        {
            _current.Kill();
            _current.WaitForExit();
            _current.Dispose();
        }
    }
}
