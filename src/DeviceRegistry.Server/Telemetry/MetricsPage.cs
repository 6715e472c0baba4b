using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace DeviceRegistry.Server.Telemetry;

/// <summary>/metrics: every instrument of the process, read when it is asked for.</summary>
[ExportModes(ExportModes.Pull)]
internal sealed class MetricsPage : BaseExporter<Metric>, IPullMetricExporter
{
    private readonly Lock _one = new();
    private string _page = "";

    /// <inheritdoc/>
    public Func<int, bool>? Collect { get; set; }

    /// <summary>The page as it is now. One reader at a time: the others wait for theirs.</summary>
    public string Read()
    {
        lock (_one) return Collect!((int)Limits.MetricsReadMost.TotalMilliseconds) ? _page
            : throw new InvalidOperationException("The instruments could not be read in time.");
    }

    /// <inheritdoc/>
    public override ExportResult Export(in Batch<Metric> batch)
    {
        var page = new StringBuilder();
        foreach (var metric in batch) PrometheusText.Append(page, metric);
        _page = page.ToString();
        return ExportResult.Success;
    }
}
