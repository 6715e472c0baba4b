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

/// <summary>Where a node keeps its copy and how it reaches the registrar.</summary>
/// <param name="Folder">The node's own folder.</param>
/// <param name="OwnKey">SHA-256 of its public key, upper-case hex.</param>
/// <param name="Root">By whose certificates checkpoints are believed.</param>
/// <param name="Snapshots">When it writes and takes snapshots.</param>
/// <param name="Connect">Opens the channel to the registrar with the node's certificate, once there is an
/// address.</param>
public sealed record NodeOptions(string Folder, string OwnKey, X509Certificate2 Root, SnapshotOptions Snapshots,
    Func<CancellationToken, Task<GrpcChannel>> Connect);

/// <summary>Composes an attach node for the server that runs it.</summary>
public static class AttachSetup
{
    /// <summary>Largest message of the feed a channel to the registrar must take.</summary>
    public const int FeedMessageBytesMax = Limits.FeedMessageBytesMax;

    /// <summary>Adds a node.</summary>
    public static IServiceCollection AddAttach(this IServiceCollection services, NodeOptions places)
    {
        services.AddSingleton<CheckCounters>();
        services.AddSingleton<AttachService>();
        services.AddSingleton<AttachMetrics>();
        services.AddSingleton<OverloadDetector>();
        services.AddSingleton<CheckRate>();

        // One for all calls: they hold no call, and making one for each costs more than an answer.
        services.AddSingleton<AttachGrpcService>();
        services.AddSingleton<NodeGrpcService>();
        services.AddSingleton<N17Counters>();

        // A directory of its own, fed by the journal alone: the node needs no database even when a registrar runs
        // beside it.
        services.AddSingleton<StateDigests>();
        services.AddSingleton(provider =>
            new NodeState(places.OwnKey, new MemberDirectory(), provider.GetRequiredService<StateDigests>(),
            places.Root, new SubscriberKey(places.Folder)));
        services.AddSingleton(_ => new LocalJournal(places.Folder));
        services.AddSingleton(provider => new NodeStore(
            provider.GetRequiredService<NodeState>(),
            provider.GetRequiredService<LocalJournal>(),
            new SnapshotStore(places.Folder,
                provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SnapshotStore>>()),
            places.Snapshots,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<NodeStore>>()));
        services.AddSingleton(provider => new SnapshotDownloader(
            provider.GetRequiredService<NodeState>(), provider.GetRequiredService<NodeStore>(), places.Snapshots,
            places.Folder, provider.GetRequiredService<ILogger<SnapshotDownloader>>()));
        services.AddSingleton<SightingCollector>();
        services.AddSingleton(_ => new SegmentStore(Path.Combine(places.Folder, "sightings")));
        services.AddHostedService(provider => new SightingReporter(
            provider.GetRequiredService<SightingCollector>(),
            provider.GetRequiredService<SegmentStore>(),
            places.Connect,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SightingReporter>>()));
        services.AddSingleton(provider => new DenialLog(
            provider.GetRequiredService<NodeState>(), places.Folder, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<DenialLog>>()));
        services.AddHostedService(provider => provider.GetRequiredService<DenialLog>());
        services.AddSingleton(provider => new FailOpenLog(
            provider.GetRequiredService<CheckCounters>(), places.Folder, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<FailOpenLog>>()));
        services.AddHostedService(provider => provider.GetRequiredService<FailOpenLog>());
        services.AddSingleton<PositionReporter>();
        services.AddHostedService(provider => new FeedFollower(
            provider.GetRequiredService<NodeState>(),
            provider.GetRequiredService<NodeStore>(),
            provider.GetRequiredService<SnapshotDownloader>(),
            provider.GetRequiredService<PositionReporter>(),
            places.Connect,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<FeedFollower>>()));
        return services;
    }

    /// <summary>Adds the door for Diameter peers to the node.</summary>
    public static IServiceCollection AddS13(this IServiceCollection services, S13Options places)
    {
        services.AddSingleton(places);
        services.AddSingleton<S13Listener>();
        services.AddSingleton<S13Metrics>();
        return services.AddHostedService(provider => provider.GetRequiredService<S13Listener>());
    }

    /// <summary>Adds the index at the centre, beside the registrar: its digests for checkpoints, unless a node's are
    /// there, and its snapshots for nodes that ask.</summary>
    public static IServiceCollection AddCentreIndex(this IServiceCollection services, string folder,
        SnapshotOptions plan,
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
            plan,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<RegistrarIndex>>()));
        return services;
    }

    /// <summary>Says "busy" where the node has more to do than it can. First of everything that looks at a request;
    /// <paramref name="refusalOf"/> says why a caller may not call a method; null: it may.</summary>
    public static void UseShedding(this IApplicationBuilder app, Func<HttpContext, string, RpcException?> refusalOf) =>
        LoadSheddingMiddleware.Use(app, app.ApplicationServices.GetRequiredService<OverloadDetector>(), refusalOf);

    /// <summary>Maps the node's gRPC services; <paramref name="checks"/> and <paramref name="node"/> say where they are
    /// to be found.</summary>
    public static void MapAttach(this IEndpointRouteBuilder endpoints,
        Action<IEndpointConventionBuilder> checks, Action<IEndpointConventionBuilder> node)
    {
        checks(endpoints.MapGrpcService<AttachGrpcService>());
        node(endpoints.MapGrpcService<NodeGrpcService>());
        _ = endpoints.ServiceProvider.GetRequiredService<CheckRate>();
        _ = endpoints.ServiceProvider.GetService<S13Metrics>();
        _ = endpoints.ServiceProvider.GetRequiredService<AttachMetrics>();         // observed from here on
    }

    /// <summary>Makes the node a 5G-EIR; the server leads requests to its <see cref="N17Interface"/>.</summary>
    public static IServiceCollection AddN17(this IServiceCollection services, N17Options plan)
    {
        services.AddSingleton(plan);
        services.AddSingleton<N17Interface>();
        if (plan.Nrf is not null) services.AddHostedService<NrfRegistration>();
        return services;
    }
}
