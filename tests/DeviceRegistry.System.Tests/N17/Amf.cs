using System.Net;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.N17;

/// <summary>Asks as an AMF asks (PROTOCOLS §2), on HTTP/2 with prior knowledge.</summary>
internal sealed class Amf(string root, HttpMessageHandler? handler = null) : IDisposable
{
    private readonly HttpClient _http = new(handler ?? new SocketsHttpHandler { UseProxy = false });

    /// <summary>At the cleartext door of a server.</summary>
    public static Amf At(RegistryProcess server) => new($"http://{server.Address("n17")}");

    /// <summary>The target is sent as it is written here.</summary>
    public Task<(int Status, string Type, string Body)> AskAsync(string query) =>
        SendAsync($"/n5g-eir-eic/v1/equipment-status{query}");

    public async Task<(int Status, string Type, string Body)> SendAsync(string target,
        params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get,
            new Uri(root + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        foreach (var (name, value) in (IEnumerable<(string, string)>)
        [
            ("user-agent", "AMF"), ("accept", "application/json,application/problem+json"),
            ("3gpp-sbi-sender-timestamp", "Thu, 26 Nov 2026 10:00:00.000 GMT"), ("3gpp-sbi-max-rsp-time", "10000"),
            .. headers,
        ])
            request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await _http.SendAsync(request);
        return ((int)answer.StatusCode, answer.Content.Headers.ContentType?.ToString() ?? "",
            await answer.Content.ReadAsStringAsync());
    }

    /// <summary>What an NRF lists, as an AMF asks it for a 5G-EIR; empty while it is away.</summary>
    public static async Task<string> DiscoverAsync(string nrf)
    {
        using var amf = new Amf(nrf);
        try
        {
            return (await amf.SendAsync(
                "/nnrf-disc/v1/nf-instances?target-nf-type=5G_EIR&requester-nf-type=AMF"
                + "&service-names=n5g-eir-eic")).Body;
        }
        catch (HttpRequestException)
        {
            return "";
        }
    }

    public void Dispose() => _http.Dispose();
}
