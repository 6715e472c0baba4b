using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;

namespace DeviceRegistry.System.Tests;

/// <summary>Subjects of orders other than IMEIs and TACs, each from the draft to the answer at the node.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class OrderSubjectTests
{
    private static int _thousands = 800;

    [Test]
    public async Task An_order_on_a_range_denies_exactly_the_serials_of_the_range()
    {
        var start = FreeThousand();
        var order = await BlockAsync(Draft(Range(start, 100, 200)));
        var answers = await VerdictsAsync(At(start, 99), At(start, 100), At(start, 150), At(start, 200),
            At(start, 201));

        await Registry.GivenLiftedAsync(order.OrderNumber);

        Assert.That(answers, Is.EqualTo(
            new[] { Verdict.Track, Verdict.Deny, Verdict.Deny, Verdict.Deny, Verdict.Track }));
        Assert.That((await Registry.CheckAsync(At(start, 150))).Verdict, Is.EqualTo(Verdict.Track));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(order.ImeiRanges.Single().First, Is.EqualTo(At(start, 100).Digits));
            Assert.That(order.ImeiRanges.Single().Last, Is.EqualTo(At(start, 200).Digits));
            Assert.That(order.Imeis.Count, Is.EqualTo(0));
        }
    }

    [Test]
    public async Task Adjacent_ranges_are_merged_without_covering_other_imeis()
    {
        var start = FreeThousand();
        var (inside, outside) = (At(start, 5), TestImei.Next());
        await RegisterAsync(inside, outside);

        var order = await BlockAsync(Draft(Range(start, 6, 9), Range(start, 1, 5)));

        Assert.That(order.ImeiRanges.Select(r => (r.First, r.Last)),
            Is.EqualTo(new[] { (At(start, 1).Digits, At(start, 9).Digits) }));
        Assert.That(await VerdictsAsync(inside, outside), Is.EqualTo(new[] { Verdict.Deny, Verdict.Track }));
    }

    [Test]
    public async Task A_blocked_range_prevents_registration_and_board_swap()
    {
        var start = FreeThousand();
        var (swapped, escaping) = ((await Registry.GivenReleasedAsync())[0], At(start, 50));
        await RegisterAsync(escaping, TestImei.Next());
        var order = await BlockAsync(Draft(Range(start, 0, 99)));

        var (_, faults, registered) =
            await Registry.RegisterAsync(Registry.Header(), Line(At(start, 99), At(start, 100)));
        var toBlocked = await Registry.RefusalOfAsync(() => SwapAsync(swapped.First, At(start, 0), TestImei.Next()));
        var away = await Registry.RefusalOfAsync(() => SwapAsync(escaping, TestImei.Next(), TestImei.Next()));
        await Registry.GivenLiftedAsync(order.OrderNumber);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(registered!), Is.EqualTo("BATCH_HAS_INVALID_LINES"));
            Assert.That(faults.Single().Reason, Is.EqualTo("IMEI_BLOCKED"));
            Assert.That(faults.Single().Field, Is.EqualTo("imei_1"));
            Assert.That(toBlocked.Status.Detail.Contains("IMEI_BLOCKED", StringComparison.Ordinal), Is.True);
            Assert.That(Registry.ReasonOf(away), Is.EqualTo("UNIT_BLOCKED"));
        }

        await RegisterAsync(At(start, 99), At(start, 100));
    }

    [Test]
    public async Task A_device_lists_the_orders_on_its_range()
    {
        var start = FreeThousand();
        var order = (await BlockAsync(Draft(Range(start, 0, 9)))).OrderNumber;
        await RegisterAsync(At(start, 20), At(start, 21));

        var inside = await Registry.Reads("auditor-a")
            .GetDeviceAsync(new GetDeviceRequest { Imei = At(start, 9).Digits });
        var beside = await Registry.Reads("auditor-a")
            .GetDeviceAsync(new GetDeviceRequest { Imei = At(start, 20).Digits });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(inside.Orders.Single().OrderNumber, Is.EqualTo(order));
            Assert.That(beside.Orders.Count, Is.EqualTo(0));
        }

        Assert.That(inside.History.Select(h => h.Event), Has.Member($"ORDER_ARMED order {order}"));
    }

    [Test]
    public async Task An_order_supersedes_one_on_ranges_only_if_it_covers_all_of_them()
    {
        var start = FreeThousand();
        var old = (await BlockAsync(Draft(Range(start, 0, 9), Range(start, 20, 29)))).OrderNumber;

        var less = await Registry.RefusalOfAsync(() => SupersedeAsync(old, Range(start, 0, 28)));
        var more = await SupersedeAsync(old, Range(start, 10, 29), Range(start, 0, 9));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(less), Is.EqualTo("WRONG_STATE"));
            Assert.That(more.State, Is.EqualTo(OrderState.InForce));
        }

        Assert.That((await OrderAsync(old)).State, Is.EqualTo(OrderState.Lifted));
    }

    [Test]
    public async Task An_order_on_a_unit_denies_all_its_imeis()
    {
        var (batch, units) = await Registry.GivenRegisteredAsync(2);
        var request = Draft();
        request.Units.Add([new OrderUnit { BatchNumber = batch, SerialNumber = units[0].Serial },
            new OrderUnit { BatchNumber = batch, Unit = 1 }]);

        var order = await BlockAsync(request);

        Assert.That(await VerdictsAsync(units[0].First, units[0].Second, units[1].First),
            Is.EqualTo(new[] { Verdict.Deny, Verdict.Deny, Verdict.Track }));
        Assert.That(order.Units, Is.EqualTo(
            new[] { new OrderUnit { BatchNumber = batch, SerialNumber = units[0].Serial, Unit = 1 } }));
        Assert.That(order.Imeis, Is.EquivalentTo(new[] { units[0].First.Digits, units[0].Second.Digits }));
        Assert.That(Registry.ReasonOf(
            await Registry.RefusalOfAsync(() => SwapAsync(units[0].First, TestImei.Next(), TestImei.Next()))),
            Is.EqualTo("UNIT_BLOCKED"));
    }

    [Test]
    public async Task An_order_covers_boards_swapped_before_its_start_or_in_a_stay()
    {
        var (batch, units) = await Registry.GivenRegisteredAsync(1);
        var request = Draft();
        request.Units.Add(new OrderUnit { BatchNumber = batch, SerialNumber = units[0].Serial });
        var (second, third) = ((TestImei.Next(), TestImei.Next()), (First: TestImei.Next(), Second: TestImei.Next()));
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(request);

        await SwapAsync(units[0].First, second.Item1, second.Item2);
        var approved = await Registry.Orders("regulator-b")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        await Registry.AppliedAsync(approved.JournalPosition);
        var armed = await VerdictsAsync(units[0].First, second.Item1, second.Item2);
        await MeasureAsync(draft.Order.OrderNumber, OrderAction.Stay);
        await SwapAsync(second.Item1, third.First, third.Second);
        await MeasureAsync(draft.Order.OrderNumber, OrderAction.Vacate);

        Assert.That(armed, Is.All.EqualTo(Verdict.Deny));
        Assert.That(await VerdictsAsync(units[0].Second, second.Item2, third.First, third.Second),
            Is.All.EqualTo(Verdict.Deny));
    }

    [TestCase("#12ab", "#12AB")]
    [TestCase("mac-00-11-22-33-44-99", "MAC-00-11-22-33-44-99")]
    [TestCase(" 12\u00e4", " 12\u00c4")]
    public async Task An_order_on_a_non_imei_identity_denies_every_spelling(string seen, string normal)
    {
        // This identity has an id already; the others get theirs from the order.
        await Registry.SightAsync("#12AB");
        var before = await CheckAsync(seen);
        var request = Draft();
        request.Identities.Add([seen, normal]);

        var order = await BlockAsync(request);
        var during = (await CheckAsync(seen), await CheckAsync(normal));
        await Registry.GivenLiftedAsync(order.OrderNumber);

        Assert.That(order.Identities, Is.EqualTo(new[] { normal }));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(during.Item1.Row, Is.EqualTo("5a"));
            Assert.That(during.Item1.Reason, Is.EqualTo(CheckReason.Stolen));
            Assert.That(during.Item2.Row, Is.EqualTo("5a"));
            Assert.That(before.Row, Is.EqualTo("8"));
            Assert.That((await CheckAsync(seen)).Row, Is.EqualTo("8"));
        }
    }

    [Test]
    public async Task An_order_supersedes_one_only_if_it_names_all_identities_and_units()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var request = Draft();
        request.Identities.Add(["#SUPER-1", "#SUPER-2"]);
        request.Imeis.Add(unit.Second.Printed);
        var old = (await BlockAsync(request)).OrderNumber;
        var less = request.Clone();
        less.Identities.RemoveAt(0);
        var more = request.Clone();
        more.Imeis[0] = unit.First.Printed;
        foreach (var next in new[] { less, more }) (next.Reference, next.Supersedes) = (Registry.NewReference(), old);

        var refusal = await Registry.RefusalOfAsync(() => BlockAsync(less, "regulator-c", "regulator-d"));
        var taken = await BlockAsync(more, "regulator-c", "regulator-d");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("WRONG_STATE"));
            Assert.That(taken.State, Is.EqualTo(OrderState.InForce));
            Assert.That((await OrderAsync(old)).State, Is.EqualTo(OrderState.Lifted));
        }
    }

    [Test]
    public void A_node_does_not_apply_an_order_with_unknown_fields()
    {
        var armed = new OrderArmed
        {
            OrderNumber = 1, OrderClass = OrderClass.C, CheckReason = CheckReason.Stolen,
            Tacs = { 35290611 }, Identities = { "#12AB" }
        };
        byte[] unknown = [.. armed.ToByteArray(), 15 << 3, 1];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Applies(armed.ToByteArray()), Is.True);
            Assert.That(Applies(unknown), Is.False);
        }

        static bool Applies(byte[] bytes) =>
            new Attach.EntryApplier(new Attach.NodeState("", new Core.MemberDirectory()))
            .TryApply(new JournalEntry
            {
                Kind = (int)JournalKind.OrderArmed, MustUnderstand = true,
                PublicBytes = ByteString.CopyFrom(bytes)
            });
    }

    private static async Task<CheckResponse> CheckAsync(string identity) =>
        await Registry.Attach().CheckAsync(new CheckRequest { Imei = identity });

    private static async Task MeasureAsync(ulong order, OrderAction action)
    {
        var draft = await Registry.Orders("regulator-c")
            .DraftOrderActionAsync(new DraftOrderActionRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = order,
                Action = action, Basis = "tribunal"
            });
        var approved = await Registry.Orders("regulator-d")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        await Registry.AppliedAsync(approved.JournalPosition);
    }

    // A thousand serials that no other test uses: other tests count up from 1.
    private static uint FreeThousand() => (uint)Interlocked.Increment(ref _thousands) * 1_000;

    private static Core.Imei At(uint start, uint serial) => new(35290611_000000ul + start + serial);

    private static ImeiRange Range(uint start, uint first, uint last) =>
        new() { First = At(start, first).Printed, Last = At(start, last).Digits };

    private static DraftOrderRequest Draft(params ImeiRange[] ranges) => new()
    {
        Reference = Registry.NewReference(), OrderClass = OrderClass.C, Reason = "STOLEN", Basis = "FIR 124/2026",
        ImeiRanges = { ranges },
    };

    private static byte[] Line(Core.Imei first, Core.Imei second) =>
        global::System.Text.Encoding.ASCII.GetBytes(
        $"serial_number,imei_1,imei_2\nR{first.Value},{first.Printed},{second.Printed}\n");

    private static async Task<ulong> RegisterAsync(Core.Imei first, Core.Imei second) =>
        (await Registry.RegisterAsync(Registry.Header(), Line(first, second))).Receipt!.BatchNumber;

    private static async Task SwapAsync(Core.Imei imei, params Core.Imei[] fresh) =>
        await Registry.Registration("maker-a").SwapBoardAsync(new SwapBoardRequest
        {
            Reference = Registry.NewReference(), Imei = imei.Printed, NewImeis = { fresh.Select(f => f.Printed) },
            Reason = "repair",
        });

    // Drafted by the first and approved by the second person, and applied at the node.
    private static async Task<OrderSummary> BlockAsync(DraftOrderRequest request, string drafter = "regulator-a",
        string approver = "regulator-b")
    {
        var draft = await Registry.Orders(drafter).DraftOrderAsync(request);
        var approved = await Registry.Orders(approver)
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        await Registry.AppliedAsync(approved.JournalPosition);
        return approved.Order;
    }

    private static Task<OrderSummary> SupersedeAsync(ulong order, params ImeiRange[] ranges)
    {
        var request = Draft(ranges);
        request.Supersedes = order;
        return BlockAsync(request, "regulator-c", "regulator-d");
    }

    private static async Task<OrderSummary> OrderAsync(ulong order) =>
        (await Registry.Reads("auditor-a").GetOrderAsync(new GetOrderRequest { OrderNumber = order })).Order;

    private static async Task<IReadOnlyList<Verdict>> VerdictsAsync(params Core.Imei[] imeis)
    {
        var verdicts = new List<Verdict>();
        foreach (var imei in imeis) verdicts.Add((await Registry.CheckAsync(imei)).Verdict);
        return verdicts;
    }
}
