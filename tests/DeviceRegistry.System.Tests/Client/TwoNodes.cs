using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Client;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.Client;

/// <summary>Two attach nodes of one operator. Each is a process with its own folder and port; both follow the registrar
/// of the run.</summary>
internal sealed class TwoNodes : IAsyncDisposable
{
    private readonly (string State, string Port)[] _places =
        [(FolderWithCertificates(), Scripts.FreePort()), (FolderWithCertificates(), Scripts.FreePort())];
    private readonly RegistryProcess[] _nodes = new RegistryProcess[2];

    public static async Task<TwoNodes> StartAsync()
    {
        var nodes = new TwoNodes();
        await Task.WhenAll(nodes.StartAsync(0), nodes.StartAsync(1));
        return nodes;
    }

    public RegistryProcess this[int node] => _nodes[node];

    /// <summary>Starts a node with its previous folder and port, and returns when it is ready.</summary>
    public async Task StartAsync(int node)
    {
        var (state, port) = _places[node];
        var registrar = $"https://localhost:{Registry.Server.Address("registrar").Port}";
        _nodes[node] = await RegistryProcess.StartAsync(state, "--roles", "Attach,Web", "--node", "node-b1",
            "--registrar", registrar, "--attach-port", port);
    }

    public Uri[] Addresses => [.. _places.Select(place => new Uri($"https://localhost:{place.Port}"))];

    /// <summary>A client of the operator with both nodes, in this order.</summary>
    public RegistryClient Client(TimeSpan? hedgingDelay = null, string identity = "operator-b")
    {
        var (certificate, root) = Certificates(identity);
        return new RegistryClient(new ClientOptions
        {
            AttachNodes = Addresses, Certificate = certificate, Root = root, HedgingDelay = hedgingDelay
            ?? TimeSpan.FromMilliseconds(20), AttachDeadline = Patience.Event,
        });
    }

    /// <summary>Checks that the nodes rejected so far, because the machine is busy.</summary>
    public async Task<ulong> ShedAsync()
    {
        var shed = 0ul;
        foreach (var node in _nodes)
            shed += (await new NodeService.NodeServiceClient(node.Channel("attach", "operator-b"))
                .GetNodeStatusAsync(new GetNodeStatusRequest())).RequestsShed;
        return shed;
    }

    /// <summary>A certificate of the run, and its root.</summary>
    public static (X509Certificate2 Certificate, X509Certificate2 Root) Certificates(string identity,
        string? state = null)
    {
        var folder = Path.Combine(state ?? Registry.Server.State, "certs");
        return (X509Certificate2.CreateFromPemFile(Path.Combine(folder, identity + ".pem"),
            Path.Combine(folder, identity + ".key")),
            X509CertificateLoader.LoadCertificateFromFile(Path.Combine(folder, "root.pem")));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
    }

    private static string FolderWithCertificates()
    {
        var state = Registry.NewFolder();
        var certificates = Directory.CreateDirectory(Path.Combine(state, "certs")).FullName;
        foreach (var file in Directory.GetFiles(Path.Combine(Registry.Server.State, "certs"))) File.Copy(file,
            Path.Combine(certificates, Path.GetFileName(file)));
        return state;
    }
}
