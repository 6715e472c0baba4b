using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;

namespace DeviceRegistry.Cli;

/// <summary>A channel that shows one certificate and believes one root.</summary>
internal sealed class Connection : IDisposable
{
    // The feed sends entries of 1 MiB and more in one message where one entry alone is larger.
    private const int MessageBytesMax = 64 * 1024 * 1024;

    private readonly Identity _identity;
    private readonly GrpcChannel _channel;

    private Connection(Identity identity, GrpcChannel channel) => (_identity, _channel) = (identity, channel);

    public CallInvoker Invoker => _channel.CreateCallInvoker();

    /// <summary>Opens a channel; nothing is sent before its first call. The connection owns the identity from here.</summary>
    public static Connection Open(string address, Identity identity)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttps)
            throw new CommandException(Fault.Usage(
                $"{address} is no address of a registry.", "Give one such as https://localhost:7443 with --registrar or --attach."));

        var handler = new SocketsHttpHandler
        {
            // The registry is reached directly; a proxy of the environment is there for web pages.
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            SslOptions = new SslClientAuthenticationOptions
            {
                // A context, not a collection: then the certificate is shown whatever roots the server names.
                ClientCertificateContext = SslStreamCertificateContext.Create(identity.Certificate, additionalCertificates: null, offline: true),
                // Without a callback the host name is checked too.
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { identity.Root },
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        };
        return new Connection(identity, GrpcChannel.ForAddress(uri, new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MessageBytesMax,
        }));
    }

    public void Dispose()
    {
        _channel.Dispose();
        _identity.Dispose();
    }
}
