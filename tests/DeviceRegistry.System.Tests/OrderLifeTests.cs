using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DeviceRegistry.System.Tests;

/// <summary>The life cycle of orders beyond block and lift: rejected, withdrawn, noticed, stayed, superseded, annulled,
/// started and ended by the clock.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class OrderLifeTests
{
    [Test]
    public async Task A_draft_is_rejected_by_another_person_than_its_drafter()
    {
        var draft = await DraftAsync(Registry.Draft(TestImei.Next()));

        var own = await Registry.RefusalOfAsync(() => RejectAsync("regulator-a", draft));
        var rejected = await RejectAsync("regulator-b", draft);
        var late = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-c", draft));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(own), Is.EqualTo("SECOND_PERSON_REQUIRED"));
            Assert.That(rejected.State, Is.EqualTo(OrderState.Rejected));
            Assert.That(rejected.EndReason, Is.EqualTo("no report"));
            Assert.That(Registry.ReasonOf(late), Is.EqualTo("WRONG_STATE"));
        }
    }

    [Test]
    public async Task Only_the_drafter_can_withdraw_a_draft()
    {
        var draft = await DraftAsync(Registry.Draft(TestImei.Next()));
        var blocked = (await Registry.GivenBlockedAsync(TestImei.Next())).Order.OrderNumber;

        var other = await Registry.RefusalOfAsync(() => WithdrawAsync("regulator-b", draft));
        var withdrawn = await WithdrawAsync("regulator-a", draft);
        var inForce = await Registry.RefusalOfAsync(() => WithdrawAsync("regulator-a", blocked));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(other), Is.EqualTo("NOT_THE_DRAFTER"));
            Assert.That(withdrawn.State, Is.EqualTo(OrderState.Withdrawn));
            Assert.That(Registry.ReasonOf(inForce), Is.EqualTo("WRONG_STATE"));
        }
    }

    [Test]
    public async Task An_armed_order_that_is_withdrawn_never_starts()
    {
        var imei = TestImei.Next();
        var request = Registry.Draft(imei);
        var (armed, withdrawn) = await Patience.AheadAsync(async start =>
        {
            (request.Reference, request.EffectiveAt) = (Registry.NewReference(), Timestamp.FromDateTimeOffset(start));
            var order = await DraftAsync(request);
            return (await ApproveAsync("regulator-b", order), await WithdrawAsync("regulator-c", order));
        });
        await Registry.UntilAsync(_ =>
            Task.FromResult(TimeProvider.System.GetUtcNow().UtcDateTime > request.EffectiveAt.ToDateTime()));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(armed.Order.State, Is.EqualTo(OrderState.Armed));
            Assert.That(withdrawn.State, Is.EqualTo(OrderState.Withdrawn));
        }

        Assert.That((await Registry.CheckAsync(imei)).Verdict, Is.Not.EqualTo(Verdict.Deny));
    }

    [Test]
    public async Task Proof_of_notice_arms_an_approved_order_of_class_E()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var order = await DraftAsync(Registry.Draft(unit.First, OrderClass.E, "NOT_REGISTERED"));
        var approved = await ApproveAsync("regulator-b", order);
        var before = await Registry.CheckAsync(unit.First);
        var notice = new Notice
        {
            Reference = "SMS-77", Channel = "SMS", At = In(TimeSpan.FromDays(-15)),
            Evidence = ByteString.CopyFrom(new byte[32])
        };

        var noticed = await Registry.Orders("regulator-c")
            .RecordNoticeAsync(new RecordNoticeRequest
            {
                Reference = Registry.NewReference(), OrderNumber = order,
                Notice = notice
            });
        await Registry.AppliedAsync(noticed.JournalPosition);
        var after = await Registry.CheckAsync(unit.Second);
        var again = await Registry.RefusalOfAsync(async () =>
            await Registry.Orders("regulator-c")
                .RecordNoticeAsync(new RecordNoticeRequest
                {
                    Reference = Registry.NewReference(), OrderNumber = order,
                    Notice = notice
                }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(approved.Order.State, Is.EqualTo(OrderState.Approved));
            Assert.That(before.Verdict, Is.EqualTo(Verdict.Allow));
            Assert.That(noticed.Order.State, Is.EqualTo(OrderState.InForce));
            Assert.That(noticed.Order.Notice, Is.EqualTo(notice));
            Assert.That(after.Verdict, Is.EqualTo(Verdict.Deny));
            Assert.That(after.Reason, Is.EqualTo(CheckReason.NotRegistered));
            Assert.That(after.Row, Is.EqualTo("19d"));
        }

        Assert.That(Registry.ReasonOf(again), Is.EqualTo("WRONG_STATE"));
    }

    [Test]
    public async Task A_stayed_order_blocks_no_device_until_the_stay_is_vacated()
    {
        var imei = TestImei.Next();
        var order = (await Registry.GivenBlockedAsync(imei)).Order.OrderNumber;

        var stayed = await MeasureAsync(order, OrderAction.Stay);
        var during = await Registry.CheckAsync(imei);
        var lift = await Registry.RefusalOfAsync(() => DraftOrderActionAsync(order, OrderAction.Lift));
        var vacated = await MeasureAsync(order, OrderAction.Vacate);
        var after = await Registry.CheckAsync(imei);
        var second = await MeasureAsync(order, OrderAction.Stay);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(stayed.State, Is.EqualTo(OrderState.Stayed));
            Assert.That(during.Verdict == Verdict.Deny, Is.False);
            Assert.That(Registry.ReasonOf(lift), Is.EqualTo("WRONG_STATE"));
            Assert.That(vacated.State is OrderState.InForce or OrderState.Enforced, Is.True);
            Assert.That(after.Verdict, Is.EqualTo(Verdict.Deny));
        }

        Assert.That(second.State, Is.EqualTo(OrderState.Stayed));
    }

    [Test]
    public async Task An_order_covers_a_board_swapped_during_its_stay()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var order = (await Registry.GivenBlockedAsync(unit.First)).Order.OrderNumber;
        await MeasureAsync(order, OrderAction.Stay);
        var (first, second) = (TestImei.Next(), TestImei.Next());
        await Registry.Registration("maker-a").SwapBoardAsync(new SwapBoardRequest
        {
            Reference = Registry.NewReference(), Imei = unit.First.Printed,
            NewImeis = { first.Printed, second.Printed }, Reason = "repair",
        });

        await MeasureAsync(order, OrderAction.Vacate);

        using (Assert.EnterMultipleScope())
        {
            Assert.That((await Registry.CheckAsync(second)).Verdict, Is.EqualTo(Verdict.Deny));
            Assert.That((await Registry.CheckAsync(unit.First)).Verdict, Is.EqualTo(Verdict.Deny));
        }
    }

    [Test]
    public async Task An_annulled_order_blocks_no_device_and_stays_on_record()
    {
        var imei = TestImei.Next();
        var order = (await Registry.GivenBlockedAsync(imei)).Order.OrderNumber;

        var annulled = await MeasureAsync(order, OrderAction.Annul);
        var twice = await Registry.RefusalOfAsync(() => DraftOrderActionAsync(order, OrderAction.Annul));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(annulled.State, Is.EqualTo(OrderState.Annulled));
            Assert.That((await Registry.CheckAsync(imei)).Verdict == Verdict.Deny, Is.False);
            Assert.That(Registry.ReasonOf(twice), Is.EqualTo("WRONG_STATE"));
        }
    }

    [Test]
    public async Task A_superseding_order_replaces_its_target_order_atomically()
    {
        var imei = TestImei.Next();
        var old = (await Registry.GivenBlockedAsync(imei)).Order.OrderNumber;
        var request = Registry.Draft(imei, OrderClass.A, "COURT_ORDER");
        request.Supersedes = old;
        var order = await DraftAsync(request, "regulator-c");

        var byItsApprover = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-b", order));
        var approved = await ApproveAsync("regulator-d", order);
        await Registry.AppliedAsync(approved.JournalPosition);

        var ended = await OrderAsync(old);
        Assert.That(Registry.ReasonOf(byItsApprover), Is.EqualTo("SECOND_PERSON_REQUIRED"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ended.State, Is.EqualTo(OrderState.Lifted));
            Assert.That(ended.ChangedByOrderNumber, Is.EqualTo(order));
            Assert.That((await Registry.CheckAsync(imei)).Row, Is.EqualTo("2"));
        }
    }

    [Test]
    public async Task An_order_that_covers_less_or_starts_later_supersedes_none()
    {
        var (first, second) = (TestImei.Next(), TestImei.Next());
        var both = Registry.Draft(first);
        both.Imeis.Add(second.Printed);
        var old = await DraftAsync(both);
        await ApproveAsync("regulator-b", old);
        var less = Registry.Draft(first, OrderClass.E, "DUPLICATE");
        less.Supersedes = old;
        var later = both.Clone();
        (later.Reference, later.Supersedes, later.EffectiveAt) =
            (Registry.NewReference(), old, In(TimeSpan.FromDays(30)));

        var order = await DraftAsync(less, "regulator-c");
        await ApproveAsync("regulator-d", order);
        var notice = new Notice
        {
            Reference = "SMS-1", Channel = "SMS", At = In(TimeSpan.FromDays(-15)),
            Evidence = ByteString.CopyFrom(new byte[32])
        };
        var covers = await Registry.RefusalOfAsync(async () =>
            await Registry.Orders("regulator-c")
                .RecordNoticeAsync(new RecordNoticeRequest
                {
                    Reference = Registry.NewReference(), OrderNumber = order,
                    Notice = notice
                }));
        var same = less.Clone();
        same.Reference = Registry.NewReference();
        var own = await DraftAsync(same);
        var twoPeople = await Registry.RefusalOfAsync(() => ApproveAsync("regulator-b", own));
        var starts = await Registry.RefusalOfAsync(() => DraftAsync(later));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(covers), Is.EqualTo("WRONG_STATE"));
            Assert.That(covers.Status.Detail,
                Is.EqualTo(
                $"Order {old} covers more than order {order}, which would take its place. Draft one that names all of "
                + $"it, or lift the other."));
            Assert.That(Registry.ReasonOf(twoPeople), Is.EqualTo("SECOND_PERSON_REQUIRED"));
            Assert.That(Registry.ReasonOf(starts), Is.EqualTo("FIELD_INVALID"));
        }

        Assert.That((await OrderAsync(old)).State is OrderState.InForce or OrderState.Enforced, Is.True);
    }

    [Test]
    public async Task An_order_that_expires_while_it_waits_for_notice_is_never_armed()
    {
        var request = Registry.Draft(TestImei.Next(), OrderClass.E, "NOT_REGISTERED");
        var order = await Patience.AheadAsync(async end =>
        {
            (request.Reference, request.ExpiresAt) = (Registry.NewReference(), Timestamp.FromDateTimeOffset(end));
            var draft = await DraftAsync(request);
            await ApproveAsync("regulator-b", draft);
            return draft;
        });
        await Registry.UntilAsync(_ =>
            Task.FromResult(TimeProvider.System.GetUtcNow().UtcDateTime > request.ExpiresAt.ToDateTime()));
        var notice = new Notice
        {
            Reference = "SMS-1", Channel = "SMS", At = In(TimeSpan.FromDays(-15)),
            Evidence = ByteString.CopyFrom(new byte[32])
        };

        var refusal = await Registry.RefusalOfAsync(async () =>
            await Registry.Orders("regulator-c")
                .RecordNoticeAsync(new RecordNoticeRequest
                {
                    Reference = Registry.NewReference(), OrderNumber = order,
                    Notice = notice
                }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("WRONG_STATE"));
            Assert.That((await OrderAsync(order)).State, Is.EqualTo(OrderState.Approved));
        }
    }

    [Test]
    public async Task Starts_and_ends_are_dated_with_their_instants()
    {
        var request = Registry.Draft(TestImei.Next());
        var order = await Patience.AheadAsync(async start =>
        {
            (request.Reference, request.EffectiveAt, request.ExpiresAt) = (Registry.NewReference(),
                Timestamp.FromDateTimeOffset(start), Timestamp.FromDateTimeOffset(start.AddSeconds(2)));
            var draft = await DraftAsync(request);
            await ApproveAsync("regulator-b", draft);
            return draft;
        });

        await Registry.UntilAsync(async _ => (await OrderAsync(order)).State is OrderState.Lifted);

        var ended = await OrderAsync(order);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ended.InForceAt, Is.EqualTo(request.EffectiveAt));
            Assert.That(ended.EndedAt, Is.EqualTo(request.ExpiresAt));
        }
    }

    [Test]
    public async Task An_order_is_enforced_when_every_active_node_has_it()
    {
        await using var registrar = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        await using var node = await RegistryProcess.StartAsync(registrar.State, "--roles", "Attach,Web", "--node",
            "node-b1", "--registrar", $"https://localhost:{registrar.Address("registrar").Port}");
        var whole = await BlockAsync(registrar);
        var enforced = await LastAsync(registrar, whole);

        await node.PauseAsync();
        var late = await BlockAsync(registrar);
        var waiting = await UntilAsync(registrar, late, w => w.Operators.Any(o => o.AppliedAt is not null));
        await node.ResumeAsync();
        var back = await LastAsync(registrar, late);

        await node.KillAsync();
        var held = await BlockAsync(registrar);
        await UntilAsync(registrar, held, w => w.Operators.Any(o => o.AppliedAt is not null));
        await Members.ChangeAsync(
            registrar.Channel("registrar", "regulator-a").CreateCallInvoker(),
            registrar.Channel("registrar", "regulator-b").CreateCallInvoker(),
            new Change
            {
                Actor = new PutActorRequest
                {
                    Name = "node-b1", Party = "opco-b", Kind = ActorKind.Node,
                    State = MembershipState.Retired
                }
            });
        var without = await LastAsync(registrar, held);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(enforced.Order.State, Is.EqualTo(OrderState.Enforced));
            Assert.That(Words(enforced), Is.EqualTo("opco-a 1/1 opco-b 1/1"));
            Assert.That(waiting.Order.State, Is.EqualTo(OrderState.InForce));
            Assert.That(Words(waiting), Is.EqualTo("opco-a 1/1 opco-b 0/1"));
            Assert.That(waiting.Operators[1].OverdueNodes, Is.EqualTo(new[] { "node-b1" }));
            Assert.That(back.Order.State, Is.EqualTo(OrderState.Enforced));
            Assert.That(without.Order.State, Is.EqualTo(OrderState.Enforced));
            Assert.That(Words(without), Is.EqualTo("opco-a 1/1"));
        }

        static string Words(WatchOrderResponse news) =>
            string.Join(' ', news.Operators.Select(o => $"{o.Operator} {o.NodesApplied}/{o.Nodes}"));
    }

    [Test]
    public async Task The_readme_diagram_matches_the_code()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Scripts.Checkout, "README.md"));

        Assert.That(readme, Does.Contain($"```mermaid\n{Core.OrderLifeCycle.Diagram(Core.OrderLifeCycle.OfBlock)}```"));
    }

    private static async Task<ulong> BlockAsync(RegistryProcess registrar)
    {
        OrdersService.OrdersServiceClient As(string who) => new(registrar.Signer(who));
        var order = (await As("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()))).Order.OrderNumber;
        await As("regulator-b").ApproveOrderAsync(
            new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = order });
        return order;
    }

    private static Task<WatchOrderResponse> LastAsync(RegistryProcess registrar, ulong order) =>
        UntilAsync(registrar, order, _ => false);

    // The first message that meets the condition, or the failure at the end of the stream.
    private static async Task<WatchOrderResponse> UntilAsync(
        RegistryProcess registrar, ulong order, Func<WatchOrderResponse, bool> isSo)
    {
        using var watch = new OrdersService.OrdersServiceClient(registrar.Signer("auditor-a"))
            .WatchOrder(new WatchOrderRequest { OrderNumber = order });
        WatchOrderResponse? last = null;
        await foreach (var news in watch.ResponseStream.ReadAllAsync())
        {
            last = news;
            if (isSo(news)) break;
        }

        return last!;
    }

    private static Timestamp In(TimeSpan wait) =>
        Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().Add(wait)
        .ToUnixTimeMilliseconds()));

    private static async Task<ulong> DraftAsync(DraftOrderRequest request, string who = "regulator-a") =>
        (await Registry.Orders(who).DraftOrderAsync(request)).Order.OrderNumber;

    private static async Task<ApproveOrderResponse> ApproveAsync(string who, ulong order) =>
        await Registry.Orders(who).ApproveOrderAsync(
            new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = order });

    private static async Task<OrderSummary> RejectAsync(string who, ulong order) =>
        (await Registry.Orders(who).RejectOrderAsync(
            new RejectOrderRequest
            {
                Reference = Registry.NewReference(), OrderNumber = order,
                Reason = "no report"
            })).Order;

    private static async Task<OrderSummary> WithdrawAsync(string who, ulong order) =>
        (await Registry.Orders(who).WithdrawOrderAsync(
            new WithdrawOrderRequest
            {
                Reference = Registry.NewReference(), OrderNumber = order,
                Reason = "settled"
            })).Order;

    private static async Task<ulong> DraftOrderActionAsync(ulong order, OrderAction action) =>
        (await Registry.Orders("regulator-c")
            .DraftOrderActionAsync(new DraftOrderActionRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = order,
                Action = action, Basis = "tribunal"
            })).Order.OrderNumber;

    // An order action drafted by the third and approved by the fourth person, and applied at the node. Returns the
    // target order after it.
    private static async Task<OrderSummary> MeasureAsync(ulong order, OrderAction action)
    {
        await Registry.AppliedAsync((await ApproveAsync("regulator-d",
            await DraftOrderActionAsync(order, action))).JournalPosition);
        return await OrderAsync(order);
    }

    private static async Task<OrderSummary> OrderAsync(ulong order) =>
        (await Registry.Reads("auditor-a").GetOrderAsync(new GetOrderRequest { OrderNumber = order })).Order;
}
