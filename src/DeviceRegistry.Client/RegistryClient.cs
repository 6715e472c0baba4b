using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;

namespace DeviceRegistry.Client;

/// <summary>Client of the registry. Makes the generated clients resilient against a restarting registrar and slow or
/// dead nodes: <c>new AttachService.AttachServiceClient(client.Attach)</c>. Use one instance per process.
/// Thread-safe.</summary>
/// <remarks>A unary call fails with the RpcException of a rejection, which is never retried; with UNAVAILABLE after
/// <see cref="ClientOptions.RetriesMax"/> retries; or at its deadline with DEADLINE_EXCEEDED, whose detail contains the
/// last error. Streaming calls are made once, with the deadline of the caller; those to the nodes go to the node that
/// responded last.</remarks>
public sealed class RegistryClient : IDisposable
{
    // The feed sends an entry in one message, even one larger than 1 MiB.
    private const int MessageBytesMax = 64 * 1024 * 1024;

    // Between two connection attempts the channel fails all calls, by default for up to two minutes: the client must
    // notice a restarted node before its neighbour is restarted.
    private static readonly TimeSpan ReconnectFirst = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ReconnectMax = TimeSpan.FromMilliseconds(250);

    private readonly List<GrpcChannel> _channels = [];
    private readonly CallInvoker? _registrar;
    private readonly CallInvoker? _attach;

    /// <summary>Opens no connection; the first calls do. Throws ArgumentException for options out of range.</summary>
    public RegistryClient(ClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.AttachNodes.Count, ClientOptions.AttachNodesMax,
            nameof(options.AttachNodes));
        ArgumentOutOfRangeException.ThrowIfNegative(options.RetriesMax, nameof(options.RetriesMax));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.HedgingDelay, TimeSpan.Zero, nameof(options.HedgingDelay));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.RegistrarDeadline, TimeSpan.Zero,
            nameof(options.RegistrarDeadline));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.AttachDeadline, TimeSpan.Zero,
            nameof(options.AttachDeadline));
        foreach (var address in options.AttachNodes.Append(options.Registrar).OfType<Uri>())
            if (!address.IsAbsoluteUri || address.Scheme != Uri.UriSchemeHttps) throw new ArgumentException(
                $"{address} is no https address.", nameof(options));

        if (options.Registrar is not null)
            _registrar = new ResilientInvoker([Open(options.Registrar, options)], Resilience.Registrar(options),
                options.RegistrarDeadline, options.Time);
        if (options.AttachNodes.Count > 0)
            _attach = new ResilientInvoker([.. options.AttachNodes.Select(node => Open(node, options))],
                Resilience.Attach(options), options.AttachDeadline, options.Time);
    }

    /// <summary>Invoker for the generated clients of all services except checks.</summary>
    public CallInvoker Registrar => _registrar
        ?? throw new InvalidOperationException(
        $"{nameof(ClientOptions)}.{nameof(ClientOptions.Registrar)} names none.");

    /// <summary>Invoker for the generated client of checks.</summary>
    public CallInvoker Attach => _attach
        ?? throw new InvalidOperationException(
        $"{nameof(ClientOptions)}.{nameof(ClientOptions.AttachNodes)} names none.");

    /// <summary>Ends all calls and connections.</summary>
    public void Dispose()
    {
        foreach (var channel in _channels) channel.Dispose();
    }

    private CallInvoker Open(Uri address, ClientOptions options)
    {
        var channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                // Connect directly; environment proxies are meant for web pages.
                UseProxy = false,
                ConnectTimeout = TimeSpan.FromSeconds(5),

                // Above the server's limit of a hundred concurrent calls per connection, open another connection
                // instead of queueing.
                EnableMultipleHttp2Connections = true,

                // A host that disappears sends no reset: without pings its connection would look alive for minutes.
                KeepAlivePingDelay = TimeSpan.FromSeconds(5),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
                SslOptions = new SslClientAuthenticationOptions
                {
                    // A context instead of a collection: the client then presents the certificate whatever CAs the
                    // server lists.
                    ClientCertificateContext = SslStreamCertificateContext.Create(options.Certificate,
                        additionalCertificates: null, offline: true),

                    // Without a validation callback the host name is verified too.
                    CertificateChainPolicy = new X509ChainPolicy
                    {
                        TrustMode = X509ChainTrustMode.CustomRootTrust,
                        CustomTrustStore = { options.Root },
                        RevocationMode = X509RevocationMode.NoCheck,
                    },
                },
            },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MessageBytesMax,
            InitialReconnectBackoff = ReconnectFirst,
            MaxReconnectBackoff = ReconnectMax,
        });
        _channels.Add(channel);
        return channel.CreateCallInvoker();
    }
}
