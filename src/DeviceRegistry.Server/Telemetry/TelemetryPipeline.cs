using System.Reflection;
using Npgsql;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace DeviceRegistry.Server.Telemetry;

/// <summary>Collects the process's instruments for /metrics and, if a collector is configured, sends them and spans to
/// it (OTLP over HTTP). A collector that is slow or unreachable delays no call: what it does not accept in time is
/// dropped.</summary>
internal static class TelemetryPipeline
{
    /// <summary>Version of the program, set by the build.</summary>
    public static string Version { get; } =
        typeof(TelemetryPipeline).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion ?? "unknown";

    /// <summary>Adds the providers of instruments and, with a collector, of spans.</summary>
    public static void AddTelemetry(this IServiceCollection services, ServerOptions options)
    {
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(self => self.AddService("device-registry", serviceVersion: Version)
                .AddAttributes([new("device_registry.roles", options.Roles.ToString())]))
            .WithMetrics(metrics =>
            {
                // Perf: of ASP.NET Core's meters only Kestrel's. That of each request would count and time every check
                // a second time (src/decisions/0002-metrics-exporter.md).
                metrics.AddMeter("DeviceRegistry.*", "Microsoft.AspNetCore.Server.Kestrel", "Polly")
                    .AddRuntimeInstrumentation().AddNpgsqlInstrumentation()
                    .AddPrometheusExporter(page =>
                    {
                        // No cache: a page shows the values at the time of the request. No otel_scope_ labels.
                        page.ScrapeResponseCacheDurationMilliseconds = 0;
                        page.ScrapeResponseTimeoutMilliseconds = (int)Limits.MetricsReadTimeout.TotalMilliseconds;
                        page.ScopeInfoEnabled = false;
                    });
                if (options.OtlpEndpoint.Length > 0) metrics.AddOtlpExporter((exporter, reader) =>
                {
                    Send(exporter, options.OtlpEndpoint, "v1/metrics");
                    reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds =
                        (int)Limits.MetricsInterval.TotalMilliseconds;
                });
            });
        if (options.OtlpEndpoint.Length > 0) telemetry.WithTracing(traces => traces
            .AddSource("Microsoft.AspNetCore", "System.Net.Http", "Grpc.Net.Client").AddNpgsql()
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(options.TraceSampleRatio)))
            .AddOtlpExporter(exporter => Send(exporter, options.OtlpEndpoint, "v1/traces")));
    }

    /// <summary>Starts to collect. Without this call nothing before the start of the server is counted.</summary>
    public static void StartTelemetry(this IServiceProvider services)
    {
        _ = services.GetRequiredService<MeterProvider>();
        _ = services.GetService<TracerProvider>();
    }

    /// <summary>Sends what was collected last. Waits for the collector for a short time only.</summary>
    public static void StopTelemetry(this IServiceProvider services)
    {
        services.GetService<TracerProvider>()?.Shutdown((int)Limits.CollectorFlushTimeout.TotalMilliseconds);
        services.GetRequiredService<MeterProvider>().Shutdown((int)Limits.CollectorFlushTimeout.TotalMilliseconds);
    }

    private static void Send(OtlpExporterOptions exporter, string collector, string path)
    {
        exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
        exporter.Endpoint = new Uri($"{collector.TrimEnd('/')}/{path}");
        exporter.TimeoutMilliseconds = (int)Limits.CollectorTimeout.TotalMilliseconds;
    }
}
