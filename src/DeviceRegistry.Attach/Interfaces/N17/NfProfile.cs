using System.Text.Json.Nodes;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>The NF profile sent to the NRF: a body that NRFs accept and by which AMFs find an EIR (TS 29.510
/// §6.1.6.2.2).</summary>
internal static class NfProfile
{
    /// <summary>The API version of R17; the wire format is unchanged since R15.</summary>
    private const string FullVersion = "1.2.0";

    /// <summary>The node can be discovered.</summary>
    public const string InService = "REGISTERED";

    /// <summary>The node is not discovered, and still answers clients that know its address (TS 29.510
    /// §6.1.6.3.7).</summary>
    public const string OutOfService = "UNDISCOVERABLE";

    /// <summary>The profile, with one service for each API root.</summary>
    public static JsonObject Of(N17Options options, IReadOnlyList<Uri> roots, string status)
    {
        var services = new JsonObject();
        foreach (var (root, i) in roots.Select((root, i) => (root, i + 1))) services[$"{N17Options.Service}-{i}"] =
            Service(options, root, $"{N17Options.Service}-{i}");
        var profile = new JsonObject
        {
            ["nfInstanceId"] = options.Instance.ToString(),
            ["nfType"] = "5G_EIR",
            ["nfStatus"] = status,
            ["heartBeatTimer"] = (int)Limits.NrfHeartbeatDefault.TotalSeconds,
            ["nfServiceList"] = services,
        };
        foreach (var (kind, addresses) in roots.GroupBy(AddressOf, root => root.IdnHost)
            .Select(g => (g.Key, g.Distinct())))
            profile[kind is "fqdn" ? kind : kind + "es"] = kind is "fqdn" ? addresses.First()
                : new JsonArray([.. addresses.Select(a => (JsonNode)a)]);
        return profile;
    }

    private static JsonObject Service(N17Options options, Uri root, string id)
    {
        var endpoint = new JsonObject { ["port"] = root.Port };
        var service = new JsonObject
        {
            ["serviceInstanceId"] = id,
            ["serviceName"] = N17Options.Service,
            ["versions"] = new JsonArray(new JsonObject
            {
                ["apiVersionInUri"] = "v1",
                ["apiFullVersion"] = FullVersion
            }),
            ["scheme"] = root.Scheme,
            ["nfServiceStatus"] = "REGISTERED",
            ["ipEndPoints"] = new JsonArray(endpoint),
        };

        // A host name is a field of the service, an address a field of its endpoint.
        (AddressOf(root) is "fqdn" ? service : endpoint)[AddressOf(root)] = root.IdnHost;
        if (options.Prefix.Length > 0) service["apiPrefix"] = options.Prefix;
        if (options.TokenKeys is not null) service["oauth2Required"] = true;
        return service;
    }

    private static string AddressOf(Uri root) => root.HostNameType switch
    {
        UriHostNameType.IPv4 => "ipv4Address",
        UriHostNameType.IPv6 => "ipv6Address",
        _ => "fqdn",
    };
}
