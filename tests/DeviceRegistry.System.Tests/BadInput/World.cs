using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Server.Access;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Npgsql;
using ActorKind = DeviceRegistry.Contracts.V1.ActorKind;
using OrderClass = DeviceRegistry.Contracts.V1.OrderClass;

namespace DeviceRegistry.System.Tests.BadInput;

/// <summary>A separate registry that receives invalid input. Its contents never change, so its answers do not
/// either.</summary>
internal sealed class World : IAsyncDisposable
{
    /// <summary>TACs of the demo's model: mandated to maker-a, mandated to maker-b, barred, in no list.</summary>
    public const uint Own = 35290611, OfMakerB = 35290622, Barred = 35290633, Unknown = 35999999;

    /// <summary>IMEI of a registered unit; IMEI under an order in force.</summary>
    public const ulong Taken = Own * 1_000_000ul + 900_001, Blocked = Own * 1_000_000ul + 900_003;

    // Every table except the positions of nodes, which their reports change all the time, and uploaded chunks, which
    // are dropped a moment after their batch is decided.
    private const string StateSql = """
        SELECT table_name, query_to_xml(
            format('SELECT count(*), md5(string_agg(t::text, ''|'' ORDER BY t::text)) FROM %I t', table_name),
            false, true, '')::text
        FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
          AND table_name NOT IN ('node_positions', 'upload_chunks') ORDER BY table_name
        """;

    private readonly string _database;
    private readonly Dictionary<string, X509Certificate2> _certificates = [];

    private World(RegistryProcess server, string database)
    {
        Server = server;
        _database = database;
    }

    public RegistryProcess Server { get; }

    /// <summary>Number of the registered batch.</summary>
    public ulong Batch { get; private set; }

    /// <summary>Number of the open batch, which has its first chunk.</summary>
    public ulong Open { get; private set; }

    /// <summary>Calls with the certificate of an identity.</summary>
    public CallInvoker As(string identity) => Server.Channel("registrar", identity).CreateCallInvoker();

    public static async Task<World> StartAsync()
    {
        var database = await Registry.Cluster.CloneAsync();
        var world = new World(await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(database)), database);
        await world.CreateRightsAsync();
        await world.CreateUnitsAsync();
        await world.CreateCertificatesAsync();
        return world;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        foreach (var certificate in _certificates.Values) certificate.Dispose();
    }

    /// <summary>An invalid certificate by name; null if the name is one of the demo's identities.</summary>
    public X509Certificate2? Bad(string name) => _certificates.GetValueOrDefault(name);

    public OrdersService.OrdersServiceClient Orders(string identity = "regulator-a") => new(Server.Signer(identity));

    public AppealsService.AppealsServiceClient Appeals(string identity = "regulator-a") =>
        new(Server.Channel("registrar", identity));

    public PartiesService.PartiesServiceClient Parties(string identity = "regulator-a") =>
        new(Server.Channel("registrar", identity));

    public RegistryService.RegistryServiceClient Reads(string identity) => new(Server.Channel("registrar", identity));

    /// <summary>One line for each table: number and digest of its rows. The journal's head is one of its
    /// rows.</summary>
    public async Task<string> StateAsync()
    {
        await using var connection = new NpgsqlConnection(Registry.Cluster.Server.AdminConnectionString(_database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(StateSql, connection);
        await using var answer = await command.ExecuteReaderAsync();
        var state = new StringBuilder();
        while (await answer.ReadAsync()) state.Append(answer.GetString(0)).Append(": ")
            .AppendLine(answer.GetString(1).ReplaceLineEndings(""));
        return state.ToString();
    }

    private async Task CreateRightsAsync()
    {
        await Registry.ImportTacsAsync(Server, $"""
            TAC|Manufacturer|Model_Name|Sim_Slots
            {Own}|Maker A Mobiles|Nova 4G|2
            {OfMakerB}|Maker B Mobiles|Nova 4G|2
            {Barred}|Maker A Mobiles|Nova 4G|2
            """);
        await PutMandateAsync("maker-b-mobiles", OfMakerB);
        await PutMandateAsync("maker-a-mobiles", Barred);
        await PutAuthorizationAsync("MDM-EXPIRED", AuthorizationState.Active, "2020-12-31");
        await PutAuthorizationAsync("MDM-SUSPENDED", AuthorizationState.Suspended, "2031-03-31");
        await PutAuthorizationAsync("MDM-REVOKED", AuthorizationState.Revoked, "2031-03-31");
        await PutAuthorizationAsync("MDM-SMALL", AuthorizationState.Active, "2031-03-31", quota: 1);
    }

    private async Task CreateUnitsAsync()
    {
        var header = Registry.Header("B-1");
        var file = $"serial_number,imei_1,imei_2\nTAKEN-1,{new Imei(Taken).Printed},{new Imei(Taken + 1).Printed}\n";
        var (receipt, _, refusal) = await Registry.RegisterAsync(header, Encoding.UTF8.GetBytes(file), server: Server);
        Batch = receipt?.BatchNumber ?? throw new InvalidOperationException($"The batch was refused: {refusal}");
        Open = (await Batches.OpenAsync(As("maker-a"),
            Batches.Of(Registry.Header("B-OPEN"), Encoding.UTF8.GetBytes(file)))).BatchNumber;
        await Batches.SendAsync(As("maker-a"), [Batches.Chunk(Open, 1, "serial_number,imei_1,imei_2\n"u8.ToArray())]);

        await ApproveAsync(Registry.Draft(new Imei(Blocked)));
        var bar = Registry.Draft(new Imei(Blocked), OrderClass.B, "BARRED_TAC");
        bar.Imeis.Clear();
        bar.Tacs.Add($"{Barred}");
        await ApproveAsync(bar);

        // Waits until the registrar has recorded the background changes of these orders, before anything is compared.
        await Registry.UntilAsync(async _ =>
            await ScalarAsync("SELECT NOT EXISTS (SELECT FROM orders WHERE state = 10)"));
    }

    private async Task<bool> ScalarAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(Registry.Cluster.Server.AdminConnectionString(_database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (bool)(await command.ExecuteScalarAsync())!;
    }

    private async Task CreateCertificatesAsync()
    {
        var (from, until) = (TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        X509Certificate2 Issue(string name, string party, ECDsa? key = null) =>
            TestCertificate.Issue(Server.State, name, party, from, until, key);

        _certificates["of another root"] = TestCertificate.OfAnotherRoot("regulator-a", "pta");
        _certificates["expired"] = TestCertificate.Issue(Server.State, "operator-x", "opco-a", Day(2020), Day(2021));
        _certificates["not yet valid"] =
            TestCertificate.Issue(Server.State, "operator-x", "opco-a", Day(2090), Day(2091));
        _certificates["unknown"] = Issue("nobody", "opco-a");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using (var right = Issue("operator-n", "opco-a", key)) await PutOperatorAsync("operator-n", right,
            MembershipState.Active);
        _certificates["of another party"] = Issue("operator-n", "opco-b", key);
        _certificates["of another person"] = Issue("someone-else", "opco-a", key);
        _certificates["retired"] = Issue("operator-r", "opco-a");
        await PutOperatorAsync("operator-r", _certificates["retired"], MembershipState.Active);
        await PutOperatorAsync("operator-r", _certificates["retired"], MembershipState.Retired);
        _certificates["replaced"] = Issue("operator-k", "opco-a");
        await PutOperatorAsync("operator-k", _certificates["replaced"], MembershipState.Active);
        using var second = Issue("operator-k", "opco-a");
        var position = await PutOperatorAsync("operator-k", second, MembershipState.Active);
        await Registry.AppliedAsync(position,
            new AttachService.AttachServiceClient(Server.Channel("attach", "operator-a")));
    }

    private static DateTimeOffset Day(int year) => new(year, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private async Task ApproveAsync(DraftOrderRequest request)
    {
        var draft = await Orders().DraftOrderAsync(request);
        await Orders("regulator-b").ApproveOrderAsync(
            new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = draft.Order.OrderNumber });
    }

    private Task<ulong> PutMandateAsync(string party, uint tac) => Registry.ChangeAsync(new Change
    {
        TacMandate = new PutTacMandateRequest
        {
            Party = party, Tacs = { $"{tac}" }, BrandOwner = "Nova", ValidFrom = "2021-04-01",
            ValidUntil = "2031-03-31", DocumentHash = ByteString.CopyFrom(new byte[32]),
        },
    }, Server);

    private Task<ulong> PutAuthorizationAsync(string number, AuthorizationState state, string until, ulong quota = 0) =>
        Registry.ChangeAsync(new Change
        {
            Authorization = new PutAuthorizationRequest
            {
                Number = number, Party = "maker-a-mobiles", Kind = AuthorizationKind.Manufacturing, State = state,
                ValidFrom = "2015-01-01", ValidUntil = until, LegalBasis = "law",
                QuotaUnits = quota,
            },
        }, Server);

    private Task<ulong> PutOperatorAsync(string name, X509Certificate2 certificate, MembershipState state) =>
        Registry.ChangeAsync(new Change
        {
            Actor = new PutActorRequest
            {
                Name = name, Party = "opco-a", Kind = ActorKind.Person, State = state,
                KeyDigest = ByteString.CopyFrom(Convert.FromHexString(CertificateAuthenticator.KeyOf(certificate))),
            },
        }, Server);
}
