using System.Net;
using System.Text.Json;
using DeviceRegistry.Attach;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Attach.Interfaces.S13;
using DeviceRegistry.Attach.Snapshots;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Embedded;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar;
using DeviceRegistry.Registrar.Feed;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.Registrar.Parties;
using DeviceRegistry.Registrar.Proof;
using DeviceRegistry.Server.Access;
using DeviceRegistry.Server.Certificates;
using DeviceRegistry.Server.Demo;
using DeviceRegistry.Server.Standard;
using DeviceRegistry.Server.Telemetry;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace DeviceRegistry.Server;

/// <summary>Composes the roles of one process and runs them until it is asked to stop. Contains no rule of the
/// registry.</summary>
internal sealed partial class RegistryServer(ServerOptions options) : IAsyncDisposable
{
    private readonly Dictionary<ListenerKind, ListenOptions> _listeners = [];
    private readonly CertificateFolder _certificates = new(options.Certificates);
    private readonly TaskCompletionSource _started = new();
    private EmbeddedPostgres? _cluster;

    /// <summary>Maps further endpoints of a host, such as the baseline of a benchmark.</summary>
    public Action<WebApplication>? MapExtra { get; init; }

    /// <summary>Runs the server until <paramref name="ct"/> is cancelled. Throws if a background service
    /// failed.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        // 1. The database, if this process writes.
        var database = Has(Roles.Registrar) ? await DatabaseAsync(ct) : "";

        // 2. Certificates.
        var authority = new DevelopmentAuthority(options.Certificates, TimeProvider.System);
        if (options.Demo) DemoData.EnsureCertificates(authority);
        var listen = IPAddress.Parse(options.Listen);
        _certificates.RefuseDevelopmentRootBeyondLoopback(listen);
        if (PlainAddress is { } plain) _certificates.RefuseDevelopmentRootBeyondLoopback(plain);
        if (options.N17Port >= 0) _certificates.RefuseDevelopmentRootBeyondLoopback(IPAddress.Parse(options.N17Listen));
        ct.ThrowIfCancellationRequested();

        // 3. Roles and listeners.
        await using var app = Compose(database, listen);

        // 4. Demo data before the first caller.
        if (options.Demo && Has(Roles.Registrar)) await EnsureDemoAsync(app.Services, authority, ct);

        // 5. Load the member directory, open the listeners, publish their addresses, and wait.
        if (Has(Roles.Registrar)) await app.Services.GetRequiredService<MemberDirectoryLoader>().ReloadAsync(ct);
        await app.StartAsync(ct);
        var addresses = Addresses(app.Services.GetService<S13Listener>());
        WriteAddresses(addresses);
        var log = app.Services.GetRequiredService<ILogger<RegistryServer>>();
        var listening = string.Join(", ", addresses.Select(a => $"{a.Key} {a.Value}"));
        Started(log, TelemetryPipeline.Version, options.Roles, listening);
        app.Lifetime.ApplicationStopping.Register(() => Stopping(log));
        if (options.Demo && options.LogFormat is LogFormat.Text) await DemoBanner.PrintAsync(
            app, addresses, options, ct);
        await app.WaitForShutdownAsync(ct);
        app.Services.StopTelemetry();
        Stopped(log);
        if (app.Services.GetServices<IHostedService>().OfType<BackgroundService>()
            .FirstOrDefault(s => s.ExecuteTask is { IsFaulted: true }) is { } broken)
            throw new InvalidOperationException(
                $"{broken.GetType().Name} failed: {broken.ExecuteTask!.Exception!.InnerException!.Message}");
    }

    private static async Task EnsureDemoAsync(IServiceProvider services, DevelopmentAuthority authority,
        CancellationToken ct)
    {
        try
        {
            await ActivatorUtilities.CreateInstance<DemoData>(services, authority).EnsureAsync(ct);
        }
        catch (RegistryException fault) when (fault.Error is RegistryError.RecoveryPending)
        {
            // After a restore every write waits for the recovery statement, the demo data too. The people who sign it
            // exist already.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null) await _cluster.DisposeAsync();
    }

    private IPAddress? PlainAddress =>
        options.AttachCleartextAddress.Length > 0 ? IPAddress.Parse(options.AttachCleartextAddress) : null;

    private bool Has(Roles role) => options.Roles.HasFlag(role);

    private bool HasN17 => options.N17Port >= 0 || options.N17TlsPort >= 0;

    private async Task<string> DatabaseAsync(CancellationToken ct)
    {
        if (options.Database.Length > 0) return options.Database;

        // Not cancellable: nothing would stop a cluster that is half started.
        _cluster = await EmbeddedPostgres.StartAsync(
            new ClusterOptions(options.PgBin, options.PgData, options.PgSocket, options.PgUser), throwAway: false,
            CancellationToken.None);
        ct.ThrowIfCancellationRequested();
        await RegistryDatabase.CreateAsync(_cluster.AdminConnectionString(), options.DatabaseName, ct);
        await RegistryDatabase.MigrateAsync(
            _cluster.ConnectionString(RegistryDatabase.OwnerRole, options.DatabaseName, poolSize: 2), ct);
        return _cluster.ConnectionString(RegistryDatabase.ServiceRole, options.DatabaseName);
    }

    private WebApplication Compose(string database, IPAddress listen)
    {
        // Only our own options count: no settings file and no environment variables of the host.
        var builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ApplicationName = "DeviceRegistry.Server" });
        if (options.LogFormat is LogFormat.Json) builder.Logging.AddJsonConsole(o =>
            (o.UseUtcTimestamp, o.TimestampFormat) = (true, "yyyy-MM-dd'T'HH:mm:ss.fff'Z'"));
        else builder.Logging.AddSimpleConsole(o => o.SingleLine = true);

        // FaultInterceptor logs what a handler throws. gRPC logs as errors the bytes of a peer that it cannot parse,
        // and EF Core logs an unreachable database, which the caller of the database reports once.
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Grpc", LogLevel.Critical).AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Critical)

            // Perf: this logger writes nothing from Warning on, but creates an activity and a scope for each request
            // while it is enabled (benchmark n17).
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration()
            .ConfigureKestrel(kestrel => Listen(kestrel, listen));
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Limits.ShutdownTimeout);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<MemberDirectory>();
        builder.Services.AddSingleton(p =>
            new CertificateAuthenticator(_certificates.Root(), p.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(p =>
            new Listeners(
            p.GetRequiredService<TimeProvider>(), p.GetRequiredService<MemberDirectory>(), p.GetService<NodeState>()));
        builder.Services.AddSingleton<ConnectionIdentityCache>().AddSingleton<CallAuthorizer>();
        builder.Services.AddSingleton<Services>().AddSingleton<HealthService>().AddSingleton<ReflectionService>();
        builder.Services.AddTelemetry(options);
        builder.Services.AddSingleton(p =>
            new Readiness(
            p.GetRequiredService<IHostApplicationLifetime>(), p.GetService<JournalTail>(), p.GetService<NodeState>()));

        // Singletons: they hold no state of a call.
        builder.Services.AddSingleton<CallMetrics>().AddSingleton<FaultInterceptor>().AddSingleton<AccessInterceptor>()
            .AddSingleton<DeadlineInterceptor>();
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = Limits.MessageBytesMax;
            grpc.Interceptors.Add<CallMetrics>();
            grpc.Interceptors.Add<FaultInterceptor>();
            grpc.Interceptors.Add<AccessInterceptor>();
            grpc.Interceptors.Add<DeadlineInterceptor>();
        });
        if (Has(Roles.Registrar)) builder.Services.AddRegistrar(database, BuildCheckpointOptions(),
            new PseudonymKeyOptions(options.PseudonymKeys));
        if (Has(Roles.Registrar))
            builder.Services.AddCentreIndex(Path.Combine(options.State, "centre"), Snapshots,
                besideNode: Has(Roles.Attach), p =>
            {
                var journal = p.GetRequiredService<PublicJournal>();
                return new JournalSource(journal.HasAsync, journal.AfterAsync);
            });
        if (Has(Roles.Attach)) builder.Services.AddAttach(BuildNodeOptions(builder.Services));
        if (HasN17) builder.Services.AddN17(BuildN17Options());
        if (options.HasS13) builder.Services.AddS13(BuildS13Options(listen));

        var app = builder.Build();
        app.Services.StartTelemetry();
        if (HasN17) N17Middleware.Use(app);
        if (Has(Roles.Attach)) app.UseLoadShedding(app.Services.GetRequiredService<CallAuthorizer>().RefusalOf);
        app.UseRouting();
        Listeners.Enforce(app);
        MalformedRequestMiddleware.Use(app);
        Map(app);
        MapExtra?.Invoke(app);
        return app;
    }

    private void Map(WebApplication app)
    {
        if (Has(Roles.Registrar)) app.MapRegistrar(e => e.WithMetadata(new ListenerScope(ListenerKind.Registrar)));
        if (Has(Roles.Attach)) app.MapAttach(checks: e =>
            e.WithMetadata(new ListenerScope(ListenerKind.Attach, ListenerKind.Plain)), node: e =>
                e.WithMetadata(new ListenerScope(ListenerKind.Attach)));
        if (Has(Roles.Web)) StatusPages.Map(app, e => e.WithMetadata(new ListenerScope(ListenerKind.Web)));
        app.MapGrpcService<HealthService>()
            .WithMetadata(new ListenerScope(ListenerKind.Registrar, ListenerKind.Attach, ListenerKind.Plain));
        app.MapGrpcService<ReflectionService>()
            .WithMetadata(new ListenerScope(ListenerKind.Registrar, ListenerKind.Attach));
    }

    private void Listen(KestrelServerOptions kestrel, IPAddress address)
    {
        // All TLS listeners use one certificate. TLS accepts any client certificate; the interceptor verifies it, so
        // that a refusal carries an error message.
        var own = Has(Roles.Registrar) || Has(Roles.Attach) ? _certificates.WithKey("server") : null;
        void Open(ListenerKind kind, int port, HttpProtocols protocols, bool tls, IPAddress? at = null) =>
            kestrel.Listen(at ?? address, port, listener =>
        {
            listener.Protocols = protocols;
            Listeners.Tag(listener, kind);
            _listeners[kind] = listener;
            if (!tls) return;

            listener.UseHttps(https =>
            {
                https.ServerCertificate = own;
                https.HandshakeTimeout = Limits.HandshakeTimeout;
                https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                https.ClientCertificateValidation = (_, _, _) => true;
            });
            Listeners.RequireHttp2(listener);
        });

        kestrel.AddServerHeader = false;
        SetLimits(kestrel.Limits);
        if (Has(Roles.Registrar)) Open(ListenerKind.Registrar, options.RegistrarPort, HttpProtocols.Http2, tls: true);
        if (Has(Roles.Attach)) Open(ListenerKind.Attach, options.AttachPort, HttpProtocols.Http2, tls: true);
        if (PlainAddress is { } plain) Open(ListenerKind.Plain, options.AttachCleartextPort, HttpProtocols.Http2,
            tls: false, plain);
        if (Has(Roles.Web)) Open(ListenerKind.Web, options.WebPort, HttpProtocols.Http1, tls: false);
        if (options.N17Port >= 0) Open(ListenerKind.N17, options.N17Port, HttpProtocols.Http2, tls: false,
            IPAddress.Parse(options.N17Listen));
        if (options.N17TlsPort >= 0) Open(ListenerKind.N17Tls, options.N17TlsPort, HttpProtocols.Http2, tls: true);
    }

    private static void SetLimits(KestrelServerLimits limits)
    {
        limits.MaxConcurrentConnections = Limits.ConnectionsMax;
        limits.MaxRequestHeadersTotalSize = Limits.HeadersBytesMax;
        limits.MinRequestBodyDataRate = limits.MinResponseDataRate =
            new MinDataRate(Limits.BytesPerSecondMin, Limits.DataRateGracePeriod);
        limits.Http2.MaxStreamsPerConnection = Limits.StreamsPerConnectionMax;
        limits.Http2.KeepAlivePingDelay = Limits.KeepAlivePingDelay;
        limits.Http2.KeepAlivePingTimeout = Limits.KeepAlivePingTimeout;
    }

    private SnapshotOptions Snapshots => new(options.SnapshotIntervalEntries, options.SnapshotFetchThreshold);

    private CheckpointOptions BuildCheckpointOptions() =>
        options.CheckpointEntries is 0 && options.CheckpointSeconds is 0
        ? CheckpointOptions.None with { Root = _certificates.Root() }
        : new CheckpointOptions(_certificates.WithKey(CheckpointRules.CommonName), _certificates.Root(),
            options.CheckpointEntries, TimeSpan.FromSeconds(options.CheckpointSeconds));

    private NodeOptions BuildNodeOptions(IServiceCollection services)
    {
        var key = CertificateAuthenticator.KeyOf(_certificates.WithKey(options.Node));
        services.AddSingleton<IHostedService>(p =>
            new StartedSignal(p.GetRequiredService<IHostApplicationLifetime>(), _started));
        return new NodeOptions(Path.Combine(options.State, "nodes", options.Node), key, _certificates.Root(), Snapshots,
            async ct =>
        {
            await _started.Task.WaitAsync(ct);
            var registrar = options.Registrar.Length > 0 ? new Uri(options.Registrar)
                : new Uri($"https://localhost:{_listeners[ListenerKind.Registrar].IPEndPoint!.Port}");
            return GrpcChannel.ForAddress(registrar, new GrpcChannelOptions
            {
                HttpHandler = _certificates.ClientHandler(options.Node), DisposeHttpClient = true,
                MaxReceiveMessageSize = AttachSetup.FeedMessageBytesMax,
            });
        });
    }

    private N17Options BuildN17Options() => new()
    {
        Prefix = options.N17ApiRoot.Length > 0 ? new Uri(options.N17ApiRoot).AbsolutePath.TrimEnd('/') : "",
        Instance = N17Options.InstanceOf(CertificateAuthenticator.KeyOf(_certificates.WithKey(options.Node))),
        TokenKeys = ReadTokenKeys(),
        RateMax = options.N17RateMax,
        Nrf = options.Nrf.Length > 0 ? new Uri(options.Nrf) : null,
        NrfHandler = () => _certificates.ClientHandler(options.Node),
        ApiRoots = async ct =>
        {
            await _started.Task.WaitAsync(ct);
            if (options.N17ApiRoot.Length > 0) return [new Uri(options.N17ApiRoot)];

            return [.. _listeners.Where(l => l.Key is ListenerKind.N17 or ListenerKind.N17Tls)
                .Select(l => new Uri($"{(l.Key is ListenerKind.N17 ? "http" : "https")}://{l.Value.IPEndPoint}"))];
        },
    };

    private TokenKeys? ReadTokenKeys()
    {
        if (options.N17TokenKeys.Length is 0) return null;

        try
        {
            return TokenKeys.Read(File.ReadAllText(options.N17TokenKeys));
        }
        catch (Exception fault) when (fault is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationFault(
                $"--n17-token-keys is {options.N17TokenKeys}, and no keys can be read from it: {fault.Message}. Give " +
                $"the NRF's public keys, RSA or P-256, in PEM or as a JWKS.");
        }
    }

    private S13Options BuildS13Options(IPAddress listen)
    {
        var file = options.S13Config.Length > 0 ? options.S13Config : DemoPeers.Ensure(options.State, _certificates);
        var faults = new List<string>();
        return S13Settings.Read(file, faults) is { } settings
            ? new S13Options(listen, options.S13Port, options.S13TlsPort, options.S13Sctp, settings,
                _certificates.WithKey("server"))
            : throw new ConfigurationFault(string.Join('\n', faults));
    }

    // Address of every listener by the name that the address file uses.
    private Dictionary<string, IPEndPoint> Addresses(S13Listener? s13) =>
        _listeners.Select(l => KeyValuePair.Create(l.Key.ToString().ToLowerInvariant(), l.Value.IPEndPoint!))
            .Concat(s13?.Endpoints ?? new Dictionary<string, IPEndPoint>()).ToDictionary();

    private void WriteAddresses(Dictionary<string, IPEndPoint> addresses)
    {
        if (options.AddressFile.Length is 0) return;

        var temporary = options.AddressFile + ".new";
        File.WriteAllText(temporary, JsonSerializer.Serialize(
            addresses.ToDictionary(a => a.Key, a => a.Value.ToString())));
        File.Move(temporary, options.AddressFile, overwrite: true);
    }

    [LoggerMessage(EventId = 1003, Level = LogLevel.Information,
        Message = "Started: version {Version}, roles {Roles}, listening on {Addresses}")]
    private static partial void Started(ILogger log, string version, Roles roles, string addresses);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Information,
        Message = "Stopping; waiting for running calls")]
    private static partial void Stopping(ILogger log);

    [LoggerMessage(EventId = 1005, Level = LogLevel.Information, Message = "Stopped")]
    private static partial void Stopped(ILogger log);

    /// <summary>Completes a task once all listeners are open.</summary>
    private sealed class StartedSignal(IHostApplicationLifetime lifetime, TaskCompletionSource started) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            lifetime.ApplicationStarted.Register(started.SetResult);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
