using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.RegularExpressions;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Server;
using DeviceRegistry.Server.Access;
using DeviceRegistry.Server.Certificates;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Npgsql;

namespace DeviceRegistry.System.Tests;

/// <summary>A registry without demo data: certificates by deploy/certificates.sh, members by the bootstrap file, and
/// files as docker-compose.yml lays them out.</summary>
[SupportedOSPlatform("linux")]
[CancelAfter(Patience.TestMs)]
public sealed partial class DeployTests
{
    private static readonly string[] Demanded =
    [
        "--server", $"registrar=localhost,{Address()}", "--server", "attach-a=localhost", "--node", "node-a1=opco-a",
        "--person", "regulator-a=pta", "--person", "regulator-b=pta", "--person", "operator-a=opco-a", "--person",
        "stranger=opco-a",
        "--checkpoint",
    ];

    [Test]
    public async Task A_bootstrapped_registry_works_beyond_loopback()
    {
        var (certs, otherRoot) = (await IssueAsync(Demanded), await IssueAsync("--person", "regulator-a=pta"));
        var database = await EmptyDatabaseAsync();
        await RunAsync("database", "migrate", "--database",
            Registry.Cluster.Server.ConnectionString(RegistryDatabase.OwnerRole, database));
        await RunAsync("database", "bootstrap", Path.Combine(certs, "regulator-a.pem"),
            Path.Combine(certs, "regulator-b.pem"), "--database", Registry.ConnectionString(database));
        await using var registrar = await RegistryProcess.StartAsync(await LaidOutAsync("registrar", certs),
            [.. await OptionsAsync("registrar"), "--database", Registry.ConnectionString(database),
            "--checkpoint-seconds", "300"]);
        using var regulatorA = Of(certs, "regulator-a");
        using var regulatorB = Of(certs, "regulator-b");
        await AdmitOperatorAsync(registrar.Channel("registrar", regulatorA).CreateCallInvoker(),
            registrar.Channel("registrar", regulatorB).CreateCallInvoker(), certs);

        await using var node = await RegistryProcess.StartAsync(await LaidOutAsync("attach-a", certs),
            [.. await OptionsAsync("attach-a"), "--registrar",
            $"https://{Address()}:{registrar.Address("registrar").Port}"]);
        var imei = TestImei.Next();
        var draft = await new OrdersService.OrdersServiceClient(registrar.Signer(regulatorA))
            .DraftOrderAsync(Registry.Draft(imei));
        var approved = await new OrdersService.OrdersServiceClient(registrar.Signer(regulatorB)).ApproveOrderAsync(
            new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = draft.Order.OrderNumber });
        using var operatorA = Of(certs, "operator-a");
        var attach = new AttachService.AttachServiceClient(node.Channel("attach", operatorA));
        await Registry.AppliedAsync(approved.JournalPosition, attach);

        Assert.That((await attach.CheckAsync(new CheckRequest { Imei = imei.Digits })).EvaluatedVerdict,
            Is.EqualTo(Verdict.Deny));
        Assert.That(await RefusedAsync(registrar, certs, "stranger"), Is.EqualTo("CERT_NOT_REGISTERED"));
        Assert.That(await RefusedAsync(registrar, otherRoot, "regulator-a"), Is.EqualTo("CERT_UNTRUSTED"));
        Assert.That((await HealthAsync(node.Address("web").Port)).Code, Is.Zero);
    }

    [Test]
    public async Task The_demos_certificates_are_refused_beyond_loopback()
    {
        var (code, output) = await TryAsync("--demo", "--listen", "0.0.0.0", "--roles", "Registrar,Web", "--state",
            Registry.NewFolder(), "--database", Registry.ConnectionString(Registry.Database));

        Assert.That(code, Is.EqualTo(2), output);
        Assert.That(output, Does.Contain("good for loopback only"));
    }

    [Test]
    public async Task A_repeated_bootstrap_changes_nothing()
    {
        var certs = await IssueAsync("--person", "regulator-a=pta", "--person", "regulator-b=pta", "--person",
            "regulator-c=pta");
        var database = await Registry.Cluster.CloneAsync();
        await FoundAsync(certs, database, "regulator-a", "regulator-b");

        var again = await FoundAsync(certs, database, "regulator-b", "regulator-a");
        var different = await FoundAsync(certs, database, "regulator-a", "regulator-c");

        Assert.That(again.Code, Is.Zero, again.Output);
        Assert.That(different.Code, Is.EqualTo(1), different.Output);
        Assert.That(different.Output, Does.Contain("This registry has members already"));
        Assert.That(await EntriesAsync(database), Is.EqualTo(3));
    }

    [TestCase("at least two", "regulator-a")]
    [TestCase("at least two", "regulator-a", "regulator-a")]
    [TestCase("at least two", "regulator-a", "operator-a")]
    [TestCase("another certificate's", "regulator-a", "twin")]
    [TestCase("is no certificate that can be read", "regulator-a", "nobody")]
    public async Task A_refused_bootstrap_leaves_the_registry_empty(string words, params string[] people)
    {
        var certs = await IssueAsync("--person", "regulator-a=pta", "--person", "operator-a=opco-a");
        File.Copy(Path.Combine(certs, "regulator-a.key"), Path.Combine(certs, "twin.key"));
        await IssueIntoAsync(certs, "--person", "twin=pta");
        var database = await Registry.Cluster.CloneAsync();

        var (code, output) = await FoundAsync(certs, database, people);

        Assert.That(code, Is.Not.Zero, output);
        Assert.That(output, Does.Contain(words));
        Assert.That(await EntriesAsync(database), Is.Zero);
    }

    [Test]
    public async Task A_registry_with_members_cannot_be_bootstrapped()
    {
        var certs = await IssueAsync("--person", "regulator-v=pta", "--person", "regulator-w=pta");

        var (code, output) = await FoundAsync(certs, Registry.Database, "regulator-v", "regulator-w");

        Assert.That(code, Is.EqualTo(1), output);
        Assert.That(output, Does.Contain("This registry has members already"));
    }

    [Test]
    public async Task Only_the_owner_can_read_the_issued_keys()
    {
        var certs = await IssueAsync(Demanded);

        Assert.That(Directory.GetFiles(certs, "*.key"),
            Has.Length.EqualTo(9).And.All.Matches<string>(key =>
            File.GetUnixFileMode(key!) is (UnixFileMode.UserRead | UnixFileMode.UserWrite)));
        using var root = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(certs, "root.pem"));
        Assert.That(DevelopmentAuthority.IsDevelopmentRoot(root), Is.False);
    }

    [Test]
    public async Task A_repeated_certificate_request_changes_no_file()
    {
        var certs = await IssueAsync(Demanded);
        var before = Files(certs);

        await IssueIntoAsync(certs, Demanded);

        Assert.That(Files(certs), Is.EqualTo(before));
    }

    [TestCase("exists with contents other than", "--node", "node-a1=opco-b")]
    [TestCase("exists with contents other than", "--server", "registrar=registrar.example")]
    [TestCase("given twice", "--person", "node-a1=opco-a", "--node", "node-a1=opco-a")]
    [TestCase("is not root", "--person", "root=pta")]
    [TestCase("is not root or checkpoint", "--person", "checkpoint=pta")]
    [TestCase("NAME=VALUE", "--person", "regulator-a")]
    [TestCase("a party has", "--person", "regulator-a=P/T/A")]
    [TestCase("unknown option", "--persons", "regulator-a=pta")]
    public async Task A_refused_certificate_request_changes_no_file(string words,
        params string[] demanded)
    {
        var certs = await IssueAsync(Demanded);
        var before = Files(certs);

        var (code, output) = await Scripts.RunAsync(Scripts.Checkout,
            Path.Combine(Scripts.Checkout, "deploy", "certificates.sh"), ["--out", certs, .. demanded]);

        Assert.That(code, Is.Not.Zero, output);
        Assert.That(output, Does.Contain(words));
        Assert.That(Files(certs), Is.EqualTo(before));
    }

    [Test]
    public async Task An_expiring_certificate_is_renewed_with_its_key()
    {
        var certs = await IssueAsync("--person", "regulator-a=pta");
        using (var key = ECDsa.Create())
        {
            key.ImportFromPem(await File.ReadAllTextAsync(Path.Combine(certs, "regulator-a.key")));
            using var old = TestCertificate.Issue(Path.GetDirectoryName(certs)!, "regulator-a", "pta",
                TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(29), key);
            await File.WriteAllTextAsync(Path.Combine(certs, "regulator-a.pem"), old.ExportCertificatePem());
        }

        using var before = Of(certs, "regulator-a");
        await IssueIntoAsync(certs, "--person", "regulator-a=pta");

        using var after = Of(certs, "regulator-a");
        Assert.That(CertificateAuthenticator.KeyOf(after), Is.EqualTo(CertificateAuthenticator.KeyOf(before)));
        Assert.That(after.NotAfter, Is.GreaterThan(TimeProvider.System.GetLocalNow().DateTime.AddDays(300)));
    }

    [Test]
    public async Task The_health_check_of_the_image_fails_without_a_server()
    {
        var (code, output) = await HealthAsync(int.Parse(Scripts.FreePort(), null));

        Assert.That(code, Is.Not.Zero, output);
    }

    [TestCase("migrate")]
    [TestCase("bootstrap")]
    [TestCase("registrar")]
    [TestCase("attach-a")]
    [TestCase("attach-b")]
    public async Task The_server_accepts_the_options_of_the_compose_file(string service)
    {
        var options = await OptionsAsync(service);

        Assert.That(() => OptionsReader.Read(options), Throws.Nothing);
    }

    [Test]
    public void The_server_accepts_the_options_of_the_image()
    {
        var dockerfile = File.ReadAllText(Path.Combine(Scripts.Checkout, "deploy", "images", "Dockerfile"));

        var options = Variable().Matches(dockerfile)
            .SelectMany(m => new[] { OptionOf(m.Groups[1].Value), m.Groups[2].Value }).ToList();

        Assert.That(options, Has.Count.EqualTo(4));
        Assert.That(() => OptionsReader.Read([.. options, "--database", "Host=h"]), Throws.Nothing);
    }

    [Test]
    public async Task Every_file_in_the_compose_file_exists_after_the_README_commands()
    {
        var folder = await PreparedAsReadmeSaysAsync();
        var compose = await ComposeAsync();

        var secrets = compose.GetProperty("secrets").EnumerateObject()
            .Select(s => s.Value.GetProperty("file").GetString()!);
        var builds = Services(compose).Where(s => s.Value.TryGetProperty("build", out _))
            .Select(s => "./" + s.Value.GetProperty("build").GetProperty("dockerfile").GetString());
        var named = Services(compose).SelectMany(s => Mounts(s.Value)).Select(m => m.Source).Concat(secrets)
            .Concat(builds).Distinct().ToList();

        Assert.That(named, Has.Count.GreaterThan(15));
        Assert.That(named, Has.All.Matches<string>(file => File.Exists(Path.Combine(folder, file!))
            || File.Exists(Path.Combine(Scripts.Checkout, file!))));
    }

    [Test]
    public async Task The_compose_file_mounts_the_certificates_of_its_bootstrap()
    {
        var found = (await ComposeAsync()).GetProperty("services").GetProperty("bootstrap");

        var certificates = found.GetProperty("command").EnumerateArray().Select(a => a.GetString()!).Skip(2);

        Assert.That(certificates, Is.EquivalentTo(Mounts(found).Select(m => m.Target)));
    }

    [Test]
    public async Task Database_and_operators_share_no_network()
    {
        var services = (await ComposeAsync()).GetProperty("services");
        string[] NetworksOf(string service) =>
            [.. services.GetProperty(service).GetProperty("networks").EnumerateArray().Select(n => n.GetString()!)];

        Assert.That(NetworksOf("attach-a").Concat(NetworksOf("attach-b")).Concat(NetworksOf("postgres")), Is.Unique);
        Assert.That(NetworksOf("registrar"), Is.SupersetOf(NetworksOf("attach-a").Concat(NetworksOf("attach-b"))));
    }

    [TestCase("registrar")]
    [TestCase("attach-a")]
    [TestCase("attach-b")]
    public async Task The_stop_grace_period_of_a_container_suffices(string service)
    {
        var grace = (await ComposeAsync()).GetProperty("services").GetProperty(service).GetProperty("stop_grace_period")
            .GetString()!;

        Assert.That(TimeSpan.FromSeconds(int.Parse(grace.TrimEnd('s'), null)),
            Is.GreaterThan(Limits.ShutdownTimeout + (2 * Limits.CollectorFlushTimeout)));
    }

    private static async Task<string> EmptyDatabaseAsync()
    {
        var name = $"test_{Guid.NewGuid():N}";
        await RegistryDatabase.CreateAsync(Registry.Cluster.Server.AdminConnectionString(), name,
            CancellationToken.None);
        return name;
    }

    private static async Task<long> EntriesAsync(string database)
    {
        await using var connection = new NpgsqlConnection(Registry.ConnectionString(database));
        await connection.OpenAsync();
        await using var count = new NpgsqlCommand("SELECT count(*) FROM journal", connection);
        return (long)(await count.ExecuteScalarAsync())!;
    }

    private static async Task AdmitOperatorAsync(CallInvoker first, CallInvoker second, string certs)
    {
        await Members.ChangeAsync(first, second,
            new Change
            {
                Party = new PutPartyRequest
                {
                    Name = "opco-a", Kind = PartyKind.Operator,
                    State = MembershipState.Active, Plmns = { "41001" }
                }
            });
        foreach (var (name, kind) in new[] { ("node-a1", ActorKind.Node), ("operator-a", ActorKind.Person) })
        {
            using var certificate = Of(certs, name);
            await Members.ChangeAsync(first, second, new Change
            {
                Actor = new PutActorRequest
                {
                    Name = name, Party = "opco-a", Kind = kind, State = MembershipState.Active,
                    KeyDigest = ByteString.CopyFrom(Convert.FromHexString(CertificateAuthenticator.KeyOf(certificate))),
                },
            });
        }
    }

    private static async Task<string> RefusedAsync(RegistryProcess registrar, string certs, string identity)
    {
        using var certificate = Of(certs, identity);
        var parties = new PartiesService.PartiesServiceClient(registrar.Channel("registrar", certificate));
        return Registry.ReasonOf(await Registry.RefusalOfAsync(async () =>
            await parties.WhoAmIAsync(new WhoAmIRequest())));
    }

    private static X509Certificate2 Of(string certs, string name) =>
        X509Certificate2.CreateFromPemFile(Path.Combine(certs, name + ".pem"), Path.Combine(certs, name + ".key"));

    private static async Task<string> IssueAsync(params string[] demanded)
    {
        var certs = Path.Combine(Registry.NewFolder(), "certs");
        await IssueIntoAsync(certs, demanded);
        return certs;
    }

    private static async Task IssueIntoAsync(string certs, params string[] demanded)
    {
        var (code, output) = await Scripts.RunAsync(Scripts.Checkout,
            Path.Combine(Scripts.Checkout, "deploy", "certificates.sh"), ["--out", certs, .. demanded]);
        if (code is not 0) throw new InvalidOperationException(output);
    }

    private static List<string> Files(string folder) =>
        [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal)
            .Select(f =>
            $"{f} {File.GetLastWriteTimeUtc(f):O} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f)))}")];

    private static Task<(int Code, string Output)> FoundAsync(string certs, string database, params string[] people) =>
        TryAsync(["database", "bootstrap", .. people.Select(p => Path.Combine(certs, p + ".pem")), "--database",
            Registry.ConnectionString(database)]);

    private static async Task RunAsync(params string[] arguments)
    {
        var (code, output) = await TryAsync(arguments);
        if (code is not 0) throw new InvalidOperationException(output);
    }

    private static Task<(int Code, string Output)> TryAsync(params string[] arguments) =>
        Scripts.RunAsync(AppContext.BaseDirectory, "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "DeviceRegistry.Server.dll"), .. arguments]);

    private static Task<(int Code, string Output)> HealthAsync(int port) => Scripts.RunAsync(
        Scripts.Checkout, Path.Combine(Scripts.Checkout, "deploy", "images", "healthcheck.sh"), [],
        new Dictionary<string, string> { ["DEVICEREGISTRY_WEB_PORT"] = $"{port}" });

    // An address of this machine that is not loopback, or loopback if it has no other.
    private static IPAddress Address() =>
        NetworkInterface.GetAllNetworkInterfaces().Where(i => i.OperationalStatus is OperationalStatus.Up)
        .SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => a.Address)
        .FirstOrDefault(a => a.AddressFamily is AddressFamily.InterNetwork && !IPAddress.IsLoopback(a))
            ?? IPAddress.Loopback;

    private static async Task<JsonElement> ComposeAsync()
    {
        const string ToJson =
            "import {readFileSync} from 'node:fs'; import {parse} from 'yaml'; " +
            "console.log(JSON.stringify(parse(readFileSync(process.argv[1], 'utf8'), {merge: true})))";
        var (code, output) = await Scripts.RunAsync(
            Path.Combine(Scripts.Checkout, "tests", "independent-client"), "node",
            ["--input-type=module", "--eval", ToJson, Path.Combine(Scripts.Checkout, "docker-compose.yml")]);
        Assert.That(code, Is.Zero, output);
        return JsonDocument.Parse(output).RootElement;
    }

    private static JsonElement.ObjectEnumerator Services(JsonElement compose) =>
        compose.GetProperty("services").EnumerateObject();

    // Bind mounts of files and folders. Volumes have a name instead of a path.
    private static IEnumerable<(string Source, string Target)> Mounts(JsonElement service) =>
        service.TryGetProperty("volumes", out var volumes)
            ? volumes.EnumerateArray().Select(v => v.GetString()!.Split(':'))
                .Where(v => v[0].StartsWith("./", StringComparison.Ordinal)).Select(v => (v[0], v[1]))
            : [];

    private static async Task<string[]> OptionsAsync(string service) =>
        [.. (await ComposeAsync()).GetProperty("services").GetProperty(service).GetProperty("environment")
            .EnumerateObject().SelectMany(v => new[] { OptionOf(v.Name), v.Value.GetString()! })];

    private static string OptionOf(string variable) => Setting.All.Single(s => s.Variable == variable).Option;

    // A state folder with the certificates that a service finds in its container.
    private static async Task<string> LaidOutAsync(string service, string certs)
    {
        var state = Registry.NewFolder();
        foreach (var (source, target) in Mounts((await ComposeAsync()).GetProperty("services").GetProperty(service)))
        {
            var file = Path.Combine(state, Path.GetRelativePath("/var/lib/registry", target));
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.Copy(Path.Combine(certs, Path.GetFileName(source)), file);
        }

        return state;
    }

    // Steps 1 and 2 of "In containers", except the change of owner, which only root can make.
    private static async Task<string> PreparedAsReadmeSaysAsync()
    {
        var folder = Registry.NewFolder();
        File.CreateSymbolicLink(Path.Combine(folder, "deploy"), Path.Combine(Scripts.Checkout, "deploy"));
        var commands = Preparation().Match(
            await File.ReadAllTextAsync(Path.Combine(Scripts.Checkout, "deploy", "README.md"))).Groups[1].Value;
        var (code, output) = await Scripts.RunAsync(folder, "bash",
            ["-e", "-c", commands.Replace("chown ", "true ", StringComparison.Ordinal)]);
        Assert.That(code, Is.Zero, output);
        return folder;
    }

    [GeneratedRegex(@"(# 1\. Certificates.*?)# 3\. ", RegexOptions.Singleline)]
    private static partial Regex Preparation();

    [GeneratedRegex(@"(DEVICEREGISTRY_\w+)=([^\s\\]+)")]
    private static partial Regex Variable();
}
