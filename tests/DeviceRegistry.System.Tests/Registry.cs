using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;

[assembly: FixtureLifeCycle(LifeCycle.InstancePerTestCase)]

namespace DeviceRegistry.System.Tests;

/// <summary>The registry process of the run, with its demo members. All tests share it, except those that break
/// it.</summary>
[SetUpFixture]
public sealed class Registry
{
    public const string Tac = "35290611";
    public const string Model = "Nova 4G";
    private static readonly List<string> Folders = [];
    private static int _references;
    private static long _segments;

    public static TestCluster Cluster { get; private set; } = null!;

    public static RegistryProcess Server { get; private set; } = null!;

    public static string Database { get; private set; } = "";

    [OneTimeSetUp]
    public async Task Start()
    {
        Cluster = await TestCluster.StartAsync();
        Database = await Cluster.CloneAsync();
        Server = await RegistryProcess.StartAsync(NewFolder(), "--demo", "--database", ConnectionString(Database),
            "--n17-port", "0", "--n17-tls-port", "0");
        await ImportTacsAsync(Server, GsmaList);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        try
        {
            await Server.DisposeAsync();          // throws if the server logged an error
        }
        finally
        {
            await Cluster.DisposeAsync();
            foreach (var folder in Folders) Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The project's own TAC list, in GSMA's format.</summary>
    public const string GsmaList = """
        TAC|Manufacturer|Model_Name|Bands|Allocation_Date|Device_Type|Brand_Name|Sim_Slots
        35290611|Maker A Mobiles|Nova 4G|LTE B3|01-Nov-2025|Smartphone|Nova|2
        35290699|Maker B Mobiles|Star 3G|UMTS B1|01-Nov-2020|Feature phone|Star|1
        """;

    public static string ConnectionString(string database) =>
        Cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, database);

    public static string NewFolder()
    {
        var folder = Directory.CreateTempSubdirectory("drs").FullName;
        Folders.Add(folder);
        return folder;
    }

    /// <summary>A reference that is unique in the run.</summary>
    public static string NewReference() => $"test-{Interlocked.Increment(ref _references)}";

    public static OrdersService.OrdersServiceClient Orders(string identity) => new(Server.Signer(identity));

    public static RegistrationService.RegistrationServiceClient Registration(string identity,
        RegistryProcess? server = null) =>
        new((server ?? Server).Channel("registrar", identity));

    public static RegistryService.RegistryServiceClient Reads(string identity) =>
        new(Server.Channel("registrar", identity));

    public static PartiesService.PartiesServiceClient Parties(string identity) =>
        new(Server.Channel("registrar", identity));

    public static AttachService.AttachServiceClient Attach(string identity = "operator-a") =>
        new(Server.Channel("attach", identity));

    public static BatchHeader Header(string? reference = null) => new()
    {
        Reference = reference ?? NewReference(), Authorization = "MDM-0001", ProducedOn = "2026-11-01",
        Origin = DeviceOrigin.LocalAssembly, Model = Model,
    };

    /// <summary>Sends a batch and waits until it is decided. Returns the receipt, or the refusal with every line
    /// error.</summary>
    public static async Task<(
        BatchReceipt? Receipt, IReadOnlyList<LineError> Faults, RpcException? Refusal)> RegisterAsync(
        BatchHeader header, byte[] file, string identity = "maker-a", RegistryProcess? server = null)
    {
        var end = await Batches.RegisterAsync((server ?? Server).Channel("registrar", identity).CreateCallInvoker(),
            header, file);
        return (end.Receipt, end.Faults, end.Refusal);
    }

    /// <summary>Changes members or rights with the signatures of two people. Returns the journal position at which the
    /// change is in force.</summary>
    public static async Task<ulong> ChangeAsync(Change change, RegistryProcess? server = null,
        string first = "regulator-a", string second = "regulator-d")
    {
        var registry = server ?? Server;
        return (await Members.ChangeAsync(
            registry.Channel("registrar", first).CreateCallInvoker(), registry.Channel("registrar", second)
            .CreateCallInvoker(), change)).JournalPosition;
    }

    /// <summary>Sends messages and closes the stream. A server that refuses early stops the stream; the status of the
    /// call has the reason, not the failed write.</summary>
    public static async Task SendAsync<T>(IClientStreamWriter<T> stream, IEnumerable<T> messages)
    {
        try
        {
            foreach (var message in messages) await stream.WriteAsync(message);
            await stream.CompleteAsync();
        }
        catch (Exception stopped) when (stopped is RpcException or InvalidOperationException)
        {
        }
    }

    public static async Task<ImportTacsResponse> ImportTacsAsync(RegistryProcess server, string list,
        TacListFormat format = TacListFormat.Gsma, string? reference = null)
    {
        var client = new RegistrationService.RegistrationServiceClient(server.Channel("registrar", "regulator-a"));
        using var call = client.ImportTacs();
        var chunks = ByteString.CopyFromUtf8(list).ToByteArray().Chunk(64 * 1024)
            .Select(chunk => new ImportTacsRequest { Data = ByteString.CopyFrom(chunk) });
        var header = new ImportTacsHeader { Reference = reference ?? NewReference(), Format = format };
        await SendAsync(call.RequestStream, chunks.Prepend(new ImportTacsRequest { Header = header }));
        return await call;
    }

    /// <summary>Registered units, not certified.</summary>
    public static async Task<(ulong Batch, IReadOnlyList<(
        string Serial, Core.Imei First, Core.Imei Second)> Units)> GivenRegisteredAsync(int units)
    {
        var (file, all) = TestImei.DualSim(units);
        var (receipt, _, refusal) = await RegisterAsync(Header(), file);
        return (receipt?.BatchNumber ?? throw new InvalidOperationException($"The batch was refused: {refusal}"), all);
    }

    /// <summary>Units registered and certified by two people.</summary>
    public static async Task<(ulong Batch, IReadOnlyList<(
        string Serial, Core.Imei First, Core.Imei Second)> Units)> GivenCertifiedAsync(int units)
    {
        var (batch, all) = await GivenRegisteredAsync(units);
        await CertifyAsync(batch);
        return (batch, all);
    }

    /// <summary>Releases all or the selected units of a batch. Returns the answer.</summary>
    public static async Task<ReleaseBatchResponse> ReleaseAsync(ulong batch, UnitSelection? units = null)
    {
        var released = await Registration("maker-a")
            .ReleaseBatchAsync(new ReleaseBatchRequest
            {
                Reference = NewReference(), BatchNumber = batch,
                Units = units
            });
        await AppliedAsync(released.JournalPosition);
        return released;
    }

    /// <summary>Reports a sighting at the current time to the registrar, as the node core-a1 does.</summary>
    public static Task<ReportSightingsResponse> SightAsync(params string[] identities) =>
        SightAsync(TimeProvider.System.GetUtcNow(), identities);

    /// <summary>Reports now a sighting at an earlier time.</summary>
    public static async Task<ReportSightingsResponse> SightAsync(DateTimeOffset at, params string[] identities)
    {
        var ms = at.ToUnixTimeMilliseconds();
        var bytes = new SightingSegment
        {
            Sightings =
            { identities.Select(i => new Sighting { Identity = i, FirstSeenMs = ms, LastSeenMs = ms,
            Count = 3 }) }
        }.ToByteString();
        var request = new ReportSightingsRequest
        {
            Number = (ulong)Interlocked.Increment(ref _segments),
            Segment = bytes, Checksum = ByteString.CopyFrom(SHA256.HashData(bytes.Span))
        };
        return await new SightingsService.SightingsServiceClient(Server.Channel("registrar", "core-a1"))
            .ReportSightingsAsync(request);
    }

    /// <summary>Units registered, certified by two people and released.</summary>
    public static async Task<IReadOnlyList<(string Serial, Core.Imei First, Core.Imei Second)>> GivenReleasedAsync(
        int units = 1)
    {
        var (batch, all) = await GivenCertifiedAsync(units);
        await ReleaseAsync(batch);
        return all;
    }

    public static async Task CertifyAsync(ulong batch)
    {
        await Registration("regulator-a")
            .CertifyBatchAsync(new CertifyBatchRequest { Reference = NewReference(), BatchNumber = batch });
        await Registration("regulator-b")
            .CertifyBatchAsync(new CertifyBatchRequest { Reference = NewReference(), BatchNumber = batch });
    }

    /// <summary>A block order drafted by regulator-a and approved by regulator-b.</summary>
    public static async Task<ApproveOrderResponse> GivenBlockedAsync(Core.Imei imei, OrderClass rank = OrderClass.C,
        string reason = "STOLEN")
    {
        var draft = await Orders("regulator-a").DraftOrderAsync(Draft(imei, rank, reason));
        var approved = await Orders("regulator-b")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        await AppliedAsync(approved.JournalPosition);
        return approved;
    }

    public static DraftOrderRequest Draft(Core.Imei imei, OrderClass rank = OrderClass.C, string reason = "STOLEN") =>
        new()
        {
            Reference = NewReference(), OrderClass = rank, Reason = reason, Basis = "FIR 123/2026",
            Imeis = { imei.Printed },
        };

    /// <summary>A lift drafted by regulator-c and approved by regulator-d.</summary>
    public static async Task<ApproveOrderResponse> GivenLiftedAsync(ulong order)
    {
        var draft = await Orders("regulator-c")
            .DraftOrderActionAsync(new DraftOrderActionRequest
            {
                Action = OrderAction.Lift, Reference = NewReference(),
                OrderNumber = order, Basis = "found"
            });
        var approved = await Orders("regulator-d")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        await AppliedAsync(approved.JournalPosition);
        return approved;
    }

    public static async Task<CheckResponse> CheckAsync(Core.Imei imei, string imsi = "") =>
        await Attach().CheckAsync(new CheckRequest { Imei = imei.Digits, Imsi = imsi }, deadline: Patience.Deadline);

    /// <summary>Runs a conversation of several messages, and runs it again if the node rejected a message because the
    /// machine is busy. A channel repeats a stream only before its first answer.</summary>
    public static async Task<T> UnlessBusyAsync<T>(Func<Task<T>> conversation)
    {
        for (var limit = Patience.Deadline; ;)
        {
            try
            {
                return await conversation();
            }
            catch (RpcException busy) when (ReasonOf(busy) is "NODE_BUSY"
                && TimeProvider.System.GetUtcNow().UtcDateTime < limit)
            {
                await Task.Delay(StatusMapping.RetryAfterOf(busy)!.Value, TimeProvider.System);
            }
        }
    }

    /// <summary>Waits until the attach node answers from a position. Polls; has no fixed delay.</summary>
    public static async Task AppliedAsync(ulong position, AttachService.AttachServiceClient? node = null)
    {
        var client = node ?? Attach();
        await UntilAsync(async ct =>
            (await client.CheckAsync(new CheckRequest { AttachKind = AttachKind.Emergency },
                deadline: Patience.Deadline, cancellationToken: ct)).Position >= position);
    }

    /// <summary>Polls a condition until it is true; fails the test after <see cref="Patience.Event"/>.</summary>
    public static async Task UntilAsync(Func<CancellationToken, Task<bool>> isSo)
    {
        using var limit = new CancellationTokenSource(Patience.Event, TimeProvider.System);
        while (!await isSo(limit.Token))
        {
            if (limit.IsCancellationRequested)
                throw new AssertionException($"it did not become so within {Patience.Event}");
            await Task.Yield();
        }
    }

    public static string ReasonOf(RpcException refusal) => StatusMapping.ReasonOf(refusal);

    /// <summary>Returns the refusal of a call; fails the test if the call succeeds.</summary>
    public static async Task<RpcException> RefusalOfAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (RpcException refusal)
        {
            return refusal;
        }

        throw new AssertionException("the call was not refused");
    }
}
