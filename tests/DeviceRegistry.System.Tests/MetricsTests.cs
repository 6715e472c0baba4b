using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests;

/// <summary>The metrics page, parsed as strictly as Prometheus parses it.</summary>
[CancelAfter(Patience.TestMs)]
public sealed partial class MetricsTests
{
    [Test]
    public async Task The_metrics_page_is_valid_for_Prometheus()
    {
        await Registry.CheckAsync(TestImei.Next());

        var (type, text) = await ReadAsync();
        var page = new Page(text);

        Assert.That(type, Does.StartWith("text/plain").And.Contain("version=0.0.4"));
        Assert.That(page.Types.Values,
            Has.Some.EqualTo("counter").And.Some.EqualTo("gauge").And.Some.EqualTo("histogram"));
        Assert.That(page.Types.Where(t => t.Value is "counter").Select(t => t.Key), Has.All.EndsWith("_total"));
        page.RequireHistogramsToAddUp();
    }

    [TestCase("device_registry_s13_connections", "gauge")]
    [TestCase("device_registry_node_position", "gauge")]
    [TestCase("device_registry_node_lag_entries", "gauge")]
    [TestCase("device_registry_node_lag_seconds", "gauge")]
    [TestCase("device_registry_node_data_age_seconds", "gauge")]
    [TestCase("device_registry_node_ready", "gauge")]
    [TestCase("device_registry_node_clock_ahead_seconds", "gauge")]
    [TestCase("device_registry_operators_overdue", "gauge")]
    [TestCase("device_registry_nodes_clock_skewed", "gauge")]
    [TestCase("device_registry_node_halted", "gauge")]
    [TestCase("device_registry_node_devices", "gauge")]
    [TestCase("device_registry_node_orders", "gauge")]
    [TestCase("device_registry_node_entries_applied_total", "counter")]
    [TestCase("device_registry_node_feed_connects_total", "counter")]
    [TestCase("device_registry_node_feed_disconnects_total", "counter")]
    [TestCase("device_registry_node_reports_total", "counter")]
    [TestCase("device_registry_node_local_journal_write_failures_total", "counter")]
    [TestCase("device_registry_journal_position", "gauge")]
    [TestCase("device_registry_journal_commits_total", "counter")]
    [TestCase("device_registry_journal_commit_duration_seconds", "histogram")]
    [TestCase("device_registry_feed_subscribers", "gauge")]
    [TestCase("device_registry_feed_slowest_lag_entries", "gauge")]
    [TestCase("device_registry_uploads_in_flight", "gauge")]
    [TestCase("device_registry_uploads_waiting", "gauge")]
    [TestCase("device_registry_tac_imports_completed_total", "counter")]
    [TestCase("device_registry_uploads_bytes_total", "counter")]
    [TestCase("device_registry_call_duration_seconds", "histogram")]
    [TestCase("kestrel_active_connections", "gauge")]
    public async Task The_metrics_page_has(string name, string type) =>
        Assert.That(new Page((await ReadAsync()).Text).Types, Does.ContainKey(name).WithValue(type));

    [Test]
    public async Task Every_metric_on_the_page_is_documented()
    {
        var documented = await File.ReadAllTextAsync(Path.Combine(Scripts.Checkout, "deploy", "docs", "metrics.md"));

        var undocumented = new Page((await ReadAsync()).Text).Types
            .Where(t => t.Key.StartsWith("device_registry_", StringComparison.Ordinal))
            .Where(t => !documented.Contains($"| `{t.Key["device_registry_".Length..]}` | {t.Value} |",
                StringComparison.Ordinal));

        Assert.That(undocumented, Is.Empty);
    }

    [Test]
    public async Task A_check_is_counted_by_interface_verdict_and_reason()
    {
        const string Line = """device_registry_checks_total{interface="grpc",reason="FIRST_SEEN",verdict="TRACK"}""";
        await Registry.CheckAsync(TestImei.Next());
        var before = new Page((await ReadAsync()).Text).Samples[Line];

        await Registry.CheckAsync(TestImei.Next());

        Assert.That(new Page((await ReadAsync()).Text).Samples[Line], Is.EqualTo(before + 1));
    }

    [Test]
    public async Task A_refusal_is_counted_by_method_status_and_reason()
    {
        await Registry.RefusalOfAsync(async () =>
            await Registry.Orders("operator-a").DraftOrderAsync(Registry.Draft(TestImei.Next())));

        var page = new Page((await ReadAsync()).Text);

        Assert.That(page.Samples, Does.ContainKey(
            """device_registry_call_errors_total{method="/deviceregistry.v1.OrdersService/DraftOrder","""
            + """reason="NOT_ALLOWED",status="PERMISSION_DENIED"}"""));
    }

    /// <summary>A path without a method, and one that only routing treats as a method.</summary>
    [TestCase("nobody.Knows/Anything")]
    [TestCase("deviceregistry.v1.ATTACHSERVICE/check")]
    public async Task An_unknown_method_is_no_label_value(string method)
    {
        using var client = new HttpClient(Registry.Server.Handler(Registry.Server.Certificate("operator-a")));
        using var request = new HttpRequestMessage(HttpMethod.Post,
            $"https://localhost:{Registry.Server.Address("attach").Port}/{method}")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(new byte[5]),
            Headers = { { "te", "trailers" } },
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var answer = await client.SendAsync(request);

        Assert.That((await ReadAsync()).Text, Does.Not.Contain(method));
    }

    [Test]
    public async Task An_upload_is_counted_by_its_outcome()
    {
        const string Accepted = """device_registry_tac_imports_completed_total{outcome="accepted"}""",
            NotAccepted = """device_registry_tac_imports_completed_total{outcome="not_accepted"}""";
        var before = new Page((await ReadAsync()).Text).Samples;

        await Registry.ImportTacsAsync(Registry.Server, Registry.GsmaList);
        await Registry.RefusalOfAsync(() => Registry.ImportTacsAsync(Registry.Server, "no list"));
        var after = new Page((await ReadAsync()).Text).Samples;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(after[Accepted] - before[Accepted], Is.EqualTo(1.0));
            Assert.That(after[NotAccepted] - before[NotAccepted], Is.EqualTo(1.0));
        }
    }

    [Test]
    public async Task A_decided_batch_is_counted_by_its_outcome()
    {
        const string Decided = "device_registry_batches_completed_total";
        var before = new Page((await ReadAsync()).Text).Samples;

        await Registry.RegisterAsync(Registry.Header(), TestImei.DualSim(1).File);
        await Registry.RegisterAsync(Registry.Header(), "no units file"u8.ToArray());
        await Registry.UntilAsync(async _ =>
            new Page((await ReadAsync()).Text).Samples["device_registry_batches_in_progress"] is 0);
        var after = new Page((await ReadAsync()).Text).Samples;

        Assert.That(after[Decided] - before[Decided], Is.EqualTo(2.0));
    }

    private static async Task<(string Type, string Text)> ReadAsync()
    {
        using var http = new HttpClient();
        var answer = await http.GetAsync($"http://{Registry.Server.Address("web")}/metrics");
        return (answer.Content.Headers.ContentType!.ToString(), await answer.Content.ReadAsStringAsync());
    }

    /// <summary>A page in text format 0.0.4. A line that violates the format fails the test.</summary>
    private sealed partial class Page
    {
        public Dictionary<string, string> Types { get; } = [];

        public Dictionary<string, double> Samples { get; } = [];

        public Page(string text)
        {
            Assert.That(text, Does.EndWith("\n"));
            var family = "";
            foreach (var line in text.TrimEnd('\n').Split('\n'))
            {
                if (Comment().IsMatch(line)) continue;
                if (Type().Match(line) is { Success: true } type)
                {
                    family = type.Groups[1].Value;
                    Assert.That(Types.TryAdd(family, type.Groups[2].Value), Is.True,
                        $"{family} has one TYPE, and all its samples below it");
                }
                else
                {
                    var sample = Sample().Match(line);
                    Assert.That(sample.Success, Is.True, $"no sample: {line}");
                    var name = sample.Groups[1].Value;
                    Assert.That(Types[family] is "histogram" ? $"{family}_bucket {family}_sum {family}_count".Split(' ')
                        : [family], Does.Contain(name));
                    var value = sample.Groups[3].Value is "+Inf" ? double.PositiveInfinity
                        : double.Parse(sample.Groups[3].Value, CultureInfo.InvariantCulture);
                    var labels = sample.Groups[2].Value is "{}" ? "" : sample.Groups[2].Value;
                    Assert.That(Samples.TryAdd(name + labels, value), Is.True, $"twice: {line}");
                }
            }
        }

        public void RequireHistogramsToAddUp()
        {
            var buckets = Samples.Where(s => s.Key.Contains("_bucket{", StringComparison.Ordinal))
                .GroupBy(s => Bound().Replace(s.Key, "").Replace("_bucket{}", "_bucket", StringComparison.Ordinal));
            foreach (var series in buckets)
            {
                Assert.That(series.Select(b => b.Value), Is.Ordered, series.Key);
                Assert.That(series.Last().Key, Does.Contain("le=\"+Inf\""));
                Assert.That(Samples[series.Key.Replace("_bucket", "_count", StringComparison.Ordinal)],
                    Is.EqualTo(series.Last().Value));
                Assert.That(Samples, Does.ContainKey(series.Key.Replace("_bucket", "_sum", StringComparison.Ordinal)));
            }
        }

        [GeneratedRegex("^# (HELP|UNIT) [a-zA-Z_][a-zA-Z0-9_]* .*$|^# EOF$")]
        private static partial Regex Comment();

        [GeneratedRegex("^# TYPE ([a-zA-Z_][a-zA-Z0-9_]*) (counter|gauge|histogram)$")]
        private static partial Regex Type();

        [GeneratedRegex(
            """^([a-zA-Z_][a-zA-Z0-9_]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\})?"""
            + """ ([+-]Inf|NaN|[-+0-9.eE]+)$""")]
        private static partial Regex Sample();

        [GeneratedRegex(",?le=\"[^\"]*\"")]
        private static partial Regex Bound();
    }
}
