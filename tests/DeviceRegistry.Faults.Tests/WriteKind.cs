using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Faults.Tests;

/// <summary>A kind of write: its preparation, and the write itself, which can be sent repeatedly under one
/// reference.</summary>
public sealed class WriteKind
{
    private readonly Func<World, Task<Func<World, Task<IMessage>>>> _prepare;

    private WriteKind(string name, Func<World, Task<Func<World, Task<IMessage>>>> prepare) =>
        (Name, _prepare) = (name, prepare);

    public string Name { get; }

    /// <summary>The write takes several transactions. Rows of the first ones can exist before the last, but have no
    /// effect.</summary>
    public bool InSteps { get; private init; }

    /// <summary>The commit that journals the write also answers the caller.</summary>
    public bool IsJournalled { get; private init; } = true;

    /// <summary>The answer is kept permanently. The answer to a segment of sightings is kept only until the next
    /// segment.</summary>
    public bool KeepsAnswer { get; private init; } = true;

    public override string ToString() => Name;

    internal async Task<Func<World, Task<IMessage>>> PrepareAsync(World world)
    {
        var send = await _prepare(world);
        await world.SettledAsync();
        return send;
    }

    public static readonly WriteKind ImportTacs = Of("ImportTacs", world =>
    {
        var list = "TAC|Manufacturer|Model_Name|Bands|Allocation_Date|Device_Type|Brand_Name|Sim_Slots\n"
            + "35290611|Maker A Mobiles|Nova 4G|LTE B3|01-Nov-2025|Smartphone|Nova|2\n"
            + $"{RandomNumberGenerator.GetInt32(36_000_000, 99_000_000)}|Maker A Mobiles|Nova 4G|LTE " +
                $"B3|01-Nov-2025|Smartphone|Nova|2\n";
        var header = new ImportTacsHeader { Reference = world.NewReference(), Format = TacListFormat.Gsma };
        return async w =>
        {
            using var call = new RegistrationService.RegistrationServiceClient(w.As("regulator-a")).ImportTacs();
            await WriteAsync(call.RequestStream, new ImportTacsRequest { Header = header },
                new ImportTacsRequest { Data = ByteString.CopyFromUtf8(list) });
            return await call;
        };
    });

    public static readonly WriteKind OpenBatch = new("OpenBatch", world =>
    {
        var header = Batches.Of(Header(world), TestImei.DualSim(3).File);
        return Task.FromResult<Func<World, Task<IMessage>>>(async w =>
            await Batches.OpenAsync(w.As("maker-a"), header));
    })
    { IsJournalled = false };

    public static readonly WriteKind SendChunks = new("SendChunks", async world =>
    {
        var file = TestImei.DualSim(3).File;
        var batch = await Batches.OpenAsync(world.As("maker-a"), Batches.Of(Header(world), file));
        return async w => new SendChunksResponse
        {
            DurableThrough =
            await Batches.SendAsync(w.As("maker-a"), batch, file, chunkBytes: 64)
        };
    })
    { InSteps = true, IsJournalled = false };

    public static readonly WriteKind CompleteUpload =
        new("CompleteUpload", world => SealAsync(world, TestImei.DualSim(3).File)) { InSteps = true };

    public static readonly WriteKind SealBadBatch =
        new("CompleteUpload, a line bad", world =>
        SealAsync(world, [.. TestImei.DualSim(3).File, .. "S,1,2\n"u8]))
        { InSteps = true };

    public static readonly WriteKind SealDryRun =
        new("CompleteUpload, dry run", world =>
        SealAsync(world, TestImei.DualSim(3).File, h => h.DryRun = true))
        { InSteps = true, IsJournalled = false };

    // The quota sufficed when the batch was opened and is used up when the batch is registered.
    public static readonly WriteKind SealOverQuota = new("CompleteUpload, quota used up", async world =>
    {
        var number = $"Q-{Guid.NewGuid():N}";
        await Members.ChangeAsync(world.As("regulator-a"), world.As("regulator-b"),
            new Change { Authorization = Authorization(number, quota: 3) });
        var late = await UploadedAsync(world, TestImei.DualSim(3).File, h => h.Authorization = number);
        await Batches.RegisterAsync(world.As("maker-a"), Header(world, h => h.Authorization = number),
            TestImei.DualSim(2).File);
        return w => SealedAsync(w, late);
    })
    { InSteps = true };

    public static readonly WriteKind ProposeCertification =
        Of("CertifyBatch, first", async world => Certify(world, "regulator-a", await RegisteredAsync(world)));

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
        return async w =>
            await new RegistrationService.RegistrationServiceClient(w.As("maker-a")).ReleaseBatchAsync(request);
    });

    public static readonly WriteKind RecallBatch = Of("RecallBatch", async world =>
    {
        var request = new RecallBatchRequest
        {
            Reference = world.NewReference(),
            BatchNumber = await ReleasedAsync(world), Reason = "fire hazard"
        };
        return async w =>
            await new RegistrationService.RegistrationServiceClient(w.As("maker-a")).RecallBatchAsync(request);
    });

    public static readonly WriteKind RetireUnits = Of("RetireUnits", async world =>
    {
        var (file, units) = TestImei.DualSim(3);
        var request = new RetireUnitsRequest
        {
            Reference = world.NewReference(), BatchNumber = await ReleasedAsync(world, file), Reason = "scrapped",
            Units = new UnitSelection { Imeis = { units[1].First.Printed } },
        };
        return async w =>
            await new RegistrationService.RegistrationServiceClient(w.As("maker-a")).RetireUnitsAsync(request);
    });

    public static readonly WriteKind SwapBoard = Of("SwapBoard", async world =>
    {
        var (file, units) = TestImei.DualSim(3);
        await ReleasedAsync(world, file);
        var request = new SwapBoardRequest
        {
            Reference = world.NewReference(), Imei = units[1].First.Printed,
            NewImeis = { TestImei.Next().Printed, TestImei.Next().Printed }, Reason = "repair 17",
        };
        return async w =>
            await new RegistrationService.RegistrationServiceClient(w.As("maker-a")).SwapBoardAsync(request);
    });

    public static readonly WriteKind ReportSightings = new("ReportSightings", async world =>
    {
        // One IMEI that no network has seen, one of a unit that is not released.
        var (file, units) = TestImei.DualSim(3);
        await RegisteredAsync(world, file);
        var segment = Segment(world, TestImei.Next(), units[1].First);
        return async w =>
            await new SightingsService.SightingsServiceClient(w.As("core-a1")).ReportSightingsAsync(segment);
    })
    { KeepsAnswer = false };

    public static readonly WriteKind ClearQuarantine =
        Of("ClearQuarantine", async world => Clear(world, await QuarantinedAsync(world)));

    public static readonly WriteKind ApproveClearing = Of("ApproveChange of a quarantine", async world =>
        ApproveChange(world, ((ClearQuarantineResponse)await Clear(world, await QuarantinedAsync(world))(
            world)).ChangeNumber));

    public static readonly WriteKind DraftOrder = Of("DraftOrder", world => Draft(world, TestImei.Next()));

    public static readonly WriteKind ApproveOrder =
        Of("ApproveOrder", async world => Approve(world, "regulator-b", await DraftedAsync(world)));

    public static readonly WriteKind DraftOrderAction =
        Of("DraftOrderAction", async world => DraftLiftOf(world, await ArmedAsync(world)));

    public static readonly WriteKind ApproveLift = Of("ApproveOrder of a lift", async world =>
        Approve(world, "regulator-d",
            ((DraftOrderActionResponse)await DraftLiftOf(world, await ArmedAsync(world))(world)).Order.OrderNumber));

    public static readonly WriteKind ApproveStay = Of("ApproveOrder of a stay", async world =>
        Approve(world, "regulator-d", await MeasureAsync(world, await ArmedAsync(world), OrderAction.Stay)));

    public static readonly WriteKind ApproveVacation = Of("ApproveOrder of the end of a stay", async world =>
    {
        var order = await ArmedAsync(world);
        await Approve(world, "regulator-d", await MeasureAsync(world, order, OrderAction.Stay))(world);
        return Approve(world, "regulator-d", await MeasureAsync(world, order, OrderAction.Vacate));
    });

    public static readonly WriteKind RejectOrder = Of("RejectOrder", async world =>
    {
        var request = new RejectOrderRequest
        {
            Reference = world.NewReference(),
            OrderNumber = await DraftedAsync(world), Reason = "no report"
        };
        return async w =>
            await new OrdersService.OrdersServiceClient(w.Signing("regulator-b")).RejectOrderAsync(request);
    });

    public static readonly WriteKind WithdrawOrder = Of("WithdrawOrder", async world =>
    {
        var request = new WithdrawOrderRequest
        {
            Reference = world.NewReference(),
            OrderNumber = await DraftedAsync(world), Reason = "settled"
        };
        return async w =>
            await new OrdersService.OrdersServiceClient(w.Signing("regulator-a")).WithdrawOrderAsync(request);
    });

    public static readonly WriteKind RecordNotice = Of("RecordNotice", async world =>
    {
        var draft = new DraftOrderRequest
        {
            Reference = world.NewReference(), OrderClass = OrderClass.E, Reason = "NOT_REGISTERED",
            Basis = "S.R.O. 904(I)/2017", Imeis = { TestImei.Next().Printed },
        };
        var order = (await new OrdersService.OrdersServiceClient(world.Signing("regulator-a"))
            .DraftOrderAsync(draft)).Order.OrderNumber;
        await Approve(world, "regulator-b", order)(world);
        var request = new RecordNoticeRequest
        {
            Reference = world.NewReference(), OrderNumber = order,
            Notice = new Notice
            {
                Reference = "SMS-1", Channel = "SMS",
                At = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTime(
                    TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-20)),
                Evidence = ByteString.CopyFrom(new byte[32])
            },
        };
        return async w =>
            await new OrdersService.OrdersServiceClient(w.Signing("regulator-a")).RecordNoticeAsync(request);
    });

    public static readonly WriteKind FileAppeal = Of("FileAppeal", async world => File(world, await ArmedAsync(world)));

    public static readonly WriteKind ReviewAppeal =
        Of("ReviewAppeal", async world => Review(world, (await FiledAsync(world)).AppealNumber));

    public static readonly WriteKind UpholdAppeal =
        Of("DecideAppeal, upheld", async world =>
        Decide(world, (await UnderReviewAsync(world)).AppealNumber, AppealDecision.Uphold));

    public static readonly WriteKind ReverseAppeal = Of("DecideAppeal, reversed", async world =>
    {
        var appeal = await UnderReviewAsync(world);
        var measure = await MeasureAsync(world, appeal.OrderNumber, OrderAction.Annul, appeal.AppealNumber);
        await Approve(world, "regulator-d", measure)(world);
        return Decide(world, appeal.AppealNumber, AppealDecision.Reverse, measure);
    });

    public static readonly WriteKind WithdrawAppeal = Of("WithdrawAppeal", async world =>
    {
        var request = new WithdrawAppealRequest
        {
            Reference = world.NewReference(),
            AppealNumber = (await FiledAsync(world)).AppealNumber, Reason = "letter"
        };
        return async w =>
            await new AppealsService.AppealsServiceClient(w.As("regulator-d")).WithdrawAppealAsync(request);
    });

    public static readonly WriteKind PutParty = Of("PutParty", world => ProposeParty(world));

    public static readonly WriteKind ApproveParty = Of("ApproveChange of a party", async world =>
        ApproveChange(world, ((PutPartyResponse)await ProposeParty(world)(world)).ChangeNumber));

    public static readonly WriteKind RejectChange = Of("RejectChange", async world =>
    {
        var request = new RejectChangeRequest
        {
            Reference = world.NewReference(),
            ChangeNumber = ((PutPartyResponse)await ProposeParty(world)(world)).ChangeNumber
        };
        return async w => await new ChangesService.ChangesServiceClient(w.As("regulator-b")).RejectChangeAsync(request);
    });

    public static readonly WriteKind PutActor = Of("PutActor", world => ProposeActor(world));

    public static readonly WriteKind ApproveActor = Of("ApproveChange of an actor", async world =>
        ApproveChange(world, ((PutActorResponse)await ProposeActor(world)(world)).ChangeNumber));

    public static readonly WriteKind PutAuthorization = Of("PutAuthorization", world => ProposeAuthorization(world));

    public static readonly WriteKind ApproveAuthorization = Of("ApproveChange of an authorization", async world =>
        ApproveChange(world, ((PutAuthorizationResponse)await ProposeAuthorization(world)(world)).ChangeNumber));

    public static readonly WriteKind PutTacMandate = Of("PutTacMandate", world => ProposeMandate(world));

    public static readonly WriteKind ApproveMandate = Of("ApproveChange of a mandate", async world =>
        ApproveChange(world, ((PutTacMandateResponse)await ProposeMandate(world)(world)).ChangeNumber));

    public static readonly WriteKind ProposePolicy = Of("ProposePolicy", world => Propose(world));

    public static readonly WriteKind ApprovePolicy = Of("ApprovePolicy", async world =>
    {
        var proposed = (ProposePolicyResponse)await Propose(world)(world);
        var request = new ApprovePolicyRequest { Reference = world.NewReference(), Version = proposed.Version };
        return async w => await new PolicyService.PolicyServiceClient(w.As("regulator-b")).ApprovePolicyAsync(request);
    });

    public static readonly WriteKind Recover = Of("Recover", async world =>
    {
        await world.SettledAsync();
        await world.ExecuteAsync(
            "INSERT INTO journal_epochs (epoch, reason, restored) SELECT max(epoch) + 1, 'a test', true FROM " +
            "journal_epochs");
        var pending = await new RecoveryService.RecoveryServiceClient(world.As("regulator-a"))
            .GetPendingRecoveryAsync(new GetPendingRecoveryRequest());
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

    /// <summary>Every kind of write in the contract.</summary>
    public static IReadOnlyList<WriteKind> All { get; } =
    [
        ImportTacs, OpenBatch, SendChunks, CompleteUpload, SealBadBatch, SealDryRun, SealOverQuota,
        ProposeCertification,
        ConfirmCertification, ReleaseBatch, RecallBatch, RetireUnits, SwapBoard,
        ReportSightings, ClearQuarantine, ApproveClearing, DraftOrder, ApproveOrder, DraftOrderAction, ApproveLift,
        ApproveStay, ApproveVacation, RejectOrder, WithdrawOrder, RecordNotice,
        FileAppeal, ReviewAppeal, UpholdAppeal, ReverseAppeal, WithdrawAppeal,
        PutParty, ApproveParty, RejectChange, PutActor, ApproveActor, PutAuthorization, ApproveAuthorization,
        PutTacMandate, ApproveMandate, ProposePolicy, ApprovePolicy, Recover,
    ];

    /// <summary>The kinds that one commit both journals and answers.</summary>
    public static IEnumerable<WriteKind> Journalled => All.Where(k => k.IsJournalled);

    /// <summary>A batch of new dual-SIM units, from opening to receipt.</summary>
    internal static Func<World, Task<IMessage>> Batch(World world, int units)
    {
        var file = TestImei.DualSim(units).File;
        var header = Batches.Of(Header(world), file);
        return w => SendBatchAsync(w.As("maker-a"), header, file);
    }

    internal static async Task<IMessage> SendBatchAsync(CallInvoker maker, BatchHeader header, byte[] file)
    {
        var end = await Batches.RegisterAsync(maker, header, file);
        return end.Receipt ?? throw (Exception?)end.Refusal
            ?? new InvalidOperationException("a batch ended without receipt and refusal");
    }

    internal static BatchHeader Header(World world, Action<BatchHeader>? change = null)
    {
        var header = new BatchHeader
        {
            Reference = world.NewReference(), Authorization = "MDM-0001",
            ProducedOn = "2026-11-01", Origin = DeviceOrigin.LocalAssembly, Model = "Nova 4G"
        };
        change?.Invoke(header);
        return header;
    }

    // The result of a decided batch: its receipt, its dry-run result, or its line errors with the reason of the
    // refusal.
    private static async Task<IMessage> SealedAsync(World world, ulong number)
    {
        var maker = world.As("maker-a");
        await Batches.SealAsync(maker, number);
        var end = await Batches.EndOfAsync(maker, number);
        if (end.Receipt is not null) return end.Receipt;
        if (end.DryRun is not null) return end.DryRun;

        return new ListLineErrorsResponse
        {
            Errors =
            { end.Faults, new LineError { Reason = StatusMapping.ReasonOf(end.Refusal!) } }
        };
    }

    private static async Task<ulong> UploadedAsync(World world, byte[] file, Action<BatchHeader>? change = null)
    {
        var batch = await Batches.OpenAsync(world.As("maker-a"), Batches.Of(Header(world, change), file));
        await Batches.SendAsync(world.As("maker-a"), batch, file);
        return batch.BatchNumber;
    }

    private static async Task<Func<World, Task<IMessage>>> SealAsync(
        World world, byte[] file, Action<BatchHeader>? change = null)
    {
        var number = await UploadedAsync(world, file, change);
        return w => SealedAsync(w, number);
    }

    internal static Func<World, Task<IMessage>> Draft(World world, Core.Imei imei)
    {
        var request = new DraftOrderRequest
        {
            Reference = world.NewReference(), OrderClass = OrderClass.C,
            Reason = "STOLEN", Basis = "FIR 1/2026", Imeis = { imei.Printed }
        };
        return async w =>
            await new OrdersService.OrdersServiceClient(w.Signing("regulator-a")).DraftOrderAsync(request);
    }

    internal static Func<World, Task<IMessage>> Approve(World world, string approver, ulong order)
    {
        var request = new ApproveOrderRequest { Reference = world.NewReference(), OrderNumber = order };
        return async w => await new OrdersService.OrdersServiceClient(w.Signing(approver)).ApproveOrderAsync(request);
    }

    private static Func<World, Task<IMessage>> File(World world, ulong order)
    {
        var request = new FileAppealRequest
        {
            Reference = world.NewReference(), OrderNumber = order,
            Forum = AppealForum.Authority, Appellant = "Case 12/2026", Grounds = "bought new"
        };
        return async w => await new AppealsService.AppealsServiceClient(w.As("regulator-a")).FileAppealAsync(request);
    }

    private static Func<World, Task<IMessage>> Review(World world, ulong appeal)
    {
        var request = new ReviewAppealRequest { Reference = world.NewReference(), AppealNumber = appeal };
        return async w => await new AppealsService.AppealsServiceClient(w.As("regulator-c")).ReviewAppealAsync(request);
    }

    private static Func<World, Task<IMessage>> Decide(World world, ulong appeal, AppealDecision decision,
        ulong measure = 0)
    {
        var request = new DecideAppealRequest
        {
            Reference = world.NewReference(), AppealNumber = appeal,
            Decision = decision, Findings = "heard", ActionNumber = measure
        };
        return async w => await new AppealsService.AppealsServiceClient(w.As("regulator-d")).DecideAppealAsync(request);
    }

    private static async Task<AppealSummary> FiledAsync(World world) =>
        ((FileAppealResponse)await File(world, await ArmedAsync(world))(world)).Appeal;

    private static async Task<AppealSummary> UnderReviewAsync(World world) =>
        ((ReviewAppealResponse)await Review(world, (await FiledAsync(world)).AppealNumber)(world)).Appeal;

    internal static async Task<ulong> MeasureAsync(World world, ulong order, OrderAction action, ulong appeal = 0)
    {
        var request = new DraftOrderActionRequest
        {
            Action = action, Reference = world.NewReference(),
            OrderNumber = order,
            Basis = "tribunal", AppealNumber = appeal
        };
        return (await new OrdersService.OrdersServiceClient(world.Signing("regulator-c"))
            .DraftOrderActionAsync(request)).Order.OrderNumber;
    }

    private static WriteKind Of(string name, Func<World, Task<Func<World, Task<IMessage>>>> prepare) =>
        new(name, prepare);

    private static WriteKind Of(string name, Func<World, Func<World, Task<IMessage>>> prepare) =>
        new(name, world => Task.FromResult(prepare(world)));

    private static Func<World, Task<IMessage>> Certify(World world, string identity, ulong batch)
    {
        var request = new CertifyBatchRequest { Reference = world.NewReference(), BatchNumber = batch };
        return async w =>
            await new RegistrationService.RegistrationServiceClient(w.As(identity)).CertifyBatchAsync(request);
    }

    private static Func<World, Task<IMessage>> DraftLiftOf(World world, ulong order)
    {
        var request = new DraftOrderActionRequest
        {
            Action = OrderAction.Lift, Reference = world.NewReference(),
            OrderNumber = order, Basis = "found"
        };
        return async w =>
            await new OrdersService.OrdersServiceClient(w.Signing("regulator-c")).DraftOrderActionAsync(request);
    }

    private static Func<World, Task<IMessage>> Propose(World world)
    {
        var request = new ProposePolicyRequest { Reference = world.NewReference(), Policy = PolicyMapping.Defaults() };
        return async w => await new PolicyService.PolicyServiceClient(w.As("regulator-a")).ProposePolicyAsync(request);
    }

    private static Func<World, Task<IMessage>> ProposeParty(World world)
    {
        var request = new PutPartyRequest
        {
            Reference = world.NewReference(), Name = $"p-{Guid.NewGuid():N}"[..20],
            Kind = PartyKind.Lender, State = MembershipState.Active
        };
        return async w => await new PartiesService.PartiesServiceClient(w.As("regulator-a")).PutPartyAsync(request);
    }

    private static Func<World, Task<IMessage>> ProposeActor(World world)
    {
        var request = new PutActorRequest
        {
            Reference = world.NewReference(), Name = $"a-{Guid.NewGuid():N}"[..20], Party = "pta",
            Kind = ActorKind.Person, State = MembershipState.Active,
            KeyDigest = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)),
        };
        return async w => await new PartiesService.PartiesServiceClient(w.As("regulator-a")).PutActorAsync(request);
    }

    private static Func<World, Task<IMessage>> ProposeAuthorization(World world)
    {
        var request = Authorization($"N-{Guid.NewGuid():N}", quota: 0);
        request.Reference = world.NewReference();
        return async w =>
            await new PartiesService.PartiesServiceClient(w.As("regulator-a")).PutAuthorizationAsync(request);
    }

    private static Func<World, Task<IMessage>> ProposeMandate(World world)
    {
        var request = new PutTacMandateRequest
        {
            Reference = world.NewReference(), Party = "maker-b-mobiles",
            Tacs = { $"{RandomNumberGenerator.GetInt32(36_000_000, 99_000_000)}" }, BrandOwner = "Star",
            ValidFrom = "2021-04-01",
            ValidUntil = "2031-03-31", DocumentHash = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)),
        };
        return async w =>
            await new PartiesService.PartiesServiceClient(w.As("regulator-a")).PutTacMandateAsync(request);
    }

    private static Func<World, Task<IMessage>> ApproveChange(World world, ulong change)
    {
        var request = new ApproveChangeRequest { Reference = world.NewReference(), ChangeNumber = change };
        return async w =>
            await new ChangesService.ChangesServiceClient(w.As("regulator-b")).ApproveChangeAsync(request);
    }

    private static PutAuthorizationRequest Authorization(string number, ulong quota) => new()
    {
        Number = number, Party = "maker-a-mobiles", Kind = AuthorizationKind.Manufacturing, ValidFrom = "2021-04-01",
        ValidUntil = "2031-03-31", LegalBasis = "MDM 2021",
        State = AuthorizationState.Active, QuotaUnits = quota,
    };

    private static Func<World, Task<IMessage>> Clear(World world, ulong batch)
    {
        var request = new ClearQuarantineRequest
        {
            Reference = world.NewReference(), BatchNumber = batch,
            Reason = "checked in the shop"
        };
        return async w =>
            await new RegistrationService.RegistrationServiceClient(w.As("regulator-a")).ClearQuarantineAsync(request);
    }

    // A batch with one unit of which a network saw an IMEI before the registration.
    private static async Task<ulong> QuarantinedAsync(World world)
    {
        var (file, units) = TestImei.DualSim(3);
        await new SightingsService.SightingsServiceClient(world.As("core-a1"))
            .ReportSightingsAsync(Segment(world, units[1].Second));
        return await RegisteredAsync(world, file);
    }

    private static ReportSightingsRequest Segment(World world, params Core.Imei[] imeis)
    {
        var bytes = new SightingSegment
        {
            Sightings =
            { imeis.Select(i => new Sighting { Identity = i.Digits, FirstSeenMs = 1_790_000_000_000,
            LastSeenMs = 1_790_000_000_001, Count = 2 }) }
        }.ToByteString();
        return new ReportSightingsRequest
        {
            Number = world.NewSegment(), Segment = bytes,
            Checksum = ByteString.CopyFrom(SHA256.HashData(bytes.Span))
        };
    }

    private static async Task<ulong> ReleasedAsync(World world, byte[]? file = null)
    {
        var batch = await RegisteredAsync(world, file);
        await Certify(world, "regulator-a", batch)(world);
        await Certify(world, "regulator-b", batch)(world);
        var request = new ReleaseBatchRequest { Reference = world.NewReference(), BatchNumber = batch };
        await new RegistrationService.RegistrationServiceClient(world.As("maker-a")).ReleaseBatchAsync(request);
        return batch;
    }

    private static async Task<ulong> RegisteredAsync(World world, byte[]? file = null)
    {
        var units = file ?? TestImei.DualSim(3).File;
        return ((BatchReceipt)await SendBatchAsync(world.As("maker-a"), Batches.Of(Header(world), units),
            units)).BatchNumber;
    }

    private static async Task<ulong> DraftedAsync(World world) =>
        ((DraftOrderResponse)await Draft(world, TestImei.Next())(world)).Order.OrderNumber;

    private static async Task<ulong> ArmedAsync(World world)
    {
        var order = await DraftedAsync(world);
        await Approve(world, "regulator-b", order)(world);
        return order;
    }

    // A server that refuses a request closes the stream. The status of the call gives the reason.
    private static async Task WriteAsync<T>(IClientStreamWriter<T> stream, params T[] messages)
    {
        try
        {
            foreach (var message in messages) await stream.WriteAsync(message);
            await stream.CompleteAsync();
        }
        catch (Exception fault) when (fault is InvalidOperationException or RpcException or IOException
            or HttpRequestException)
        {
            // The answer has the reason.
        }
    }
}
