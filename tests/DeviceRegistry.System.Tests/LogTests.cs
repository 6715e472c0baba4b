using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.System.Tests;

/// <summary>The log of a working server, line by line. Every line of our own has a documented event id.</summary>
[CancelAfter(Patience.TestMs)]
public sealed partial class LogTests
{
    private const string Imsi = "410019876543210";
    private const string Typo = "352906110000999";

    private static readonly string[] Names =
    [
        "pta", "audit-office", "opco-a", "opco-b", "maker-a", "maker-b", "importer-a", "regulator-a", "regulator-b",
        "operator-a", "auditor-a", "node-a1", "node-b1", "core-a1", "core-b1",
    ];

    private static readonly (string Project, int From)[] Projects =
        [("DeviceRegistry.Server", 1000), ("DeviceRegistry.Registrar", 2000), ("DeviceRegistry.Attach", 3000),
        ("DeviceRegistry.Postgres", 4000)];

    [Test]
    public async Task Every_log_line_is_numbered_json_without_personal_data()
    {
        var database = await Registry.Cluster.CloneAsync();
        var (file, units) = TestImei.DualSim(5);
        var reference = $"secret-reference-{Guid.NewGuid():N}";
        await using var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--log-format",
            "Json", "--database", Registry.ConnectionString(database));
        server.MayLogErrors = true;

        // 1. A batch, an order, checks; refusals and invalid input.
        await Registry.ImportTacsAsync(server, Registry.GsmaList);
        await Registry.RegisterAsync(Registry.Header(reference), file, server: server);
        await Registry.RegisterAsync(Registry.Header(reference), TestImei.DualSim(2).File, server: server);
        await Registry.RegisterAsync(Registry.Header(), Array.ConvertAll(file, b => b is (byte)',' ? (byte)';' : b),
            server: server);
        await BlockAsync(server, units[0].First);
        await CheckAsync(server, units[0].First.Digits);
        await CheckAsync(server, Typo);
        await Registry.RefusalOfAsync(() =>
            OrdersOf(server, "operator-a").DraftOrderAsync(Registry.Draft(units[1].First)).ResponseAsync);
        await Registry.RefusalOfAsync(() => OrdersOf(server, "regulator-a")
            .DraftOrderAsync(new DraftOrderRequest { Reference = reference, Imeis = { Typo } }).ResponseAsync);

        // 2. Every database connection is cut. A call that fails is sent again until it is accepted.
        await Registry.Cluster.ExecuteAsync(
            $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> " +
            $"pg_backend_pid()");
        await Registry.UntilAsync(ct => TakenAsync(() => BlockAsync(server, units[2].First)));
        await Registry.UntilAsync(ct =>
            Task.FromResult(server.Output.Contains("Database reachable again", StringComparison.Ordinal)));
        await server.StopAsync();

        var lines = server.Output.Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        var ours = lines.Where(l => l.GetProperty("Category")
            .GetString()!.StartsWith("DeviceRegistry.", StringComparison.Ordinal)).ToList();
        Assert.That(ours.Select(l => l.GetProperty("EventId").GetInt32()),
            Is.SupersetOf([1003, 1004, 1005, 2001, 2002, 2003, 2005, 2006, 2012, 3001, 3006, 3007]).And.All.Positive);
        foreach (var word in units.SelectMany(u => new[] { u.Serial, u.First.Digits, u.Second.Digits })
            .Concat([Imsi, Typo, reference, Registry.Model]).Concat(Names))
            Assert.That(server.Output, Does.Not.Contain(word));
    }

    [Test]
    public void Every_log_event_has_a_unique_documented_number()
    {
        var readme = File.ReadAllText(Path.Combine(Scripts.Checkout, "src", "DeviceRegistry.Server", "README.md"));
        var table = Row().Matches(readme)
            .Select(r => (Id: int.Parse(r.Groups[1].Value, global::System.Globalization.CultureInfo.InvariantCulture),
            Level: r.Groups[2].Value)).ToList();

        var lines = Projects.SelectMany(project => LinesOf(project.Project)
            .Select(l => (l.EventId, Level: l.Level.ToString(), project.From))).ToList();

        Assert.That(lines.Select(l => l.EventId), Is.Unique);
        Assert.That(lines, Has.All.Matches<(int EventId, string Level, int From)>(l => l.EventId > l.From
            && l.EventId < l.From + 1000));
        Assert.That(table, Is.EquivalentTo(lines.Select(l => (l.EventId, l.Level))));
    }

    private static IEnumerable<LoggerMessageAttribute> LinesOf(string project) =>
        Assembly.Load(project).GetTypes()
            .SelectMany(t => t.GetMethods(
                BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic
                | BindingFlags.DeclaredOnly))
            .Select(m => m.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>();

    private static OrdersService.OrdersServiceClient OrdersOf(RegistryProcess server, string who) =>
        new(server.Signer(who));

    private static async Task BlockAsync(RegistryProcess server, Core.Imei imei)
    {
        var draft = await OrdersOf(server, "regulator-a").DraftOrderAsync(Registry.Draft(imei));
        await OrdersOf(server, "regulator-b")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
    }

    private static async Task CheckAsync(RegistryProcess server, string imei) =>
        await new AttachService.AttachServiceClient(server.Channel("attach", "operator-a"))
            .CheckAsync(new CheckRequest { Imei = imei, Imsi = Imsi });

    private static async Task<bool> TakenAsync(Func<Task> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (RpcException fault) when (fault.StatusCode is StatusCode.Unavailable)
        {
            return false;
        }
    }

    // | 1001 | Warning | meaning | what to do |
    [GeneratedRegex(@"^\| (\d{4}) \| (\w+) \| [^|]+ \| [^|]+ \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
