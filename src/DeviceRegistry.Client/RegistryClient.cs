using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;

namespace DeviceRegistry.Client;

/// <summary>The registry as another program sees it. Makes the generated clients work against a registrar that restarts
/// and nodes that are slow or dead: <c>new AttachService.AttachServiceClient(client.Attach)</c>. One for the whole
/// program; safe for any number of threads.</summary>
/// <remarks>A unary call fails with the RpcException of the refusal, which is never repeated, or with UNAVAILABLE once
/// <see cref="ClientOptions.RetriesMax"/> is used up, or at its deadline with DEADLINE_EXCEEDED, whose detail says what
/// went wrong last. Streaming calls are made once, with the deadline they bring; those to the nodes go to the node that
/// answered last.</remarks>
public sealed class RegistryClient : IDisposable
{
    // The feed sends entries of 1 MiB and more in one message where one entry alone is larger.
    private const int MessageBytesMax = 64 * 1024 * 1024;

    // The channel refuses calls by itself between two attempts to connect, by default for up to two minutes: a node
    // that is back must be known to be back before its neighbour is restarted.
    private static readonly TimeSpan ReconnectFirst = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ReconnectMost = TimeSpan.FromMilliseconds(250);

    private readonly List<GrpcChannel> _channels = [];
    private readonly CallInvoker? _registrar;
    private readonly CallInvoker? _attach;

    /// <summary>Opens nothing yet; connections come with the first calls. Throws ArgumentException for options out of
    /// their range.</summary>
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

    /// <summary>For the generated clients of everything but checks.</summary>
    public CallInvoker Registrar => _registrar
        ?? throw new InvalidOperationException(
        $"{nameof(ClientOptions)}.{nameof(ClientOptions.Registrar)} names none.");

    /// <summary>For the generated client of checks.</summary>
    public CallInvoker Attach => _attach
        ?? throw new InvalidOperationException(
        $"{nameof(ClientOptions)}.{nameof(ClientOptions.AttachNodes)} names none.");

    /// <summary>Ends every call and connection.</summary>
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
                // The registry is reached directly; a proxy of the environment is there for web pages.
                UseProxy = false,
                ConnectTimeout = TimeSpan.FromSeconds(5),

                // More than a hundred calls at once, the server's limit for one connection, take a second one instead
                // of waiting.
                EnableMultipleHttp2Connections = true,

                // A host that vanished sends no reset: without pings its connection would be believed for minutes.
                KeepAlivePingDelay = TimeSpan.FromSeconds(5),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
                SslOptions = new SslClientAuthenticationOptions
                {
                    // A context, not a collection: then the certificate is shown whatever roots the server names.
                    ClientCertificateContext = SslStreamCertificateContext.Create(options.Certificate,
                        additionalCertificates: null, offline: true),

                    // Without a callback the host name is checked too.
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
            MaxReconnectBackoff = ReconnectMost,
        });
        _channels.Add(channel);
        return channel.CreateCallInvoker();
    }
}
