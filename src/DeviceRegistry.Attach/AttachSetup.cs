using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Attach.Interfaces.Grpc;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Attach.Interfaces.S13;
using DeviceRegistry.Attach.Snapshots;
using DeviceRegistry.Core;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>Where a node keeps its files and how it reaches the registrar.</summary>
/// <param name="Folder">Data folder of the node.</param>
/// <param name="OwnKey">SHA-256 of the node's public key, upper-case hex.</param>
/// <param name="Root">Root certificate that the certificates of checkpoint signers must chain to.</param>
/// <param name="Snapshots">When the node writes and downloads snapshots.</param>
/// <param name="Connect">Opens the channel to the registrar with the node's certificate. Completes when the address of
/// the registrar is known.</param>
public sealed record NodeOptions(string Folder, string OwnKey, X509Certificate2 Root, SnapshotOptions Snapshots,
    Func<CancellationToken, Task<GrpcChannel>> Connect);

/// <summary>Registers the services of an attach node in the server that hosts it.</summary>
public static class AttachSetup
{
    /// <summary>Largest feed message in bytes that a channel to the registrar must accept.</summary>
    public const int FeedMessageBytesMax = Limits.FeedMessageBytesMax;

    /// <summary>Adds an attach node.</summary>
    public static IServiceCollection AddAttach(this IServiceCollection services, NodeOptions options)
    {
        services.AddSingleton<CheckCounters>();
        services.AddSingleton<AttachService>();
        services.AddSingleton<AttachMetrics>();
        services.AddSingleton<OverloadDetector>();
        services.AddSingleton<CheckRate>();

        // Singletons: these services hold no state of a call, and creating one for each call costs more than an answer.
        services.AddSingleton<AttachGrpcService>();
        services.AddSingleton<NodeGrpcService>();
        services.AddSingleton<N17Counters>();

        // The node has its own member directory, filled from the journal alone. It needs no database, even in the
        // process of a registrar.
        services.AddSingleton<StateDigests>();
        services.AddSingleton(provider =>
            new NodeState(options.OwnKey, new MemberDirectory(), provider.GetRequiredService<StateDigests>(),
            options.Root, new SubscriberKey(options.Folder)));
        services.AddSingleton(_ => new LocalJournal(options.Folder));
        services.AddSingleton(provider => new NodeStore(
            provider.GetRequiredService<NodeState>(),
            provider.GetRequiredService<LocalJournal>(),
            new SnapshotStore(options.Folder,
                provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SnapshotStore>>()),
            options.Snapshots,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<NodeStore>>()));
        services.AddSingleton(provider => new SnapshotDownloader(
            provider.GetRequiredService<NodeState>(), provider.GetRequiredService<NodeStore>(), options.Snapshots,
            options.Folder, provider.GetRequiredService<ILogger<SnapshotDownloader>>()));
        services.AddSingleton<SightingCollector>();
        services.AddSingleton(_ => new SegmentStore(Path.Combine(options.Folder, "sightings")));
        services.AddHostedService(provider => new SightingReporter(
            provider.GetRequiredService<SightingCollector>(),
            provider.GetRequiredService<SegmentStore>(),
            options.Connect,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SightingReporter>>()));
        services.AddSingleton(provider => new DenialLog(
            provider.GetRequiredService<NodeState>(), options.Folder, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<DenialLog>>()));
        services.AddHostedService(provider => provider.GetRequiredService<DenialLog>());
        services.AddSingleton(provider => new FailOpenLog(
            provider.GetRequiredService<CheckCounters>(), options.Folder, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<FailOpenLog>>()));
        services.AddHostedService(provider => provider.GetRequiredService<FailOpenLog>());
        services.AddSingleton<PositionReporter>();
        services.AddHostedService(provider => new FeedFollower(
            provider.GetRequiredService<NodeState>(),
            provider.GetRequiredService<NodeStore>(),
            provider.GetRequiredService<SnapshotDownloader>(),
            provider.GetRequiredService<PositionReporter>(),
            options.Connect,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<FeedFollower>>()));
        return services;
    }

    /// <summary>Adds the S13 interface (Diameter) to the node.</summary>
    public static IServiceCollection AddS13(this IServiceCollection services, S13Options options)
    {
        services.AddSingleton(options);
        services.AddSingleton<S13Listener>();
        services.AddSingleton<S13Metrics>();
        return services.AddHostedService(provider => provider.GetRequiredService<S13Listener>());
    }

    /// <summary>Adds the registrar's index. It computes the digests for checkpoints, unless a node in the same process
    /// does, and writes the snapshots that nodes download.</summary>
    public static IServiceCollection AddCentreIndex(this IServiceCollection services, string folder,
        SnapshotOptions options,
        bool besideNode, Func<IServiceProvider, JournalSource> journal)
    {
        services.AddSingleton<SnapshotCatalog>();
        if (!besideNode) services.AddSingleton<StateDigests>();
        services.AddHostedService(provider => new RegistrarIndex(
            new NodeState("", new MemberDirectory(), besideNode ? null : provider.GetRequiredService<StateDigests>()),
            new SnapshotStore(folder,
                provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SnapshotStore>>()),
            provider.GetRequiredService<SnapshotCatalog>(),
            journal(provider),
            options,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<RegistrarIndex>>()));
        return services;
    }

    /// <summary>Rejects checks while the node is overloaded. Must be the first middleware. <paramref name="refusalOf"/>
    /// returns why a caller may not call a method, or null if the caller may.</summary>
    public static void UseLoadShedding(this IApplicationBuilder app,
        Func<HttpContext, string, RpcException?> refusalOf) =>
        LoadSheddingMiddleware.Use(app, app.ApplicationServices.GetRequiredService<OverloadDetector>(), refusalOf);

    /// <summary>Maps the node's gRPC services. <paramref name="checks"/> and <paramref name="node"/> add endpoint
    /// metadata to the check service and the node service.</summary>
    public static void MapAttach(this IEndpointRouteBuilder endpoints,
        Action<IEndpointConventionBuilder> checks, Action<IEndpointConventionBuilder> node)
    {
        checks(endpoints.MapGrpcService<AttachGrpcService>());
        node(endpoints.MapGrpcService<NodeGrpcService>());
        _ = endpoints.ServiceProvider.GetRequiredService<CheckRate>();
        _ = endpoints.ServiceProvider.GetService<S13Metrics>();
        _ = endpoints.ServiceProvider.GetRequiredService<AttachMetrics>();         // starts the observation
    }

    /// <summary>Makes the node a 5G-EIR. The server must route requests to its <see cref="N17Interface"/>.</summary>
    public static IServiceCollection AddN17(this IServiceCollection services, N17Options options)
    {
        services.AddSingleton(options);
        services.AddSingleton<N17Interface>();
        if (options.Nrf is not null) services.AddHostedService<NrfRegistration>();
        return services;
    }
}
