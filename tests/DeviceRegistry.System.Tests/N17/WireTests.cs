using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.TestKit;
using FsCheck;
using FsCheck.Fluent;

namespace DeviceRegistry.System.Tests.N17;

/// <summary>The N17 interface of a real node over the network. Test names carry the numbers of the N17 interoperability
/// quirks (Quirk_N).</summary>
[CancelAfter(Patience.TestMs)]
public sealed class WireTests
{
    private const string White = """{"status":"WHITELISTED"}""";
    private const string Grey = """{"status":"GREYLISTED"}""";
    private const string Black = """{"status":"BLACKLISTED"}""";
    private Amf _amf = null!;

    [SetUp]
    public void SetUp() => _amf = Amf.At(Registry.Server);

    [TearDown]
    public void TearDown() => _amf.Dispose();

    [Test]
    public async Task A_device_is_white_while_compliant_and_black_under_an_order()
    {
        var imei = (await Registry.GivenReleasedAsync())[0].First;
        var before = await _amf.AskAsync($"?pei=imei-{imei.Printed}");
        await Registry.GivenBlockedAsync(imei);

        var after = await _amf.AskAsync($"?pei=imei-{imei.Printed}");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(before, Is.EqualTo((200, "application/json", White)));
            Assert.That(after, Is.EqualTo((200, "application/json", Black)));
        }
    }

    [Test]
    public async Task The_answer_depends_on_the_subscriber()
    {
        var (local, roamer) = (await _amf.AskAsync("?pei=imei-352906118888880&supi=imsi-410010000021309"),
            await _amf.AskAsync("?pei=imei-352906118888880&supi=imsi-262010000021309"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(local.Body, Is.EqualTo(Grey));
            Assert.That(roamer.Body, Is.EqualTo(White));
        }
    }

    // The 15th digit is a spare zero on the radio interface, or any digit. An Open5GS AMF sends only the 16-digit form.
    [TestCase("imei-", "")]
    [TestCase("imei-", "0")]
    [TestCase("imei-", "7")]
    [TestCase("imeisv-", "01")]
    [TestCase("imeisv-", "99")]
    public async Task Quirk_1_fourteen_fifteen_and_sixteen_digits_identify_one_device(string prefix, string tail)
    {
        var imei = TestImei.Next();
        await Registry.GivenBlockedAsync(imei);

        Assert.That((await _amf.AskAsync($"?pei={prefix}{imei.Digits}{tail}")).Body, Is.EqualTo(Black));
    }

    [TestCase("mac-00-11-22-33-44-55", White)]
    [TestCase("mac-00-11-22-33-44-55-untrusted", White)]
    [TestCase("eui-00-11-22-33-44-55-66-77", White)]
    [TestCase("imei-", Grey)]
    [TestCase("imei-ABCDEF", Black)]
    [TestCase("nothing-anybody-knows", Black)]
    [TestCase("imei-00000000000000000000", Black)]
    public async Task Quirk_2_equipment_without_an_imei_gets_the_policys_answer(string pei, string body)
    {
        Assert.That(await _amf.AskAsync($"?pei={pei}"), Is.EqualTo((200, "application/json", body)));
    }

    [Test]
    public async Task Unknown_headers_and_those_of_an_scp_are_accepted()
    {
        var reply = await _amf.SendAsync(
            "/n5g-eir-eic/v1/equipment-status?pei=imeisv-8665070400405301&supi=imsi-999700000021309"
                + "&supported-features=1&of-a-later-release=x",
            ("3gpp-sbi-target-apiroot", "http://eir.example:7777"), ("via", "SCP-scp1.example"),
            ("3gpp-sbi-discovery-target-nf-type", "5G_EIR"),
            ("3gpp-sbi-discovery-service-names", "n5g-eir-eic"), ("3gpp-sbi-correlation-info", "imsi-999700000021309"),
            ("3gpp-sbi-of-release-25", "x"));

        Assert.That(reply.Status, Is.EqualTo(200));
    }

    [Test]
    public async Task Quirk_7_every_error_is_problem_json()
    {
        var reply = new[] { await _amf.AskAsync(""), await _amf.SendAsync("/"),
            await _amf.SendAsync("/n5g-eir-eic/v9/x"), await _amf.AskAsync("?pei=imei-1" + new string('&', 2_100)) };

        Assert.That(reply.Select(s => (s.Status, s.Type)),
            Is.EqualTo(new[] { 400, 404, 400, 414 }.Select(status => (status, "application/problem+json"))));
    }

    // HTTP/2 runs over TCP, a byte stream: frames can arrive in any fragments.
    [Test]
    public async Task Quirk_9_a_request_that_arrives_byte_by_byte_is_answered()
    {
        var path = "/n5g-eir-eic/v1/equipment-status?pei=imei-352906118888880";
        // :method GET, :scheme http, :authority, :path (RFC 7541)
        byte[] fields = [0x82, 0x86, 0x41, 9, .. "localhost"u8, 0x44, (byte)path.Length,
            .. Encoding.ASCII.GetBytes(path)];
        byte[] request = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, (byte)fields.Length,
            1, 5, 0, 0, 0, 1, .. fields];
        var heard = "";
        await Registry.UntilAsync(async _ =>
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(Registry.Server.Address("n17"));
            foreach (var one in request) await socket.SendAsync(new[] { one });
            heard = await ReadUntilAsync(socket, Grey, N17Reply.Overloaded.Text);
            return !heard.Contains(N17Reply.Overloaded.Text, StringComparison.Ordinal);
        });

        Assert.That(heard, Does.Contain(Grey));
    }

    [Test]
    public async Task Bytes_that_are_not_http_2_close_only_their_connection()
    {
        foreach (var bytes in new[] { "GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), [0, 0, 0, 4, 0, 0, 0, 0, 0],
            new byte[4_000], [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Enumerable.Repeat((byte)0xFF, 400)] })
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(Registry.Server.Address("n17"));
            await socket.SendAsync(bytes);
            socket.Shutdown(SocketShutdown.Send);
            await ReadUntilAsync(socket);
        }

        Assert.That((await _amf.AskAsync("?pei=imei-352906118888880")).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task No_query_string_causes_an_exception_or_a_500()
    {
        const string Characters = "pei=su&%+;0123456789abcdefABCDEF-./imsv~!*'():@,$";
        var queries = Gen.Elements(Characters.ToCharArray()).ListOf().Select(list => new string([.. list]))
            .Sample(400, 60);

        var statuses = new List<int>();
        foreach (var query in queries) statuses.Add((await _amf.AskAsync("?pei=imei-" + query)).Status);

        Assert.That(statuses, Has.Count.EqualTo(400).And.All.AnyOf(200, 400));
    }

    [Test]
    public async Task Checks_are_counted_as_n17()
    {
        await _amf.AskAsync("?pei=mac-00-11-22-33-44-55");
        await _amf.AskAsync("");

        using var http = new HttpClient();
        var page = await http.GetStringAsync(new Uri($"http://{Registry.Server.Address("web")}/metrics"));

        Assert.That(page, Does.Match(
            """device_registry_checks_total\{interface="n17",reason="UNKNOWN_EQUIPMENT",verdict="ALLOW"\} [1-9]"""));
        Assert.That(page, Does.Match(
            """device_registry_n17_problems_total\{cause="MANDATORY_QUERY_PARAM_MISSING",status="400"\} [1-9]"""));
    }

    [TestCase("core-a1", 200)]
    [TestCase("core-b1", 403)]
    [TestCase("operator-a", 403)]
    [TestCase("regulator-a", 403)]
    [TestCase(null, 403)]
    public async Task Over_tls_only_machines_of_the_nodes_operator_are_answered(string? who, int status)
    {
        var reply = await OverTlsAsync(who is null ? null : Registry.Server.Certificate(who));

        Assert.That(reply.Status, Is.EqualTo(status), reply.Body);
    }

    [Test]
    public async Task Over_tls_a_certificate_of_another_root_is_refused_with_a_message()
    {
        var reply = await OverTlsAsync(TestCertificate.OfAnotherRoot("core-a1", "opco-a"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(reply.Status, Is.EqualTo(403));
            Assert.That(reply.Type, Is.EqualTo("application/problem+json"));
        }

        Assert.That(reply.Body, Does.Contain("not issued under the registry's root"));
    }

    private static async Task<(int Status, string Type, string Body)> OverTlsAsync(X509Certificate2? certificate)
    {
        using var amf = new Amf($"https://localhost:{Registry.Server.Address("n17tls").Port}",
            Registry.Server.Handler(certificate));
        return await amf.AskAsync("?pei=imei-352906118888880");
    }

    // Until one of the texts arrives, or the connection ends.
    private static async Task<string> ReadUntilAsync(Socket socket, params string[] texts)
    {
        var (received, bytes) = (new StringBuilder(), new byte[4096]);
        try
        {
            for (int read; !texts.Any(text => received.ToString().Contains(text, StringComparison.Ordinal))
                && (read = await socket.ReceiveAsync(bytes)) > 0;)
                received.Append(Encoding.Latin1.GetString(bytes, 0, read));
        }
        catch (SocketException)
        {
            // The server closed the connection without GOAWAY.
        }

        return received.ToString();
    }
}
