using System.Reflection;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace DeviceRegistry.Server.Telemetry;

/// <summary>Collects the process's instruments for its page and, if a collector is named, sends them and its spans
/// there (OTLP over HTTP). A collector that is slow or dead costs no call anything: what it does not take in time is
/// dropped.</summary>
internal sealed class Collectors : IDisposable
{
    private readonly MeterProvider _metrics;
    private readonly TracerProvider? _traces;

    public Collectors(ServerOptions options)
    {
        var self = ResourceBuilder.CreateDefault().AddService("device-registry", serviceVersion: Version)
            .AddAttributes([new("device_registry.roles", options.Roles.ToString())]);
        var metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(self)
            .AddMeter("DeviceRegistry.*", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime", "Npgsql")
            .AddReader(new BaseExportingMetricReader(Page));
        if (options.Otlp.Length > 0)
        {
            metrics.AddOtlpExporter((exporter, reader) =>
            {
                Send(exporter, options.Otlp, "v1/metrics");
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds =
                    (int)Limits.MetricsEvery.TotalMilliseconds;
            });
            _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(self)
                .AddSource("Microsoft.AspNetCore", "Npgsql", "System.Net.Http", "Grpc.Net.Client")
                .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(options.TraceRatio)))
                .AddOtlpExporter(exporter => Send(exporter, options.Otlp, "v1/traces"))
                .Build();
        }

        _metrics = metrics.Build();
    }

    /// <summary>Version of the program, as it was built.</summary>
    public static string Version { get; } =
        typeof(Collectors).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "unknown";

    /// <summary>The page of all instruments.</summary>
    public MetricsPage Page { get; } = new();

    /// <inheritdoc/>
    public void Dispose()
    {
        // What was seen last is sent, if the collector takes it at once.
        _traces?.Shutdown((int)Limits.CollectorFarewellMost.TotalMilliseconds);
        _metrics.Shutdown((int)Limits.CollectorFarewellMost.TotalMilliseconds);
        _traces?.Dispose();
        _metrics.Dispose();
    }

    private static void Send(OtlpExporterOptions exporter, string collector, string path)
    {
        exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
        exporter.Endpoint = new Uri($"{collector.TrimEnd('/')}/{path}");
        exporter.TimeoutMilliseconds = (int)Limits.CollectorAnswerMost.TotalMilliseconds;
    }
}
