using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Attach.Doors.Grpc;
using DeviceRegistry.Attach.Doors.N17;
using DeviceRegistry.Attach.Doors.S13;
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
public sealed record NodePlaces(string Folder, string OwnKey, X509Certificate2 Root, SnapshotPlan Snapshots,
    Func<CancellationToken, Task<GrpcChannel>> Connect);

/// <summary>Composes an attach node for the server that runs it.</summary>
public static class AttachSetup
{
    /// <summary>Largest message of the feed a channel to the registrar must take.</summary>
    public const int FeedMessageBytesMax = Limits.FeedMessageBytesMax;

    /// <summary>Adds a node.</summary>
    public static IServiceCollection AddAttach(this IServiceCollection services, NodePlaces places)
    {
        services.AddSingleton<CheckCounters>();
        services.AddSingleton<AttachService>();
        services.AddSingleton<AttachMetrics>();
        services.AddSingleton<LoadGauge>();
        services.AddSingleton<CheckRate>();

        // One for all calls: they hold no call, and making one for each costs more than an answer.
        services.AddSingleton<GrpcDoor>();
        services.AddSingleton<NodeDoor>();
        services.AddSingleton<N17Counters>();

        // A directory of its own, fed by the journal alone: the node needs no database even when a registrar runs
        // beside it.
        services.AddSingleton<StateDigests>();
        services.AddSingleton(provider =>
            new NodeState(places.OwnKey, new MemberDirectory(), provider.GetRequiredService<StateDigests>(),
            places.Root, new SubscriberKey(places.Folder)));
        services.AddSingleton(_ => new FeedLog(places.Folder));
        services.AddSingleton(provider => new NodeMemory(
            provider.GetRequiredService<NodeState>(),
            provider.GetRequiredService<FeedLog>(),
            new SnapshotFolder(places.Folder,
                provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SnapshotFolder>>()),
            places.Snapshots,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<NodeMemory>>()));
        services.AddSingleton(provider => new SnapshotFetch(
            provider.GetRequiredService<NodeState>(), provider.GetRequiredService<NodeMemory>(), places.Snapshots,
            places.Folder, provider.GetRequiredService<ILogger<SnapshotFetch>>()));
        services.AddSingleton<SightingCollector>();
        services.AddSingleton(_ => new SegmentFolder(Path.Combine(places.Folder, "sightings")));
        services.AddHostedService(provider => new SightingReporter(
            provider.GetRequiredService<SightingCollector>(),
            provider.GetRequiredService<SegmentFolder>(),
            places.Connect,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SightingReporter>>()));
        services.AddSingleton(provider => new RefusalLog(
            provider.GetRequiredService<NodeState>(), places.Folder, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<RefusalLog>>()));
        services.AddHostedService(provider => provider.GetRequiredService<RefusalLog>());
        services.AddSingleton(provider => new FailOpenLog(
            provider.GetRequiredService<CheckCounters>(), places.Folder, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<FailOpenLog>>()));
        services.AddHostedService(provider => provider.GetRequiredService<FailOpenLog>());
        services.AddSingleton<StandingReporter>();
        services.AddHostedService(provider => new IndexKeeper(
            provider.GetRequiredService<NodeState>(),
            provider.GetRequiredService<NodeMemory>(),
            provider.GetRequiredService<SnapshotFetch>(),
            provider.GetRequiredService<StandingReporter>(),
            places.Connect,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<IndexKeeper>>()));
        return services;
    }

    /// <summary>Adds the door for Diameter peers to the node.</summary>
    public static IServiceCollection AddS13(this IServiceCollection services, S13Places places)
    {
        services.AddSingleton(places);
        services.AddSingleton<S13Door>();
        services.AddSingleton<S13Metrics>();
        return services.AddHostedService(provider => provider.GetRequiredService<S13Door>());
    }

    /// <summary>Adds the index at the centre, beside the registrar: its digests for checkpoints, unless a node's are
    /// there, and its snapshots for nodes that ask.</summary>
    public static IServiceCollection AddCentreIndex(this IServiceCollection services, string folder, SnapshotPlan plan,
        bool besideNode, Func<IServiceProvider, CentreJournal> journal)
    {
        services.AddSingleton<PublicSnapshots>();
        if (!besideNode) services.AddSingleton<StateDigests>();
        services.AddHostedService(provider => new CentreIndex(
            new NodeState("", new MemberDirectory(), besideNode ? null : provider.GetRequiredService<StateDigests>()),
            new SnapshotFolder(folder,
                provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SnapshotFolder>>()),
            provider.GetRequiredService<PublicSnapshots>(),
            journal(provider),
            plan,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<CentreIndex>>()));
        return services;
    }

    /// <summary>Says "busy" where the node has more to do than it can. First of everything that looks at a request;
    /// <paramref name="refusalOf"/> says why a caller may not call a method; null: it may.</summary>
    public static void UseShedding(this IApplicationBuilder app, Func<HttpContext, string, RpcException?> refusalOf) =>
        Shedding.Use(app, app.ApplicationServices.GetRequiredService<LoadGauge>(), refusalOf);

    /// <summary>Maps the node's gRPC services; <paramref name="checks"/> and <paramref name="node"/> say where they are
    /// to be found.</summary>
    public static void MapAttach(this IEndpointRouteBuilder endpoints,
        Action<IEndpointConventionBuilder> checks, Action<IEndpointConventionBuilder> node)
    {
        checks(endpoints.MapGrpcService<GrpcDoor>());
        node(endpoints.MapGrpcService<NodeDoor>());
        _ = endpoints.ServiceProvider.GetRequiredService<CheckRate>();
        _ = endpoints.ServiceProvider.GetService<S13Metrics>();
        _ = endpoints.ServiceProvider.GetRequiredService<AttachMetrics>();         // observed from here on
    }

    /// <summary>Makes the node a 5G-EIR; the server leads requests to its <see cref="N17Door"/>.</summary>
    public static IServiceCollection AddN17(this IServiceCollection services, N17Plan plan)
    {
        services.AddSingleton(plan);
        services.AddSingleton<N17Door>();
        if (plan.Nrf is not null) services.AddHostedService<NrfRegistration>();
        return services;
    }
}
