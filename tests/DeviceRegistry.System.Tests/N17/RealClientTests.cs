using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.N17;

/// <summary>Independent client programs. Each test prints what the client did, and deploy/test.sh sums it up.</summary>
[CancelAfter(Patience.TestMs)]
public sealed partial class RealClientTests
{
    private static string Url(EndPoint at, string pei) => $"http://{at}/n5g-eir-eic/v1/equipment-status?pei={pei}";

    [Test]
    public async Task H2load_gets_ten_thousand_correct_answers()
    {
        const int Each = 2_500;
        var (white, black) = ((await Registry.GivenReleasedAsync())[0].First, TestImei.Next());
        await Registry.GivenBlockedAsync(black);
        var at = Registry.Server.Address("n17");

        // The bodies for white and black are 24 bytes long, for grey 23. The sum of the bodies and the node's count by
        // verdict together exclude a wrong answer.
        var urls = Path.Combine(Registry.NewFolder(), "urls");
        await File.WriteAllLinesAsync(urls,
            [Url(at, $"imei-{white.Printed}"), Url(at, $"imeisv-{black.Digits}01"), Url(at, "imei-352906118888880"),
            Url(at, "mac-00-11-22-33-44-55")]);
        var (before, code, output) = (new Dictionary<string, long>(), 0, "");
        await Registry.UntilAsync(async _ =>
        {
            var overloaded = await OverloadedAsync();
            before = await CountsAsync();
            (code, output) = await Scripts.RunAsync(Registry.NewFolder(), "h2load",
                ["-n", $"{4 * Each}", "-c", "4", "-m", "20", "-i", urls]);

            // On a busy machine the node rejects some; h2load does not send them again.
            return await OverloadedAsync() == overloaded;
        });

        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Contain("10000 succeeded, 0 failed, 0 errored").And.Contain(
            "status codes: 10000 2xx, 0 3xx, 0 4xx, 0 5xx"));
        Assert.That(DataBytes().Match(output).Groups[1].Value, Is.EqualTo($"{Each * (24 + 24 + 23 + 24)}"), output);
        var after = await CountsAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(after["ALLOW"] - before["ALLOW"], Is.EqualTo(2L * Each));
            Assert.That(after["DENY"] - before["DENY"], Is.EqualTo((long)Each));
            Assert.That(after["TRACK"] - before["TRACK"], Is.EqualTo((long)Each));
        }

        await SayAsync("h2load", 4 * Each);
    }

    // One request for each process: curl of Debian 12 cannot reuse a cleartext connection with prior knowledge.
    [Test]
    public async Task Quirk_10_curl_gets_an_answer_from_each_process()
    {
        var at = Registry.Server.Address("n17");
        (string Pei, string Said)[] asked =
        [
            ("imei-352906118888880", "2 200 application/json {\"status\":\"GREYLISTED\"}"),
            ("mac-00-11-22-33-44-55", "2 200 application/json {\"status\":\"WHITELISTED\"}"),
            ("imei-ABC", "2 200 application/json {\"status\":\"BLACKLISTED\"}"),
            ("", "2 400 application/problem+json {\"title\""),
        ];
        foreach (var (pei, reply) in asked)
        {
            var (code, output) = (0, "");
            await Registry.UntilAsync(async _ =>
            {
                (code, output) = await Scripts.RunAsync(Registry.NewFolder(), "sh",
                    ["-c", $"body=$(mktemp -p .) && curl -sS --http2-prior-knowledge --noproxy '*' -o $body -w " +
                    $"'%{{http_version}} %{{http_code}} %{{content_type}} ' '{Url(at, pei)}' && cat $body"]);
                return !output.Contains(N17Reply.Overloaded.Text, StringComparison.Ordinal);
            });

            Assert.That(code, Is.Zero, output);
            Assert.That(output, Does.StartWith(reply));
        }

        await SayAsync("curl", asked.Length);
    }

    [Test]
    public async Task Tshark_decodes_every_byte_as_http_2()
    {
        var capture = new PacketCapture(7777);
        await using (var wire = FaultInjectingProxy.To(Registry.Server.Address("n17")))
        {
            wire.Heard = capture.Take;
            using var amf = new Amf($"http://{wire.At}");
            foreach (var pei in (string[])["imeisv-8665070400405301", "imei-352906118888880", "mac-00-11-22-33-44-55",
                ""]) await amf.AskAsync($"?pei={pei}");
        }

        var file = Path.Combine(Registry.NewFolder(), "n17.pcap");
        capture.Save(file);
        var all = await TsharkAsync(file, "http2");
        var answers = await TsharkAsync(file, "http2.headers.status", "-e", "http2.headers.status");
        var bad = await TsharkAsync(file, "_ws.malformed || tcp.analysis.lost_segment || http2.goaway.error > 0");

        Assert.That(all, Has.Length.GreaterThanOrEqualTo(8), "four questions and four answers, one after the other");
        // On a busy machine the node rejects some with 503, which the AMF sends again.
        Assert.That(string.Join(' ', answers.SelectMany(a => a.Split('\t').Last().Split(','))
            .Where(status => status is not "503")), Is.EqualTo("200 200 200 400"));
        Assert.That(bad, Is.Empty);
        await SayAsync("tshark", all.Length);
    }

    private static async Task<string[]> TsharkAsync(string file, string filter, params string[] fields)
    {
        // tshark writes its warnings about root and missing folders to standard error.
        var (code, output) = await Scripts.RunAsync(
            Path.GetDirectoryName(file)!, "sh",
            ["-c", "exec 2>tshark.err; exec \"$@\"", "sh", "tshark", "-n", "-r", file, "-d", "tcp.port==7777,http2",
            "-Y", filter, "-T", "fields", "-e", "frame.number", .. fields]);
        Assert.That(code, Is.Zero, output
            + await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(file)!, "tshark.err")));
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static async Task<string> MetricsAsync()
    {
        using var http = new HttpClient();
        return await http.GetStringAsync(new Uri($"http://{Registry.Server.Address("web")}/metrics"));
    }

    // Requests that the node rejected as overloaded so far.
    private static async Task<string> OverloadedAsync() => Overloaded().Match(await MetricsAsync()).Groups[1].Value;

    private static async Task<Dictionary<string, long>> CountsAsync()
    {
        var counts = Checks().Matches(await MetricsAsync()).GroupBy(m => m.Groups[1].Value)
            .ToDictionary(g => g.Key, g => g.Sum(m => long.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture)));
        foreach (var verdict in (string[])["ALLOW", "TRACK", "DENY"]) counts.TryAdd(verdict, 0);
        return counts;
    }

    private static Task SayAsync(string client, int count) =>
        TestContext.Progress.WriteLineAsync($"real client {client}: {count}");

    [GeneratedRegex(@"headers \(space savings [^)]*\), \S+ \((\d+)\) data")]
    private static partial Regex DataBytes();

    [GeneratedRegex("""device_registry_n17_problems_total\{cause="NF_CONGESTION",status="503"\} (\d+)""")]
    private static partial Regex Overloaded();

    [GeneratedRegex("""device_registry_checks_total\{interface="n17",reason="\w+",verdict="(\w+)"\} (\d+)""")]
    private static partial Regex Checks();
}
