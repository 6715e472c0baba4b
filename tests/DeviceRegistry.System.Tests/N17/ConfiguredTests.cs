using System.Security.Cryptography;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Server.Access;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests.N17;

/// <summary>A node with every N17 option: an API root with a path, access tokens, and a policy that answers "unknown"
/// for equipment without an IMEI.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class ConfiguredTests
{
    private static readonly ECDsa Nrf = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static RegistryProcess _server = null!;

    [OneTimeSetUp]
    public static async Task Start()
    {
        var folder = Registry.NewFolder();
        var keys = Path.Combine(folder, "nrf.pem");
        await File.WriteAllTextAsync(keys, Nrf.ExportSubjectPublicKeyInfoPem());
        _server = await RegistryProcess.StartAsync(
            folder, "--demo", "--database", Registry.ConnectionString(await Registry.Cluster.CloneAsync()),
            "--n17-port", "0", "--n17-api-root", "http://eir.example:7777/operator/a", "--n17-token-keys", keys);
        var first = new PolicyService.PolicyServiceClient(_server.Channel("registrar", "regulator-a"));
        var policy = (await first.GetPolicyAsync(new GetPolicyRequest())).Policy;
        policy.Operators.Single(o => o.Party == "opco-a").UnknownAnswer = UnknownAnswer.Unknown;
        var proposed = await first.ProposePolicyAsync(
            new ProposePolicyRequest { Reference = Registry.NewReference(), Policy = policy });
        var approved = await new PolicyService.PolicyServiceClient(_server.Channel("registrar", "regulator-b"))
            .ApprovePolicyAsync(new ApprovePolicyRequest
            {
                Reference = Registry.NewReference(),
                Version = proposed.Version
            });
        await Registry.AppliedAsync(approved.JournalPosition,
            new AttachService.AttachServiceClient(_server.Channel("attach", "operator-a")));
    }

    [OneTimeTearDown]
    public static async Task Stop()
    {
        await _server.DisposeAsync();
        Nrf.Dispose();
    }

    // Open5GS treats a 404 without a cause as a failure.
    [Test]
    public async Task Quirk_2_and_7_unknown_equipment_gets_404_with_a_cause_by_policy()
    {
        var (status, type, body) = await AskAsync("/operator/a", "mac-00-11-22-33-44-55", Good);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(status, Is.EqualTo(404));
            Assert.That(type, Is.EqualTo("application/problem+json"));
        }

        Assert.That(body, Does.Contain("\"cause\":\"ERROR_EQUIPMENT_UNKNOWN\"").And.Contain("\"status\":404"));
    }

    [Test]
    public async Task Requests_are_answered_only_under_the_path_of_the_api_root()
    {
        var (there, elsewhere) = (await AskAsync("/operator/a", "imei-86650704004053", Good),
            await AskAsync("", "imei-86650704004053", Good));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(there.Status, Is.EqualTo(200));
            Assert.That(elsewhere.Status, Is.EqualTo(404));
        }
    }

    [Test]
    public async Task Only_a_request_with_a_valid_token_is_answered()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var statuses = new List<int>();
        foreach (var token in (string?[])[Good, null, Made(Nrf, "n5g-eir-eic", -60), Made(other, "n5g-eir-eic", 3_600),
            Made(Nrf, "nudm-sdm", 3_600)])
            statuses.Add((await AskAsync("/operator/a", "imei-86650704004053", token)).Status);

        Assert.That(statuses, Is.EqualTo(new[] { 200, 401, 401, 401, 403 }));
    }

    [Test]
    public async Task A_token_for_the_nodes_own_instance_is_valid()
    {
        var instance = N17Options.InstanceOf(CertificateAuthenticator.KeyOf(_server.Certificate("node-a1")));

        var token = TestToken.Make(Nrf, new[] { instance.ToString() }, "n5g-eir-eic",
            TimeProvider.System.GetUtcNow().AddHours(1));

        Assert.That((await AskAsync("/operator/a", "imei-86650704004053", token)).Status, Is.EqualTo(200));
    }

    [TestCase("--n17-token-keys", "/nowhere/at/all", "there is no such file")]
    [TestCase("--nrf", "http://nrf.example:7777", "no N17 door is open")]
    [TestCase("--n17-listen", "everywhere", "no IP address")]
    [TestCase("--n17-api-root", "eir.example", "must be an address")]
    public async Task An_invalid_configuration_is_refused_with_advice(string option, string value,
        string why)
    {
        var (code, output) = await RunAsync(option, value);

        Assert.That(code, Is.EqualTo(2), output);
        Assert.That(output, Does.Contain(option).And.Contain(why));
    }

    [Test]
    public async Task A_file_without_keys_is_refused_before_the_listeners_start()
    {
        var (code, output) = await RunAsync("--demo", "true", "--state", Registry.NewFolder(), "--n17-port", "0",
            "--n17-token-keys", Path.Combine(Scripts.Checkout, "README.md"));

        Assert.That(code, Is.EqualTo(2), output);
        Assert.That(output, Does.Contain("no keys can be read from it"));
    }

    [Test]
    public async Task The_demo_listens_in_cleartext_on_loopback_only()
    {
        var (code, output) = await RunAsync("--demo", "true", "--state", Registry.NewFolder(), "--n17-port", "0",
            "--n17-listen", "0.0.0.0");

        Assert.That(code, Is.EqualTo(2), output);
        Assert.That(output, Does.Contain("good for loopback only"));
    }

    private static string Good => Made(Nrf, "n5g-eir-eic", 3_600);

    private static string Made(ECDsa key, string scope, int seconds) =>
        TestToken.Make(key, "5G_EIR", scope, TimeProvider.System.GetUtcNow().AddSeconds(seconds));

    private static Task<(int Code, string Output)> RunAsync(params string[] options) =>
        Scripts.RunAsync(AppContext.BaseDirectory, "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "DeviceRegistry.Server.dll"), "--database",
            Registry.ConnectionString(Registry.Database), .. options]);

    private static async Task<(int Status, string Type, string Body)> AskAsync(string prefix, string pei, string? token)
    {
        using var amf = Amf.At(_server);
        return await amf.SendAsync($"{prefix}/n5g-eir-eic/v1/equipment-status?pei={pei}", token is null ? []
            : [("authorization", "Bearer " + token)]);
    }
}
