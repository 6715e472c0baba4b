using System.Diagnostics;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Appeals;
using DeviceRegistry.Registrar.Feed;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.Registrar.Parties;
using DeviceRegistry.Registrar.Parties.Changes;
using DeviceRegistry.Registrar.Proof;
using DeviceRegistry.Registrar.Reads;
using DeviceRegistry.Registrar.Recovery;
using DeviceRegistry.Registrar.Registration;
using DeviceRegistry.Registrar.Sightings;
using DeviceRegistry.Registrar.State;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace DeviceRegistry.Registrar;

/// <summary>Registers and maps the registrar's services for the server that hosts it.</summary>
public static class RegistrarSetup
{
    /// <summary>Adds the registrar's services. <paramref name="connectionString"/> logs in as the service role, the
    /// only database credential of the process.</summary>
    public static IServiceCollection AddRegistrar(this IServiceCollection services, string connectionString,
        CheckpointOptions checkpoints, PseudonymKeyOptions keys)
    {
        services.AddSingleton(checkpoints);
        services.AddSingleton(keys);
        services.AddSingleton<Pseudonyms>();
        services.AddSingleton(_ => DataSource(connectionString));
        services.AddDbContextFactory<RegistryContext>((provider, options) =>
            options.UseNpgsql(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<DurabilityGate>();
        services.AddSingleton<RegistryWriter>();
        services.AddSingleton<JournalReader>();
        services.AddSingleton<Resilience>();
        services.AddSingleton<IdempotentWrites>();
        services.AddSingleton<Database>();
        services.AddSingleton<Uploads>();
        services.AddSingleton<RegistrarMetrics>();
        services.AddSingleton<BatchUploads>();
        services.AddSingleton<BatchOverlapGate>();
        services.AddSingleton<BatchFinalizer>();
        services.AddSingleton<BatchPipeline>();
        services.AddSingleton<BatchWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<BatchWorker>());
        services.AddSingleton<BatchWatch>();
        services.AddSingleton<BatchCertification>();
        services.AddSingleton<UnitLifecycle>();
        services.AddSingleton<BoardSwap>();
        services.AddSingleton<TacImport>();
        services.AddSingleton<OrderSignatures>();
        services.AddSingleton<OrderDrafts>();
        services.AddSingleton<OrderWorkflow>();
        services.AddSingleton<OrderWatch>();
        services.AddSingleton<AppealWorkflow>();
        services.AddSingleton<OrderClock>();
        services.AddHostedService(provider => provider.GetRequiredService<OrderClock>());
        services.AddSingleton<EnforcementWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<EnforcementWatch>());
        services.AddSingleton<FailOpenReports>();
        services.AddSingleton<NodeReports>();
        services.AddSingleton<PartyCommands>();
        services.AddSingleton<ChangeApproval>();
        services.AddSingleton<PolicyCommands>();
        services.AddSingleton<MemberDirectoryLoader>();
        services.AddSingleton<SightingIntake>();
        services.AddSingleton<CheckpointSigner>();
        services.AddHostedService(provider => provider.GetRequiredService<CheckpointSigner>());
        services.AddSingleton<OrderProofs>();
        services.AddSingleton<StateVerification>();
        services.AddSingleton<JournalTail>();
        services.AddSingleton<PublicJournal>();
        services.AddSingleton<SnapshotServer>();
        services.AddHostedService(provider => provider.GetRequiredService<JournalTail>());
        return services;
    }

    /// <summary>Maps the registrar's gRPC services; <paramref name="place"/> binds each one to its listeners.</summary>
    public static void MapRegistrar(this IEndpointRouteBuilder endpoints, Action<IEndpointConventionBuilder> place)
    {
        place(endpoints.MapGrpcService<RegistrationService>());
        place(endpoints.MapGrpcService<OrdersService>());
        place(endpoints.MapGrpcService<AppealsService>());
        place(endpoints.MapGrpcService<PartiesService>());
        place(endpoints.MapGrpcService<ChangesService>());
        place(endpoints.MapGrpcService<PolicyService>());
        place(endpoints.MapGrpcService<RegistryService>());
        place(endpoints.MapGrpcService<FeedService>());
        place(endpoints.MapGrpcService<SightingsService>());
        place(endpoints.MapGrpcService<RecoveryService>());
        place(endpoints.MapGrpcService<ProofService>());
        place(endpoints.MapGrpcService<StateService>());
        // created to register its instruments
        _ = endpoints.ServiceProvider.GetRequiredService<RegistrarMetrics>();
    }

    private static NpgsqlDataSource DataSource(string connectionString)
    {
        // The data source has a name because Npgsql's metrics would otherwise carry the connection string. Only
        // statements of a call become spans: the journal tail polls four times a second without end, and spans of polls
        // carry no information.
        var builder = new NpgsqlDataSourceBuilder(connectionString) { Name = "registry" };
        builder.ConnectionStringBuilder.CommandTimeout = (int)Limits.DatabaseWorkTimeout.TotalSeconds;

        // Frequent statements are prepared once per connection but planned for each execution: a generic plan assumes
        // arrays of ten elements, and pieces have 65,536.
        builder.ConnectionStringBuilder.MaxAutoPrepare = Limits.StatementsPrepared;
        builder.ConnectionStringBuilder.Options =
            $"{builder.ConnectionStringBuilder.Options} -c plan_cache_mode=force_custom_plan".TrimStart();
        builder.ConfigureTracing(traces => traces.ConfigureCommandFilter(_ => Activity.Current is not null)
            .ConfigureBatchFilter(_ => Activity.Current is not null));
        return builder.Build();
    }
}
