using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.System.Tests;

/// <summary>What the server writes while it works, line by line, and that every line of ours is known by its
/// number.</summary>
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

    private static readonly (string Room, int From)[] Rooms =
        [("DeviceRegistry.Server", 1000), ("DeviceRegistry.Registrar", 2000), ("DeviceRegistry.Attach", 3000),
        ("DeviceRegistry.Postgres", 4000)];

    [Test]
    public async Task Every_log_line_is_a_numbered_json_object_that_names_no_device_or_person()
    {
        var database = await Registry.Cluster.CloneAsync();
        var (file, units) = TestImei.DualSim(5);
        var reference = $"secret-reference-{Guid.NewGuid():N}";
        await using var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--log-format",
            "Json", "--database", Registry.ConnectionString(database));
        server.MayLogErrors = true;

        // 1. A batch, an order, checks; refusals and bad input.
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

        // 2. Every connection of the database is cut; a call that finds it so is sent again until it is taken.
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
    public void Every_line_has_a_number_of_its_own_in_the_range_of_its_room_and_a_row_in_the_table()
    {
        var readme = File.ReadAllText(Path.Combine(Scripts.Checkout, "src", "DeviceRegistry.Server", "README.md"));
        var table = Row().Matches(readme)
            .Select(r => (Id: int.Parse(r.Groups[1].Value, global::System.Globalization.CultureInfo.InvariantCulture),
            Level: r.Groups[2].Value)).ToList();

        var lines = Rooms.SelectMany(room => LinesOf(room.Room)
            .Select(l => (l.EventId, Level: l.Level.ToString(), room.From))).ToList();

        Assert.That(lines.Select(l => l.EventId), Is.Unique);
        Assert.That(lines, Has.All.Matches<(int EventId, string Level, int From)>(l => l.EventId > l.From
            && l.EventId < l.From + 1000));
        Assert.That(table, Is.EquivalentTo(lines.Select(l => (l.EventId, l.Level))));
    }

    private static IEnumerable<LoggerMessageAttribute> LinesOf(string room) =>
        Assembly.Load(room).GetTypes()
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
            .ApproveOrderAsync(new ApproveOrderRequest { Reference = Registry.NewReference(),
            OrderNumber = draft.Order.OrderNumber });
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
