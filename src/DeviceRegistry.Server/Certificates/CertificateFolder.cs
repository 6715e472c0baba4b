using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace DeviceRegistry.Server.Certificates;

/// <summary>The certificates a server works with: root.pem, and NAME.pem with NAME.key for itself and its
/// node.</summary>
internal sealed class CertificateFolder(string folder)
{
    /// <summary>The root every caller's certificate must lead to.</summary>
    public X509Certificate2 Root() => X509Certificate2.CreateFromPem(Read("root.pem"));

    /// <summary>A certificate with its key.</summary>
    public X509Certificate2 WithKey(string name) =>
        X509Certificate2.CreateFromPem(Read(name + ".pem"), Read(name + ".key"));

    /// <summary>The demo's certificates must never guard anything that can be reached from outside.</summary>
    public void RefuseDevelopmentRootBeyondLoopback(IPAddress listen)
    {
        if (!IPAddress.IsLoopback(listen) && DevelopmentAuthority.IsDevelopmentRoot(Root()))
            throw new ConfigurationFault(
                $"The certificates in {folder} are the demo's and good for loopback only, but the server is to " +
                $"listen on {listen}. Give it certificates of a real authority.");
    }

    /// <summary>HTTP/2 to the registrar with a node's certificate, trusting the root alone.</summary>
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
            ConnectTimeout = Limits.RegistrarAnswerMost,
            UseProxy = false,                               // a core network's feed has no business with a web proxy
            KeepAlivePingDelay = Limits.RegistrarAnswerMost,
            KeepAlivePingTimeout = Limits.RegistrarAnswerMost,
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
