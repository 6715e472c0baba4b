using System.Security.Cryptography;
using System.Text;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>How a node is a 5G-EIR.</summary>
public sealed record N17Options
{
    /// <summary>API name, service name and scope (TS 29.511 §6.1.1).</summary>
    public const string Service = "n5g-eir-eic";

    /// <summary>Path of the API root, such as /eir; empty: none.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>NF instance id: whom an NRF lists, and whom a token is for.</summary>
    public Guid Instance { get; init; }

    /// <summary>Keys the NRF signs access tokens with; null: no token is asked for.</summary>
    public TokenKeys? TokenKeys { get; init; }

    /// <summary>Checks a second that are answered on one connection; 0: all.</summary>
    public int RateMax { get; init; }

    /// <summary>The NRF; null: callers are told by hand where the node is.</summary>
    public Uri? Nrf { get; init; }

    /// <summary>How the NRF is reached.</summary>
    public Func<HttpMessageHandler> NrfHandler { get; init; } = () => new SocketsHttpHandler();

    /// <summary>Where callers find the door, once it is open.</summary>
    public Func<CancellationToken, Task<IReadOnlyList<Uri>>> ApiRoots { get; init; } = _ =>
        Task.FromResult<IReadOnlyList<Uri>>([]);

    /// <summary>The NF instance id of the node with this key: the same after every start, and nobody else's (RFC 9562
    /// UUID, version 8).</summary>
    public static Guid InstanceOf(string ownKey)
    {
        var id = SHA256.HashData(Encoding.ASCII.GetBytes($"5G_EIR {ownKey}")).AsSpan(0, 16);
        id[6] = (byte)((id[6] & 0x0F) | 0x80);
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return new Guid(id, bigEndian: true);
    }
}
