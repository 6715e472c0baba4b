using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>A kind of write: what must be there before it, and the write itself, which can be sent again and again under its one reference.</summary>
public sealed class WriteKind
{
    private readonly Func<World, Task<Func<World, Task<IMessage>>>> _prepare;

    private WriteKind(string name, Func<World, Task<Func<World, Task<IMessage>>>> prepare) => (Name, _prepare) = (name, prepare);

    public string Name { get; }

    public override string ToString() => Name;

    internal Task<Func<World, Task<IMessage>>> PrepareAsync(World world) => _prepare(world);

    public static readonly WriteKind ImportTacs = Of("ImportTacs", world =>
    {
        var list = "TAC|Manufacturer|Model_Name|Bands|Allocation_Date|Device_Type|Brand_Name|Sim_Slots\n"
            + "35290611|Maker A Mobiles|Nova 4G|LTE B3|01-Nov-2025|Smartphone|Nova|2\n"
            + $"{RandomNumberGenerator.GetInt32(36_000_000, 99_000_000)}|Maker A Mobiles|Nova 4G|LTE B3|01-Nov-2025|Smartphone|Nova|2\n";
        var header = new ImportTacsHeader { Reference = world.NewReference(), Format = TacListFormat.Gsma };
        return async w =>
        {
            using var call = new RegistrationService.RegistrationServiceClient(w.As("regulator-a")).ImportTacs();
            await WriteAsync(call.RequestStream, new ImportTacsRequest { Header = header }, new ImportTacsRequest { Data = ByteString.CopyFromUtf8(list) });
            return await call;
        };
    });

    public static readonly WriteKind RegisterBatch = Of("RegisterBatch", world => Batch(world, 3));

    public static readonly WriteKind ProposeCertification = Of("CertifyBatch, first", async world => Certify(world, "regulator-a", await RegisteredAsync(world)));

    public static readonly WriteKind ConfirmCertification = Of("CertifyBatch, second", async world =>
    {
        var batch = await RegisteredAsync(world);
        await Certify(world, "regulator-a", batch)(world);
        return Certify(world, "regulator-b", batch);
    });

    public static readonly WriteKind ReleaseBatch = Of("ReleaseBatch", async world =>
    {
        var batch = await RegisteredAsync(world);
        await Certify(world, "regulator-a", batch)(world);
        await Certify(world, "regulator-b", batch)(world);
        var request = new ReleaseBatchRequest { Reference = world.NewReference(), BatchNumber = batch };
        return async w => await new RegistrationService.RegistrationServiceClient(w.As("maker-a")).ReleaseBatchAsync(request);
    });

    public static readonly WriteKind DraftOrder = Of("DraftOrder", world => Draft(world, TestImei.Next()));

    public static readonly WriteKind ApproveOrder = Of("ApproveOrder", async world => Approve(world, "regulator-b", await DraftedAsync(world)));

    public static readonly WriteKind DraftLift = Of("DraftLift", async world => DraftLiftOf(world, await ArmedAsync(world)));

    public static readonly WriteKind ApproveLift = Of("ApproveOrder of a lift", async world =>
        Approve(world, "regulator-d", ((DraftLiftResponse)await DraftLiftOf(world, await ArmedAsync(world))(world)).Order.OrderNumber));

    public static readonly WriteKind PutParty = Of("PutParty", world =>
    {
        var request = new PutPartyRequest { Reference = world.NewReference(), Name = $"p-{Guid.NewGuid():N}"[..20], Kind = PartyKind.Lender, State = MembershipState.Active };
        return async w => await new PartiesService.PartiesServiceClient(w.As("regulator-a")).PutPartyAsync(request);
    });

    public static readonly WriteKind PutActor = Of("PutActor", world =>
    {
        var request = new PutActorRequest
        {
            Reference = world.NewReference(), Name = $"a-{Guid.NewGuid():N}"[..20], Party = "pta", Kind = ActorKind.Person, State = MembershipState.Active,
            KeyDigest = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)),
        };
        return async w => await new PartiesService.PartiesServiceClient(w.As("regulator-a")).PutActorAsync(request);
    });

    public static readonly WriteKind PutAuthorization = Of("PutAuthorization", world =>
    {
        var request = new PutAuthorizationRequest
        {
            Reference = world.NewReference(), Number = $"N-{Guid.NewGuid():N}", Party = "maker-b-mobiles", Kind = AuthorizationKind.Manufacturing, ValidFrom = "2021-04-01",
            ValidUntil = "2031-03-31", LegalBasis = "MDM 2021", State = AuthorizationState.Active,
        };
        return async w => await new PartiesService.PartiesServiceClient(w.As("regulator-a")).PutAuthorizationAsync(request);
    });

    public static readonly WriteKind PutTacMandate = Of("PutTacMandate", world =>
    {
        var request = new PutTacMandateRequest
        {
            Reference = world.NewReference(), Party = "maker-b-mobiles", Tacs = { $"{RandomNumberGenerator.GetInt32(36_000_000, 99_000_000)}" }, BrandOwner = "Star", ValidFrom = "2021-04-01",
            ValidUntil = "2031-03-31", DocumentHash = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)),
        };
        return async w => await new PartiesService.PartiesServiceClient(w.As("regulator-a")).PutTacMandateAsync(request);
    });

    public static readonly WriteKind ProposePolicy = Of("ProposePolicy", world => Propose(world));

    public static readonly WriteKind ApprovePolicy = Of("ApprovePolicy", async world =>
    {
        var proposed = (ProposePolicyResponse)await Propose(world)(world);
        var request = new ApprovePolicyRequest { Reference = world.NewReference(), Version = proposed.Version };
        return async w => await new PolicyService.PolicyServiceClient(w.As("regulator-b")).ApprovePolicyAsync(request);
    });

    public static readonly WriteKind Recover = Of("Recover", async world =>
    {
        await world.ExecuteAsync("INSERT INTO journal_epochs (epoch, reason, restored) SELECT max(epoch) + 1, 'a test', true FROM journal_epochs");
        var pending = await new RecoveryService.RecoveryServiceClient(world.As("regulator-a")).DescribeRecoveryAsync(new DescribeRecoveryRequest());
        pending.Statement.Reason = "nothing was lost";
        var statement = pending.Statement.ToByteString();
        var recovered = new Recovered { Statement = statement };
        foreach (var person in (string[])["regulator-a", "regulator-b"])
        {
            using var key = world.Server.Certificate(person).GetECDsaPrivateKey()!;
            recovered.Signatures.Add(RecoveryRules.Sign(statement, key));
        }

        var request = new RecoverRequest { Reference = world.NewReference(), Recovered = recovered };
        return async w => await new RecoveryService.RecoveryServiceClient(w.As("regulator-b")).RecoverAsync(request);
    });

    /// <summary>Every kind of write there is.</summary>
    public static IReadOnlyList<WriteKind> All { get; } =
    [
        ImportTacs, RegisterBatch, ProposeCertification, ConfirmCertification, ReleaseBatch, DraftOrder, ApproveOrder, DraftLift, ApproveLift,
        PutParty, PutActor, PutAuthorization, PutTacMandate, ProposePolicy, ApprovePolicy, Recover,
    ];

    /// <summary>A batch of new dual-SIM units.</summary>
    internal static Func<World, Task<IMessage>> Batch(World world, int units)
    {
        var file = TestImei.DualSim(units).File;
        var header = new BatchHeader { Reference = world.NewReference(), Authorization = "MDM-0001", ProducedOn = "2026-11-01", Origin = DeviceOrigin.LocalAssembly, Model = "Nova 4G" };
        return w => SendBatchAsync(w.As("maker-a"), header, file);
    }

    internal static async Task<IMessage> SendBatchAsync(CallInvoker maker, BatchHeader header, byte[] file)
    {
        using var call = new RegistrationService.RegistrationServiceClient(maker).RegisterBatch();
        await WriteAsync(call.RequestStream, [
            new RegisterBatchRequest { Header = header }, .. file.Chunk(64 * 1024).Select(c => new RegisterBatchRequest { Data = ByteString.CopyFrom(c) })]);
        BatchReceipt? receipt = null;
        await foreach (var part in call.ResponseStream.ReadAllAsync()) receipt = part.Receipt ?? receipt;
        return receipt!;
    }

    internal static Func<World, Task<IMessage>> Draft(World world, Core.Imei imei)
    {
        var request = new DraftOrderRequest { Reference = world.NewReference(), OrderClass = OrderClass.C, Reason = "STOLEN", Basis = "FIR 1/2026", Imeis = { imei.Printed } };
        return async w => await new OrdersService.OrdersServiceClient(w.As("regulator-a")).DraftOrderAsync(request);
    }

    internal static Func<World, Task<IMessage>> Approve(World world, string approver, ulong order)
    {
        var request = new ApproveOrderRequest { Reference = world.NewReference(), OrderNumber = order };
        return async w => await new OrdersService.OrdersServiceClient(w.As(approver)).ApproveOrderAsync(request);
    }

    private static WriteKind Of(string name, Func<World, Task<Func<World, Task<IMessage>>>> prepare) => new(name, prepare);

    private static WriteKind Of(string name, Func<World, Func<World, Task<IMessage>>> prepare) => new(name, world => Task.FromResult(prepare(world)));

    private static Func<World, Task<IMessage>> Certify(World world, string identity, ulong batch)
    {
        var request = new CertifyBatchRequest { Reference = world.NewReference(), BatchNumber = batch };
        return async w => await new RegistrationService.RegistrationServiceClient(w.As(identity)).CertifyBatchAsync(request);
    }

    private static Func<World, Task<IMessage>> DraftLiftOf(World world, ulong order)
    {
        var request = new DraftLiftRequest { Reference = world.NewReference(), OrderNumber = order, Basis = "found" };
        return async w => await new OrdersService.OrdersServiceClient(w.As("regulator-c")).DraftLiftAsync(request);
    }

    private static Func<World, Task<IMessage>> Propose(World world)
    {
        var request = new ProposePolicyRequest { Reference = world.NewReference(), Policy = PolicyMapping.Defaults() };
        return async w => await new PolicyService.PolicyServiceClient(w.As("regulator-a")).ProposePolicyAsync(request);
    }

    private static async Task<ulong> RegisteredAsync(World world) => ((BatchReceipt)await Batch(world, 3)(world)).BatchNumber;

    private static async Task<ulong> DraftedAsync(World world) => ((DraftOrderResponse)await Draft(world, TestImei.Next())(world)).Order.OrderNumber;

    private static async Task<ulong> ArmedAsync(World world)
    {
        var order = await DraftedAsync(world);
        await Approve(world, "regulator-b", order)(world);
        return order;
    }

    // A server that refuses in the middle has ended the stream; why, is in its answer.
    private static async Task WriteAsync<T>(IClientStreamWriter<T> stream, params T[] messages)
    {
        try
        {
            foreach (var message in messages) await stream.WriteAsync(message);
            await stream.CompleteAsync();
        }
        catch (Exception fault) when (fault is InvalidOperationException or RpcException or IOException or HttpRequestException)
        {
            // Read from the answer.
        }
    }
}
