using System.Diagnostics;
using System.Text.Json;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.N17;

/// <summary>A node that an AMF finds by itself: at an NRF that is a process of its own, dies, and comes back without
/// its memory. The node follows the registrar over a wire that can be cut.</summary>
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
    public async Task Trap_8_an_amf_that_asks_the_nrf_finds_the_node_and_gets_its_answer()
    {
        using var amf = new Amf(await FoundAsync());

        var said = await amf.AskAsync("?pei=imeisv-8665070400405301&supi=imsi-999700000021309");

        Assert.That((said.Status, said.Type), Is.EqualTo((200, "application/json")));
    }

    [Test]
    public async Task A_node_keeps_beating_as_often_as_the_nrf_says()
    {
        await FoundAsync();

        await Registry.UntilAsync(async _ =>
            (await CallsAsync()).Count(c => c.StartsWith("PATCH 204", StringComparison.Ordinal)) >= 3);
    }

    [Test]
    public async Task An_nrf_that_died_and_forgot_has_the_node_again_when_it_is_back()
    {
        var before = await FoundAsync();
        NrfProcess.End();
        using var amf = new Amf(before);
        var meanwhile = await amf.AskAsync("?pei=imei-86650704004053");

        NrfProcess.Start();

        Assert.That((await FoundAsync(), meanwhile.Status), Is.EqualTo((before, 200)));
    }

    // Clients are not reliably fail-open: what the node knows it answers, whoever else is away.
    [Test]
    public async Task Trap_4_a_node_that_is_cut_off_from_the_centre_goes_on_answering()
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
    public async Task A_node_that_is_stopped_takes_itself_off_the_list()
    {
        await using var node = await StartNodeAsync("core-b1", Registry.Server.Address("registrar"));
        await Registry.UntilAsync(async _ => Instances(await Amf.DiscoverAsync(Nrf)).Count is 2);

        var code = await node.StopAsync();

        Assert.That(code, Is.Zero);
        Assert.That(await CallsAsync(), Has.Some.StartsWith("DELETE 204"));
        await Registry.UntilAsync(async _ => Instances(await Amf.DiscoverAsync(Nrf)).Count is 1);
    }

    [Test]
    public async Task A_drained_node_is_found_by_no_amf_even_if_the_nrf_forgets_it_and_is_found_again_when_it_is_back()
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

    // Its address, once it is in the list.
    private static async Task<string> FoundAsync()
    {
        List<JsonElement> found = [];
        await Registry.UntilAsync(async _ => (found = Instances(await Amf.DiscoverAsync(Nrf))).Count is 1);
        var service = found[0].GetProperty("nfServiceList").EnumerateObject()
            .First(s => s.Value.GetProperty("serviceName").GetString() == "n5g-eir-eic").Value;
        var place = service.GetProperty("ipEndPoints")[0];
        Assert.That((found[0].GetProperty("nfType").GetString(), found[0].GetProperty("ipv4Addresses")[0].GetString()),
            Is.EqualTo(("5G_EIR", "127.0.0.1")));
        return $"{service.GetProperty("scheme").GetString()}://{place.GetProperty("ipv4Address").GetString()}"
            + $":{place.GetProperty("port").GetInt32()}";
    }

    private static List<JsonElement> Instances(string found) =>
        found.Length is 0 ? [] : [.. JsonDocument.Parse(found).RootElement.GetProperty("nfInstances").EnumerateArray()];

    // While it starts there is nobody to ask.
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
        // A folder of its own, with the certificates of the demo.
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

    // SIGKILL: it says goodbye to nobody.
    /// <summary>The NRF, which a test may end and start again.</summary>
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
