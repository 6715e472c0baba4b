using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace DeviceRegistry.Server.Telemetry;

/// <summary>An instrument as Prometheus reads it: text format 0.0.4, names with base units, counters in
/// _total.</summary>
internal static class PrometheusText
{
    /// <summary>Content type of a page of it.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Appends one instrument with all its points.</summary>
    public static void Append(StringBuilder page, Metric metric)
    {
        var type = metric.MetricType switch
        {
            MetricType.LongSum or MetricType.DoubleSum => "counter",
            MetricType.Histogram => "histogram",
            // has no place in this format, and nothing of ours is one
            MetricType.ExponentialHistogram => null,
            _ => "gauge",
        };
        if (type is null) return;

        var name = NameOf(metric, type);
        page.Append(null,
            $"# HELP {name} {metric.Description.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n",
                StringComparison.Ordinal)}\n# TYPE {name} {type}\n");
        foreach (ref readonly var point in metric.GetMetricPoints())
            switch (metric.MetricType)
            {
                case MetricType.Histogram:
                    AppendHistogram(page, name, point);
                    break;
                case MetricType.LongSum or MetricType.LongSumNonMonotonic:
                    Line(page, name, point.Tags, point.GetSumLong());
                    break;
                case MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic:
                    Line(page, name, point.Tags, point.GetSumDouble());
                    break;
                case MetricType.LongGauge:
                    Line(page, name, point.Tags, point.GetGaugeLastValueLong());
                    break;
                default:
                    Line(page, name, point.Tags, point.GetGaugeLastValueDouble());
                    break;
            }
    }

    // The count is what the buckets add up to, so that the page agrees with itself.
    private static void AppendHistogram(StringBuilder page, string name, in MetricPoint point)
    {
        var count = 0L;
        foreach (var bucket in point.GetHistogramBuckets())
            Line(page, name + "_bucket", point.Tags, count += bucket.BucketCount, Text(bucket.ExplicitBound));
        Line(page, name + "_sum", point.Tags, point.GetHistogramSum());
        Line(page, name + "_count", point.Tags, count);
    }

    private static void Line(StringBuilder page, string name, ReadOnlyTagCollection tags, double value,
        string? bound = null)
    {
        page.Append(name);
        var between = '{';
        void Label(string key, string text)
        {
            page.Append(between).Append(key).Append("=\"")
                .Append(text.Replace(@"\", @"\\", StringComparison.Ordinal)
                .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal))
                .Append('"');
            between = ',';
        }

        foreach (var (key, text) in tags) Label(Plain(key), Convert.ToString(text, CultureInfo.InvariantCulture) ?? "");
        if (bound is not null) Label("le", bound);
        if (between is ',') page.Append('}');
        page.Append(' ').Append(Text(value)).Append('\n');
    }

    private static string NameOf(Metric metric, string type)
    {
        var unit = metric.Unit switch { "s" => "_seconds", "ms" => "_milliseconds", "By" => "_bytes",
            "1" when type is "gauge" => "_ratio", _ => "" };
        var name = Plain(metric.Name);
        if (!name.EndsWith(unit, StringComparison.Ordinal)) name += unit;
        return type is "counter" && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    private static string Plain(string name) => string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));

    private static string Text(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };
}
