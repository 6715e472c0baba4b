using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using DeviceRegistry.Diameter;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>The operator's peer file: identity of this node, and rules for its Diameter peers. An unknown field is an
/// error.</summary>
public sealed record S13Settings
{
    private static readonly JsonSerializerOptions Reading = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        RespectNullableAnnotations = true,
    };

    /// <summary>Origin-Host of this node, such as eir1.epc.mnc001.mcc410.3gppnetwork.org.</summary>
    public required string OriginHost { get; init; }

    /// <summary>Origin-Realm of this node. Requests for another realm are answered 3003.</summary>
    public required string OriginRealm { get; init; }

    /// <summary>Seconds without received bytes after which a DWR is sent; after twice this time without an answer the
    /// connection is closed (RFC 3539: 6 or more).</summary>
    public int WatchdogSeconds { get; init; } = 30;

    /// <summary>Rules for peers; the first that matches applies.</summary>
    public required IReadOnlyList<PeerRule> Peers { get; init; }

    /// <summary>Reads the file; null if it is invalid. All errors are added to <paramref name="faults"/>.</summary>
    public static S13Settings? Read(string path, List<string> faults)
    {
        try
        {
            var settings = JsonSerializer.Deserialize<S13Settings>(File.ReadAllText(path), Reading);
            if (settings is null) faults.Add(
                $"{path} is empty. It says who the node is and which peers it takes; README.md has an example.");
            else faults.AddRange(settings.Faults().Select(fault => $"{path}: {fault}"));
            return faults.Count is 0 ? settings : null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or JsonException)
        {
            faults.Add($"{path} cannot be read: {fault.Message}");
            return null;
        }
    }

    /// <summary>The rule that matches a peer; null: none.</summary>
    public PeerRule? RuleFor(string host, string realm, IPAddress address, string? certificate) =>
        IsName(host) ? Peers.FirstOrDefault(rule => rule.Takes(host, realm) && rule.Admits(address, certificate))
            : null;

    /// <summary>Whether some rule contains this address; connections from other addresses have fewer places.</summary>
    public bool Knows(IPAddress address) =>
        Peers.Any(rule => rule.Addresses.Any(network => PeerRule.Covers(network, address)));

    private IEnumerable<string> Faults()
    {
        if (Peers.Any(p => p is null))
        {
            yield return "peers holds a null. Each of them is { … }.";
            yield break;
        }

        if (!IsName(
            OriginHost)) yield return $"originHost is \"{OriginHost}\". Give the node a host name, such as " +
            $"eir1.epc.mnc001.mcc410.3gppnetwork.org.";
        if (!IsName(
            OriginRealm)) yield return $"originRealm is \"{OriginRealm}\". Give the node's realm, such as " +
            $"epc.mnc001.mcc410.3gppnetwork.org.";
        if (WatchdogSeconds is < 6 or > 3600) yield return $"watchdogSeconds is {WatchdogSeconds}. It may be 6 to " +
            $"3600.";
        if (Peers.Count is 0 or > Limits.S13RulesMax) yield return $"there are {Peers.Count} peers. Name 1 to " +
            $"{Limits.S13RulesMax}; without originHost one of them stands for all hosts of its realm.";
        foreach (var fault in Peers.SelectMany((rule, i) => rule.Faults()
            .Select(f => $"peers[{i}]: {f}"))) yield return fault;
        foreach (var same in Peers.GroupBy(p => p.Name, StringComparer.OrdinalIgnoreCase)
            .Where(g =>
            g.Count() > 1)) yield return $"{same.Key} is named {same.Count()} times. Put all its addresses and " +
            $"certificates into one.";
    }

    internal static bool IsName(string text) =>
        text.Length is > 0 and <= 255 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');
}

/// <summary>Rule for one peer or for all hosts of a realm, with the proof of identity it requires.</summary>
public sealed record PeerRule
{
    /// <summary>Origin-Host; empty: any host of the realm.</summary>
    public string OriginHost { get; init; } = "";

    /// <summary>Origin-Realm.</summary>
    public required string OriginRealm { get; init; }

    /// <summary>Addresses and networks of the peer, such as 10.20.0.5 or 10.20.0.0/16. Empty: any, and a certificate is
    /// required.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>SHA-256 of the public keys (SubjectPublicKeyInfo, hex) of the peer's certificates, as for keys of
    /// members. Empty: no certificate is required.</summary>
    public IReadOnlyList<string> Certificates { get; init; } = [];

    /// <summary>Reject the peer with 5010 if its CER does not advertise S13. Set it to false for MMEs that advertise
    /// S6a alone and send checks all the same.</summary>
    public bool RequireCommonApplication { get; init; } = true;

    /// <summary>Applications to advertise to the peer besides S13: such MMEs disconnect from a node without a common
    /// application. Never the relay's.</summary>
    public IReadOnlyList<uint> ExtraApplications { get; init; } = [];

    /// <summary>Name of the rule in lists and metrics.</summary>
    [JsonIgnore]
    public string Name => OriginHost.Length > 0 ? OriginHost : "*." + OriginRealm;

    internal bool Takes(string host, string realm) =>
        realm.Equals(OriginRealm, StringComparison.OrdinalIgnoreCase)
            && (OriginHost.Length is 0 || host.Equals(OriginHost, StringComparison.OrdinalIgnoreCase));

    internal bool Admits(IPAddress address, string? certificate) =>
        (Addresses.Count is 0 || Addresses.Any(network => Covers(network, address)))
        && (Certificates.Count is 0 || (certificate is not null
        && Certificates.Contains(certificate, StringComparer.OrdinalIgnoreCase)));

    internal static bool Covers(string network, IPAddress address) =>
        TryNetwork(network, out var parsed) && parsed.Contains(address);

    internal IEnumerable<string> Faults()
    {
        if (Addresses.Concat(Certificates).Any(text => text is null))
        {
            yield return "addresses or certificates hold a null. Each of them is a text.";
            yield break;
        }

        if (OriginHost.Length > 0 && !S13Settings.IsName(
            OriginHost)) yield return $"originHost is \"{OriginHost}\", which is no host name. Leave it out to take " +
            $"all hosts of the realm.";
        if (!S13Settings.IsName(OriginRealm)) yield return $"originRealm is \"{OriginRealm}\", which is no realm.";
        if (Addresses.Count is 0
            && Certificates.Count is 0) yield return "it has neither addresses nor certificates. A name alone is no " +
            "proof: give one of them.";
        foreach (var network in Addresses.Where(n =>
            !TryNetwork(n,
            out _))) yield return $"\"{network}\" is no address. Give one such as 10.20.0.5, or a network such as " +
            $"10.20.0.0/16.";
        foreach (var key in Certificates.Where(k => k.Length is not 64
            || !k.All(
            char.IsAsciiHexDigit))) yield return $"\"{key}\" is no SHA-256 of a public key: 64 hexadecimal digits.";
        foreach (var application in ExtraApplications.Where(a => a is DiameterApplication.Common
            or DiameterApplication.Relay or DiameterApplication.S13))
            yield return $"extraApplications has {application}, which is " +
                $"{(application is DiameterApplication.Relay ? "the relay's: this node would be sent what is not for it"
                    : "there anyway")}.";
        if (ExtraApplications.Count > Limits.S13ExtraApplicationsMax) yield return $"extraApplications has " +
            $"{ExtraApplications.Count}. {Limits.S13ExtraApplicationsMax} at most.";
    }

    private static bool TryNetwork(string text, out IPNetwork network)
    {
        if (text.Contains('/', StringComparison.Ordinal)) return IPNetwork.TryParse(text, out network);

        var good = IPAddress.TryParse(text, out var address);
        network = good ? new IPNetwork(address!, address!.GetAddressBytes().Length * 8) : default;
        return good;
    }
}
