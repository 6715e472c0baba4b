using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Grpc.Net.Client;

namespace DeviceRegistry.Benchmarks;

/// <summary>An attach node in a separate process with some hundred thousand IMEIs, and its registrar.</summary>
internal sealed class NodeUnderTest : IAsyncDisposable
{
    private const int Units = 50_000;
    private readonly List<GrpcChannel> _channels = [];
    private readonly string _state = Directory.CreateTempSubdirectory("drb").FullName;

    /// <summary>The PostgreSQL of the registrar.</summary>
    public TestCluster Cluster { get; private set; } = null!;

    /// <summary>The database of the registrar.</summary>
    public string Database { get; private set; } = "";

    /// <summary>The registrar.</summary>
    public RegistryProcess Centre { get; private set; } = null!;

    /// <summary>The source of the node's journal, if it is not the registrar itself.</summary>
    public TailFeed? Tail { get; private set; }

    /// <summary>The node.</summary>
    public RegistryProcess Node { get; private set; } = null!;

    /// <summary>IMEIs for checks: of different devices, all released.</summary>
    public IReadOnlyList<string> Imeis { get; private set; } = [];

    public static async Task<NodeUnderTest> StartAsync(bool withTail = false)
    {
        var test = new NodeUnderTest { Cluster = await TestCluster.StartAsync() };
        test.Database = await test.Cluster.CloneAsync();
        test.Centre = await RegistryProcess.StartAsync(test._state, "--demo", "--database",
            test.Cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, test.Database));
        var released = await test.ReleaseAsync();
        if (withTail) test.Tail = await TailFeed.StartAsync(test.Centre);
        test.Node = await RegistryProcess.StartHostAsync(
            [typeof(NodeUnderTest).Assembly.Location, "node-host"], test._state, "--roles", "Attach,Web", "--node",
            "node-b1",
            "--registrar", $"https://localhost:{test.Tail?.Port ?? test.Centre.Address("registrar").Port}",
            "--attach-cleartext-address", "127.0.0.1", "--attach-cleartext-port", "0");
        while ((await new AttachService.AttachServiceClient(test.Open(tls: true))
            .CheckAsync(new CheckRequest())).Position < released)
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        return test;
    }

    /// <summary>A new connection to the node, as a core node of its operator.</summary>
    public GrpcChannel Open(bool tls)
    {
        var channel = tls
            ? Node.Channel(Node.Address("attach").Port, Node.Certificate("core-b1"))
            : GrpcChannel.ForAddress($"http://{Node.Address("plain")}",
                new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler(), DisposeHttpClient = true });
        _channels.Add(channel);
        return channel;
    }

    /// <summary>Closes the connections that were opened.</summary>
    public void Close()
    {
        foreach (var channel in _channels) channel.Dispose();
        _channels.Clear();
    }

    /// <summary>A check of a released IMEI.</summary>
    public CheckRequest Check(int n) =>
        new()
        {
            Imei = Imeis[n % Imeis.Count],
            Imsi = string.Create(CultureInfo.InvariantCulture, $"41001{n % 1_000_000_000:0000000000}")
        };

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Close();
        await Node.DisposeAsync();
        if (Tail is not null) await Tail.DisposeAsync();
        Centre.MayLogErrors = true;                                 // the registrar was paused
        await Centre.DisposeAsync();
        await Cluster.DisposeAsync();
        Directory.Delete(_state, recursive: true);
    }

    private async Task<ulong> ReleaseAsync()
    {
        var registrations = new RegistrationService.RegistrationServiceClient(
            Centre.Channel("registrar", "regulator-a"));
        using var tacs = registrations.ImportTacs();
        await tacs.RequestStream.WriteAsync(
            new ImportTacsRequest
            {
                Header =
            new ImportTacsHeader { Reference = "bench-tacs", Format = TacListFormat.Gsma }
            });
        await tacs.RequestStream.WriteAsync(
            new ImportTacsRequest
            {
                Data =
            Google.Protobuf.ByteString.CopyFromUtf8(
            "TAC|Manufacturer|Model_Name|Sim_Slots\n35290611|Maker A Mobiles|Nova 4G|2\n")
            });
        await tacs.RequestStream.CompleteAsync();
        await tacs;
        var (file, units) = TestImei.DualSim(Units);
        Imeis = [.. units.Where((_, i) => i % 25 is 0).Select(u => u.First.Digits)];
        var header = new BatchHeader
        {
            Reference = "bench", Authorization = "MDM-0001", ProducedOn = "2026-11-01",
            Origin = DeviceOrigin.LocalAssembly, Model = "Nova 4G"
        };
        var end = await Batches.RegisterAsync(Centre.Channel("registrar", "maker-a").CreateCallInvoker(), header, file);
        var batch = end.Receipt?.BatchNumber ?? throw new InvalidOperationException($"{end.Refusal}");
        await registrations.CertifyBatchAsync(new CertifyBatchRequest { Reference = "bench-a", BatchNumber = batch });
        await new RegistrationService.RegistrationServiceClient(Centre.Channel("registrar", "regulator-b"))
            .CertifyBatchAsync(new CertifyBatchRequest { Reference = "bench-b", BatchNumber = batch });
        return (await new RegistrationService.RegistrationServiceClient(Centre.Channel("registrar", "maker-a"))
            .ReleaseBatchAsync(new ReleaseBatchRequest { Reference = "bench-r", BatchNumber = batch })).JournalPosition;
    }
}
