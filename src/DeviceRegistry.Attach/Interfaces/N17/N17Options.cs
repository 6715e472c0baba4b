using System.Security.Cryptography;
using System.Text;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>Settings of a node as a 5G-EIR.</summary>
public sealed record N17Options
{
    /// <summary>API name, service name and scope (TS 29.511 §6.1.1).</summary>
    public const string Service = "n5g-eir-eic";

    /// <summary>Path of the API root, such as /eir; empty: none.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>NF instance id: the identity in the NRF, and an audience of access tokens.</summary>
    public Guid Instance { get; init; }

    /// <summary>Keys that the NRF signs access tokens with; null: no token is required.</summary>
    public TokenKeys? TokenKeys { get; init; }

    /// <summary>Limit of checks per second on one connection; 0: none.</summary>
    public int RateMax { get; init; }

    /// <summary>API root of the NRF; null: AMFs are configured with the address of the node.</summary>
    public Uri? Nrf { get; init; }

    /// <summary>HTTP handler for calls to the NRF.</summary>
    public Func<HttpMessageHandler> NrfHandler { get; init; } = () => new SocketsHttpHandler();

    /// <summary>API roots under which AMFs reach this interface; completes when the listener is open.</summary>
    public Func<CancellationToken, Task<IReadOnlyList<Uri>>> ApiRoots { get; init; } = _ =>
        Task.FromResult<IReadOnlyList<Uri>>([]);

    /// <summary>The NF instance id of the node with this key: the same after every start, and unique (RFC 9562 UUID,
    /// version 8).</summary>
    public static Guid InstanceOf(string ownKey)
    {
        var id = SHA256.HashData(Encoding.ASCII.GetBytes($"5G_EIR {ownKey}")).AsSpan(0, 16);
        id[6] = (byte)((id[6] & 0x0F) | 0x80);
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return new Guid(id, bigEndian: true);
    }
}
