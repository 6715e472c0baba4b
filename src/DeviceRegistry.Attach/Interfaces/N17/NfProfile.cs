using System.Text.Json.Nodes;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>What an NRF is told of the node: the body an NRF has been seen to take, and AMFs to find an EIR by (TS
/// 29.510 §6.1.6.2.2; PROTOCOLS §2).</summary>
internal static class NfProfile
{
    /// <summary>As of the release whose wire this is: R17, unchanged on the wire since R15.</summary>
    private const string FullVersion = "1.2.0";

    /// <summary>The node is to be found.</summary>
    public const string InService = "REGISTERED";

    /// <summary>It is found by nobody, and answers who asks all the same (TS 29.510 §6.1.6.3.7).</summary>
    public const string OutOfService = "UNDISCOVERABLE";

    /// <summary>The profile; a service for each API root.</summary>
    public static JsonObject Of(N17Options plan, IReadOnlyList<Uri> roots, string status)
    {
        var services = new JsonObject();
        foreach (var (root, i) in roots.Select((root, i) => (root, i + 1))) services[$"{N17Options.Service}-{i}"] =
            Service(plan, root, $"{N17Options.Service}-{i}");
        var profile = new JsonObject
        {
            ["nfInstanceId"] = plan.Instance.ToString(),
            ["nfType"] = "5G_EIR",
            ["nfStatus"] = status,
            ["heartBeatTimer"] = (int)Limits.NrfBeatUsual.TotalSeconds,
            ["nfServiceList"] = services,
        };
        foreach (var (kind, addresses) in roots.GroupBy(AddressOf, root => root.IdnHost)
            .Select(g => (g.Key, g.Distinct())))
            profile[kind is "fqdn" ? kind : kind + "es"] = kind is "fqdn" ? addresses.First()
                : new JsonArray([.. addresses.Select(a => (JsonNode)a)]);
        return profile;
    }

    private static JsonObject Service(N17Options plan, Uri root, string id)
    {
        var place = new JsonObject { ["port"] = root.Port };
        var service = new JsonObject
        {
            ["serviceInstanceId"] = id,
            ["serviceName"] = N17Options.Service,
            ["versions"] = new JsonArray(new JsonObject { ["apiVersionInUri"] = "v1",
                ["apiFullVersion"] = FullVersion }),
            ["scheme"] = root.Scheme,
            ["nfServiceStatus"] = "REGISTERED",
            ["ipEndPoints"] = new JsonArray(place),
        };

        // A name is the service's, an address its end point's.
        (AddressOf(root) is "fqdn" ? service : place)[AddressOf(root)] = root.IdnHost;
        if (plan.Prefix.Length > 0) service["apiPrefix"] = plan.Prefix;
        if (plan.TokenKeys is not null) service["oauth2Required"] = true;
        return service;
    }

    private static string AddressOf(Uri root) => root.HostNameType switch
    {
        UriHostNameType.IPv4 => "ipv4Address",
        UriHostNameType.IPv6 => "ipv6Address",
        _ => "fqdn",
    };
}
