using System.Net;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.N17;

/// <summary>Sends checks as an AMF does: HTTP/2 with prior knowledge (no TLS, no upgrade).</summary>
internal sealed class Amf(string root, HttpMessageHandler? handler = null) : IDisposable
{
    private static readonly (int, string, string) Overloaded =
        (N17Reply.Overloaded.Status, "application/problem+json", N17Reply.Overloaded.Text);
    private readonly HttpClient _http = new(handler ?? new SocketsHttpHandler { UseProxy = false });

    /// <summary>Client of the cleartext N17 listener of a server.</summary>
    public static Amf At(RegistryProcess server) => new($"http://{server.Address("n17")}");

    /// <summary>Sends the target unchanged.</summary>
    public Task<(int Status, string Type, string Body)> AskAsync(string query) =>
        SendAsync($"/n5g-eir-eic/v1/equipment-status{query}");

    /// <summary>Sends a request; sends it again while the node is overloaded, as it is on a busy machine.</summary>
    public async Task<(int Status, string Type, string Body)> SendAsync(string target,
        params (string Name, string Value)[] headers)
    {
        (int Status, string Type, string Body) answer = default;
        await Registry.UntilAsync(async ct =>
        {
            answer = await SendOnceAsync(target, headers);
            if (answer != Overloaded) return true;

            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, ct);
            return false;
        });
        return answer;
    }

    private async Task<(int Status, string Type, string Body)> SendOnceAsync(string target,
        (string Name, string Value)[] headers)
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

    /// <summary>Result of an NF discovery for a 5G-EIR, as an AMF requests it; empty while the NRF is
    /// unavailable.</summary>
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
