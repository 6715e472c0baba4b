using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Npgsql;

namespace DeviceRegistry.System.Tests.State;

/// <summary>A registry in which every kind of journal entry has occurred, and that is compared with its
/// journal.</summary>
internal sealed class StateWorld : IAsyncDisposable
{
    private const uint OfAnySlots = 35290697;
    private int _segment;

    private StateWorld(RegistryProcess server, string database)
    {
        Server = server;
        Database = database;
    }

    /// <summary>The registry process.</summary>
    public RegistryProcess Server { get; }

    /// <summary>The database of the registry.</summary>
    public string Database { get; }

    /// <summary>Starts a registry with its demo members only.</summary>
    public static async Task<StateWorld> StartAsync()
    {
        var database = await Registry.Cluster.CloneAsync();
        var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(database));
        await Registry.ImportTacsAsync(server, Registry.GsmaList);
        return new StateWorld(server, database);
    }

    /// <summary>Starts a registry with batches, orders, members and policies in every state.</summary>
    public static async Task<StateWorld> StartFullAsync()
    {
        var world = await StartAsync();
        try
        {
            await world.ChangeMembersAsync();
            await world.RegisterAsync();
            await world.OrderAsync();
            await world.AppealAsync();

            // The one node has applied every order in force, and the registrar has recorded that. From here on nothing
            // changes without a request.
            await Registry.UntilAsync(async _ =>
                await world.ValueAsync("SELECT count(*) FROM orders WHERE state = 10") is "0");
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    public CallInvoker As(string identity) => Server.Channel("registrar", identity).CreateCallInvoker();

    public AsyncServerStreamingCall<VerifyStateResponse> Begin(uint most = 0) =>
        new StateService.StateServiceClient(As("auditor-a"))
        .VerifyState(new VerifyStateRequest { MaxDifferences = most });

    /// <summary>Runs a verification. Returns the differences as text, and the summary.</summary>
    public async Task<(IReadOnlyList<string> Differences, StateSummary End)> VerifyAsync(uint most = 0)
    {
        using var call = Begin(most);
        var all = new List<VerifyStateResponse>();
        await foreach (var part in call.ResponseStream.ReadAllAsync()) all.Add(part);
        return ([.. all.Where(p => p.Difference is not null).Select(p => Word(p.Difference))], all[^1].Summary);
    }

    /// <summary>Runs SQL directly in the database as the cluster's owner, with triggers and foreign keys
    /// disabled.</summary>
    public Task ExecuteAsync(string sql) =>
        Registry.Cluster.ExecuteAsync($"SET session_replication_role = replica; {sql}", Database);

    /// <summary>One value of the database.</summary>
    public async Task<string> ValueAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(Registry.Cluster.Server.AdminConnectionString(Database)
            + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return $"{await command.ExecuteScalarAsync()}";
    }

    /// <summary>Changes the database directly, runs a verification, and reverts the change. Returns the result of the
    /// verification.</summary>
    public async Task<(IReadOnlyList<string> Differences, StateSummary End)> TamperedAsync(string sql,
        params string[] tables)
    {
        await ExecuteAsync(string.Concat(tables.Select(t => $"CREATE TABLE kept_{t} AS TABLE {t};")));
        await ExecuteAsync(sql);
        try
        {
            return await VerifyAsync();
        }
        finally
        {
            foreach (var table in tables)
            {
                var columns = await ValueAsync(
                    $"SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns WHERE " +
                    $"table_schema = 'public' AND table_name = '{table}' AND is_generated = 'NEVER'");
                await ExecuteAsync(
                    $"DELETE FROM {table}; INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} " +
                    $"FROM kept_{table}; DROP TABLE kept_{table}");
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Server.DisposeAsync();

    private static string Word(StateDifference difference) => difference.Kind switch
    {
        StateDifferenceKind.Value =>
            $"{difference.Table} {difference.Key} {difference.Column}: {difference.InTable} for {difference.InJournal}",
        StateDifferenceKind.Missing => $"{difference.Table} {difference.Key} missing",
        StateDifferenceKind.Unexpected => $"{difference.Table} {difference.Key} unknown",
        _ => $"{difference.Table} {difference.Key} {difference.Column}: {difference.InTable}",
    };

    private async Task ChangeMembersAsync()
    {
        // An authorization changed twice, a TAC mandate, a member with a new key, a retired member, a rejected proposal
        // and an open one.
        PutAuthorizationRequest Right(AuthorizationState state, ulong quota) => new()
        {
            Number = "IMP-77", Party = "maker-b-mobiles", Kind = AuthorizationKind.Import, State = state,
            ValidFrom = "2021-01-01", ValidUntil = "2030-12-31", LegalBasis = "law", QuotaUnits = quota,
        };
        PutActorRequest Person(string name, MembershipState state) => new()
        {
            Name = name, Party = "opco-b", Kind = ActorKind.Person, State = state,
            KeyDigest = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)),
        };
        await ChangeAsync(new Change
        {
            Party =
            new PutPartyRequest
            {
                Name = "opco-c", Kind = PartyKind.Operator, State = MembershipState.Active,
                Plmns = { "41011", "41012" }
            }
        });
        await ChangeAsync(new Change { Authorization = Right(AuthorizationState.Active, 0) });
        await ChangeAsync(new Change { Authorization = Right(AuthorizationState.Suspended, 500) });
        await ChangeAsync(new Change { Actor = Person("new-key", MembershipState.Active) });
        await ChangeAsync(new Change { Actor = Person("new-key", MembershipState.Active) });
        await ChangeAsync(new Change { Actor = Person("retired", MembershipState.Retired) });
        await ChangeAsync(new Change
        {
            TacMandate = new PutTacMandateRequest
            {
                Tacs = { "35290699" }, Party = "maker-b-mobiles", BrandOwner = "Star", ValidFrom = "2021-01-01",
                ValidUntil = "2031-01-01", DocumentHash = ByteString.CopyFrom(new byte[32]),
            },
        });
        await ChangeAsync(new Change
        {
            TacMandate = new PutTacMandateRequest
            {
                Tacs = { $"{OfAnySlots}" }, Party = "maker-a-mobiles", BrandOwner = "Nova", ValidFrom = "2021-01-01",
                ValidUntil = "2031-01-01", DocumentHash = ByteString.CopyFrom(new byte[32]),
            },
        });
        var rejected = await Parties()
            .PutPartyAsync(new PutPartyRequest
            {
                Reference = Registry.NewReference(), Name = "opco-d",
                Kind = PartyKind.Operator, State = MembershipState.Active
            });
        await new ChangesService.ChangesServiceClient(As("regulator-b"))
            .RejectChangeAsync(new RejectChangeRequest
            {
                Reference = Registry.NewReference(),
                ChangeNumber = rejected.ChangeNumber
            });
        await Parties().PutPartyAsync(
            new PutPartyRequest
            {
                Reference = Registry.NewReference(), Name = "opco-e", Kind = PartyKind.Operator,
                State = MembershipState.Active
            });
        await Registry.ImportTacsAsync(Server,
            Registry.GsmaList.Replace("Feature phone", "Smartphone", StringComparison.Ordinal)
            + $"\n35290698|Maker B Mobiles|Star 4G|LTE B3||Smartphone|Star|2\n{OfAnySlots}|Maker A Mobiles|Nova " +
            $"4G|LTE B3||Smartphone|Nova|\n");
    }

    private async Task RegisterAsync()
    {
        // 1. Units released in parts; one recalled, one retired, one with two board swaps, one seen before its release.
        var (parts, units) = await RegisteredAsync(8);
        await CertifyAsync(parts);
        await SightAsync(units[7].First);
        await Maker().ReleaseBatchAsync(
            new ReleaseBatchRequest
            {
                Reference = Registry.NewReference(), BatchNumber = parts,
                Units = Of(units[0].Serial, units[1].Serial, units[2].Serial, units[5].Serial)
            });
        await Maker().RecallBatchAsync(
            new RecallBatchRequest
            {
                Reference = Registry.NewReference(), BatchNumber = parts, Reason = "hot",
                Units = Of(units[1].Serial)
            });
        await Maker().RetireUnitsAsync(
            new RetireUnitsRequest
            {
                Reference = Registry.NewReference(), BatchNumber = parts, Reason = "lost",
                Units = Of(units[2].Serial, units[6].Serial)
            });
        var between = TestImei.Next();
        await SwapAsync(units[0].First, between, TestImei.Next());
        await SwapAsync(between, TestImei.Next(), TestImei.Next());

        // 2. Units with different numbers of IMEIs; one of them retired before its certification.
        string Next() => TestImei.Next(OfAnySlots).Digits;
        var mixed = Encoding.ASCII.GetBytes(
            $"serial_number,imei_1,imei_2\nM-1,{Next()},\nM-2,{Next()},{Next()}\nM-3,{Next()},\n");
        var differing = (await Registry.RegisterAsync(Registry.Header(), mixed, server: Server)).Receipt!.BatchNumber;
        await Maker().RetireUnitsAsync(
            new RetireUnitsRequest
            {
                Reference = Registry.NewReference(), BatchNumber = differing, Reason = "lost",
                Units = Of("M-2")
            });

        // 3. Units seen before their registration: in quarantine, which is cleared for one of them.
        var (file, seen) = TestImei.DualSim(4);
        await SightAsync(seen[1].Second, seen[2].First, seen[2].Second);
        var suspect = (await Registry.RegisterAsync(Registry.Header(), file, server: Server)).Receipt!.BatchNumber;
        var clearing = await new RegistrationService.RegistrationServiceClient(As("regulator-a"))
            .ClearQuarantineAsync(new ClearQuarantineRequest
            {
                Reference = Registry.NewReference(), BatchNumber = suspect, Reason = "explained",
                Units = Of(seen[2].Serial),
            });
        await new ChangesService.ChangesServiceClient(As("regulator-b"))
            .ApproveChangeAsync(new ApproveChangeRequest
            {
                Reference = Registry.NewReference(),
                ChangeNumber = clearing.ChangeNumber
            });
        await Regulator("regulator-a")
            .CertifyBatchAsync(new CertifyBatchRequest { Reference = Registry.NewReference(), BatchNumber = suspect });

        // 4. A batch certified by policy, released and recalled as a whole; and a policy that is not approved.
        var policies = new PolicyService.PolicyServiceClient(As("regulator-a"));
        var policy = (await policies.GetPolicyAsync(new GetPolicyRequest())).Policy;
        policy.AutoCertified.Add(new PartyRef { Party = "maker-a-mobiles" });
        var version = (await policies.ProposePolicyAsync(
            new ProposePolicyRequest { Reference = Registry.NewReference(), Policy = policy })).Version;
        await new PolicyService.PolicyServiceClient(As("regulator-b"))
            .ApprovePolicyAsync(new ApprovePolicyRequest { Reference = Registry.NewReference(), Version = version });
        policy.DeviceMaxImeis = 3;
        await policies.ProposePolicyAsync(
            new ProposePolicyRequest { Reference = Registry.NewReference(), Policy = policy });
        var whole = (await RegisteredAsync(3)).Batch;
        await Maker().ReleaseBatchAsync(
            new ReleaseBatchRequest { Reference = Registry.NewReference(), BatchNumber = whole });
        await Maker().RecallBatchAsync(
            new RecallBatchRequest { Reference = Registry.NewReference(), BatchNumber = whole, Reason = "hot" });
        await SightAsync(units[2].First);

        // 5. A rejected batch, a dry run, and an open batch.
        await Registry.RegisterAsync(Registry.Header(), "serial_number,imei_1\nB-1,123\n"u8.ToArray(), server: Server);
        var dry = Registry.Header();
        dry.DryRun = true;
        await Batches.RegisterAsync(As("maker-a"), dry, TestImei.DualSim(1).File);
        await Batches.OpenAsync(As("maker-a"), Batches.Of(Registry.Header(), TestImei.DualSim(1).File));
    }

    private async Task OrderAsync()
    {
        var unit = (await RegisteredAsync(1)).Units[0];
        // not approved
        await DraftAsync(Registry.Draft(unit.First));
        await Orders("regulator-b").RejectOrderAsync(
            new RejectOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = await DraftAsync(Registry.Draft(TestImei.Next())), Reason = "no report"
            });
        await Orders("regulator-a").WithdrawOrderAsync(
            new WithdrawOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = await DraftAsync(Registry.Draft(TestImei.Next())), Reason = "settled"
            });
        // in force; also covers the other IMEI of the unit
        await BlockAsync(Registry.Draft(unit.Second));
        await MeasureAsync(await BlockAsync(Registry.Draft(TestImei.Next())), OrderAction.Lift);
        await MeasureAsync(await BlockAsync(Registry.Draft(TestImei.Next())), OrderAction.Stay);
        await MeasureAsync(await BlockAsync(Registry.Draft(TestImei.Next())), OrderAction.Annul);
        var vacated = await BlockAsync(Registry.Draft(TestImei.Next()));
        await MeasureAsync(vacated, OrderAction.Stay);
        await MeasureAsync(vacated, OrderAction.Vacate);
        await DraftOrderActionAsync(vacated, OrderAction.Lift);

        // A device with a subscriber, which covers the other IMEI of the unit too; an identity that is no IMEI, with a
        // subscriber of another operator.
        var subscribers = (await Orders("regulator-a")
            .PseudonymizeSubscribersAsync(
            new PseudonymizeSubscribersRequest { Imsis = { "410010000000001", "410060000000001" } })).Subscribers;
        var paired = new DraftOrderRequest
        {
            Reference = Registry.NewReference(), OrderClass = OrderClass.C,
            Reason = "STOLEN", Basis = "FIR 126/2026"
        };
        paired.Pairs.Add([new OrderPair { Equipment = unit.First.Printed, Subscriber = subscribers[0] },
            new OrderPair { Equipment = "#PAIRED", Subscriber = subscribers[1] }]);
        await BlockAsync(paired);

        // Class E, without and with its notice.
        await BlockAsync(Registry.Draft(TestImei.Next(), OrderClass.E, "NOT_REGISTERED"));
        var noticed = await BlockAsync(Registry.Draft(TestImei.Next(), OrderClass.E, "NOT_REGISTERED"));
        var notice = new Notice
        {
            Reference = "SMS-77", Channel = "SMS", At = In(TimeSpan.FromDays(-15)),
            Evidence = ByteString.CopyFrom(new byte[32])
        };
        await Orders("regulator-c").RecordNoticeAsync(
            new RecordNoticeRequest { Reference = Registry.NewReference(), OrderNumber = noticed, Notice = notice });

        // An order on a TAC; a superseding order with evidence; orders with future starts; an order that starts and
        // ends by the clock.
        var tac = new DraftOrderRequest
        {
            Reference = Registry.NewReference(), OrderClass = OrderClass.B,
            Reason = "BARRED_TAC", Basis = "list", Tacs = { "35290698" }, NoticeWaiver = "secret"
        };
        await BlockAsync(tac);
        var imei = TestImei.Next();
        var court = Registry.Draft(imei, OrderClass.A, "COURT_ORDER");
        court.Supersedes = await BlockAsync(Registry.Draft(imei));
        court.Evidence.Add(ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)));
        await ApproveAsync("regulator-d", await DraftAsync(court, "regulator-c"));
        var ahead = Registry.Draft(TestImei.Next());
        (ahead.EffectiveAt, ahead.ExpiresAt) = (In(TimeSpan.FromDays(30)), In(TimeSpan.FromDays(60)));
        await BlockAsync(ahead);
        var brief = Registry.Draft(TestImei.Next());
        var ended = await Patience.AheadAsync(start =>
        {
            (brief.Reference, brief.EffectiveAt, brief.ExpiresAt) = (Registry.NewReference(),
                Timestamp.FromDateTimeOffset(start), Timestamp.FromDateTimeOffset(start.AddSeconds(1)));
            return BlockAsync(brief);
        });
        await Registry.UntilAsync(async ct =>
            (await new RegistryService.RegistryServiceClient(As("auditor-a"))
            .GetOrderAsync(new GetOrderRequest { OrderNumber = ended },
            cancellationToken: ct)).Order.State is OrderState.Lifted);
    }

    private async Task AppealAsync()
    {
        AppealsService.AppealsServiceClient Appeals(string who) => new(As(who));
        async Task<ulong> FileAsync(ulong order, AppealForum forum = AppealForum.Authority, ulong after = 0) =>
            (await Appeals("regulator-a").FileAppealAsync(new FileAppealRequest
            {
                Reference = Registry.NewReference(), OrderNumber = order, Forum = forum, AfterAppeal = after,
                Appellant = "Case 12/2026", Grounds = "bought new", Evidence = { ByteString.CopyFrom(new byte[32]) },
            })).Appeal.AppealNumber;
        async Task ReviewAsync(ulong appeal) => await Appeals("regulator-c")
            .ReviewAppealAsync(new ReviewAppealRequest { Reference = Registry.NewReference(), AppealNumber = appeal });
        async Task DecideAsync(ulong appeal, AppealDecision decision, ulong measure = 0)
        {
            await ReviewAsync(appeal);
            await Appeals("regulator-d").DecideAppealAsync(new DecideAppealRequest
            {
                Reference = Registry.NewReference(), AppealNumber = appeal, Decision = decision, Findings = "heard",
                ActionNumber = measure, Evidence = { ByteString.CopyFrom(new byte[32]) },
            });
        }

        // Appeals: filed only; upheld, and appealed to the tribunal; remitted and reviewed again; reversed; withdrawn.
        var order = await BlockAsync(Registry.Draft(TestImei.Next()));
        await FileAsync(order);
        var upheld = await FileAsync(order);
        await DecideAsync(upheld, AppealDecision.Uphold);
        var remitted = await FileAsync(order, AppealForum.Tribunal, upheld);
        await DecideAsync(remitted, AppealDecision.Remit);
        await ReviewAsync(remitted);
        var ended = await BlockAsync(Registry.Draft(TestImei.Next()));
        var reversed = await FileAsync(ended);
        var annulment = await DraftOrderActionAsync(ended, OrderAction.Annul);
        await ApproveAsync("regulator-d", annulment);
        await DecideAsync(reversed, AppealDecision.Reverse, annulment);
        await Appeals("regulator-d").WithdrawAppealAsync(
            new WithdrawAppealRequest
            {
                Reference = Registry.NewReference(), AppealNumber = await FileAsync(order),
                Reason = "letter"
            });
    }

    private async Task<(ulong Batch, IReadOnlyList<(
        string Serial, Core.Imei First, Core.Imei Second)> Units)> RegisteredAsync(int units)
    {
        var (file, all) = TestImei.DualSim(units);
        return ((await Registry.RegisterAsync(Registry.Header(), file, server: Server)).Receipt!.BatchNumber, all);
    }

    private async Task CertifyAsync(ulong batch)
    {
        await Regulator("regulator-a")
            .CertifyBatchAsync(new CertifyBatchRequest { Reference = Registry.NewReference(), BatchNumber = batch });
        await Regulator("regulator-b")
            .CertifyBatchAsync(new CertifyBatchRequest { Reference = Registry.NewReference(), BatchNumber = batch });
    }

    private async Task SwapAsync(Core.Imei imei, params Core.Imei[] fresh) =>
        await Maker().SwapBoardAsync(new SwapBoardRequest
        {
            Reference = Registry.NewReference(), Imei = imei.Printed, NewImeis = { fresh.Select(i => i.Printed) },
            Reason = "repair",
        });

    private async Task SightAsync(params Core.Imei[] imeis)
    {
        var ms = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var bytes = new SightingSegment
        {
            Sightings =
            { imeis.Select(i => new Sighting { Identity = i.Digits, FirstSeenMs = ms, LastSeenMs = ms,
            Count = 1 }) }
        }.ToByteString();
        await new SightingsService.SightingsServiceClient(As("node-b1")).ReportSightingsAsync(new ReportSightingsRequest
        {
            Number = (ulong)++_segment, Segment = bytes, Checksum = ByteString.CopyFrom(SHA256.HashData(bytes.Span)),
        });
    }

    private static UnitSelection Of(params string[] serials) => new() { SerialNumbers = { serials } };

    private Task<ApproveChangeResponse> ChangeAsync(Change change) =>
        Members.ChangeAsync(As("regulator-a"), As("regulator-b"), change);

    private PartiesService.PartiesServiceClient Parties() => new(As("regulator-a"));

    private RegistrationService.RegistrationServiceClient Maker() => new(As("maker-a"));

    private RegistrationService.RegistrationServiceClient Regulator(string who) => new(As(who));

    public OrdersService.OrdersServiceClient Orders(string who) => new(Server.Signer(who));

    private async Task<ulong> DraftAsync(DraftOrderRequest request, string who = "regulator-a") =>
        (await Orders(who).DraftOrderAsync(request)).Order.OrderNumber;

    private async Task ApproveAsync(string who, ulong order) => await Orders(who)
        .ApproveOrderAsync(new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = order });

    private async Task<ulong> BlockAsync(DraftOrderRequest request)
    {
        var order = await DraftAsync(request);
        await ApproveAsync("regulator-b", order);
        return order;
    }

    private async Task<ulong> DraftOrderActionAsync(ulong order, OrderAction action) =>
        (await Orders("regulator-c").DraftOrderActionAsync(
            new DraftOrderActionRequest
            {
                Reference = Registry.NewReference(), OrderNumber = order, Action = action,
                Basis = "tribunal"
            })).Order.OrderNumber;

    private async Task MeasureAsync(ulong order, OrderAction action) =>
        await ApproveAsync("regulator-d", await DraftOrderActionAsync(order, action));

    private static Timestamp In(TimeSpan wait) =>
        Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().Add(wait)
        .ToUnixTimeMilliseconds()));
}
