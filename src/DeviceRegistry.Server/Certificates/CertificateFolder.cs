using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace DeviceRegistry.Server.Certificates;

/// <summary>The folder of the server's certificates: root.pem, and NAME.pem with NAME.key for the server and its
/// node.</summary>
internal sealed class CertificateFolder(string folder)
{
    /// <summary>The root that the certificate of every caller must chain to.</summary>
    public X509Certificate2 Root() => X509Certificate2.CreateFromPem(Read("root.pem"));

    public X509Certificate2 WithKey(string name) =>
        X509Certificate2.CreateFromPem(Read(name + ".pem"), Read(name + ".key"));

    /// <summary>Throws <see cref="ConfigurationFault"/> if the demo's certificates would protect a listener that is
    /// reachable from outside.</summary>
    public void RefuseDevelopmentRootBeyondLoopback(IPAddress listen)
    {
        if (!IPAddress.IsLoopback(listen) && DevelopmentAuthority.IsDevelopmentRoot(Root()))
            throw new ConfigurationFault(
                $"The certificates in {folder} are the demo's and good for loopback only, but the server is to " +
                $"listen on {listen}. Give it certificates of a real authority.");
    }

    /// <summary>HTTP/2 client handler to the registrar with a node's certificate; trusts only the root.</summary>
    public SocketsHttpHandler ClientHandler(string name)
    {
        var root = Root();
        return new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = [WithKey(name)],
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { root },
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
            ConnectTimeout = Limits.RegistrarTimeout,
            UseProxy = false,                               // a core network's feed has no business with a web proxy
            KeepAlivePingDelay = Limits.RegistrarTimeout,
            KeepAlivePingTimeout = Limits.RegistrarTimeout,
            EnableMultipleHttp2Connections = true,
        };
    }

    private string Read(string file)
    {
        var path = Path.Combine(folder, file);
        return File.Exists(path)
            ? File.ReadAllText(path)
            : throw new ConfigurationFault(
                $"{path} is missing. The demo makes it (--demo); elsewhere, put the certificates of your authority " +
                $"there.");
    }
}
