using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DeviceRegistry.System.Tests;

[CancelAfter(Patience.TestMs)]
public sealed class OrderTests
{
    [Test]
    public async Task Blocking_one_imei_denies_both_imeis_of_the_unit()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];

        await Registry.GivenBlockedAsync(unit.First);

        var (first, second) = (await Registry.CheckAsync(unit.First), await Registry.CheckAsync(unit.Second));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Verdict, Is.EqualTo(Verdict.Deny));
            Assert.That(first.Reason, Is.EqualTo(CheckReason.Stolen));
            Assert.That(first.Row, Is.EqualTo("5a"));
            Assert.That(second.Verdict, Is.EqualTo(Verdict.Deny));
            Assert.That(second.Reason, Is.EqualTo(CheckReason.Stolen));
        }
    }

    [Test]
    public async Task A_draft_blocks_no_device()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];

        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(unit.First));
        await Registry.AppliedAsync(draft.JournalPosition);

        Assert.That((await Registry.CheckAsync(unit.First)).Verdict, Is.EqualTo(Verdict.Allow));
    }

    [Test]
    public async Task The_drafter_cannot_approve()
    {
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()));

        var refusal = await Registry.RefusalOfAsync(async () =>
            await Registry.Orders("regulator-a")
                .ApproveOrderAsync(new ApproveOrderRequest
                {
                    Reference = Registry.NewReference(),
                    OrderNumber = draft.Order.OrderNumber
                }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.FailedPrecondition));
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("SECOND_PERSON_REQUIRED"));
        }
    }

    [Test]
    public async Task Lifting_the_only_order_lets_the_unit_attach_again()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var blocked = await Registry.GivenBlockedAsync(unit.First);

        await Registry.GivenLiftedAsync(blocked.Order.OrderNumber);

        var check = await Registry.CheckAsync(unit.Second);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(check.Verdict, Is.EqualTo(Verdict.Allow));
            Assert.That(check.Reason, Is.EqualTo(CheckReason.Compliant));
        }
    }

    [Test]
    public async Task Lifting_one_of_two_orders_keeps_the_device_blocked()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var stolen = await Registry.GivenBlockedAsync(unit.First);
        await Registry.GivenBlockedAsync(unit.Second, OrderClass.C, "LOST");

        await Registry.GivenLiftedAsync(stolen.Order.OrderNumber);

        var check = await Registry.CheckAsync(unit.First);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(check.Verdict, Is.EqualTo(Verdict.Deny));
            Assert.That(check.Reason, Is.EqualTo(CheckReason.Lost));
        }
    }

    [TestCase("regulator-a", TestName = "The drafter of a block cannot approve its lift")]
    [TestCase("regulator-b", TestName = "The approver of a block cannot approve its lift")]
    [TestCase("regulator-c", TestName = "The drafter of a lift cannot approve it")]
    public async Task The_approver_of_a_lift_is_a_fourth_person(string approver)
    {
        var blocked = await Registry.GivenBlockedAsync(TestImei.Next());
        var lift = await Registry.Orders("regulator-c")
            .DraftOrderActionAsync(new DraftOrderActionRequest
            {
                Action = OrderAction.Lift,
                Reference = Registry.NewReference(),
                OrderNumber = blocked.Order.OrderNumber, Basis = "found"
            });

        var refusal = await Registry.RefusalOfAsync(async () =>
            await Registry.Orders(approver)
                .ApproveOrderAsync(new ApproveOrderRequest
                {
                    Reference = Registry.NewReference(),
                    OrderNumber = lift.Order.OrderNumber
                }));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("SECOND_PERSON_REQUIRED"));
    }

    [Test]
    public async Task An_approval_sent_twice_gets_the_same_answer()
    {
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()));
        var request = new ApproveOrderRequest
        {
            Reference = Registry.NewReference(),
            OrderNumber = draft.Order.OrderNumber
        };

        var first = await Registry.Orders("regulator-b").ApproveOrderAsync(request);
        var second = await Registry.Orders("regulator-b").ApproveOrderAsync(request);

        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public async Task Another_person_cannot_get_the_answer_of_a_reference()
    {
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()));
        var request = new ApproveOrderRequest
        {
            Reference = Registry.NewReference(),
            OrderNumber = draft.Order.OrderNumber
        };
        await Registry.Orders("regulator-b").ApproveOrderAsync(request);

        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Orders("regulator-c")
            .ApproveOrderAsync(request));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("REFERENCE_REUSED"));
    }

    [Test]
    public async Task Of_three_concurrent_approvals_one_succeeds()
    {
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()));
        async Task<string> Try(string person)
        {
            try
            {
                await Registry.Orders(person).ApproveOrderAsync(
                    new ApproveOrderRequest
                    {
                        Reference = Registry.NewReference(),
                        OrderNumber = draft.Order.OrderNumber
                    });
                return "approved";
            }
            catch (RpcException refusal)
            {
                return Registry.ReasonOf(refusal);
            }
        }

        var answers = await Task.WhenAll(Try("regulator-b"), Try("regulator-c"), Try("regulator-d"));

        Assert.That(answers, Is.EquivalentTo(["approved", "WRONG_STATE", "WRONG_STATE"]));
    }

    [Test]
    public async Task An_order_of_class_B_on_a_tac_denies_every_device_of_the_tac()
    {
        var imei = TestImei.Next(35290698);
        var request = Registry.Draft(imei, OrderClass.B, "BARRED_TAC");
        request.Imeis.Clear();
        request.Tacs.Add("35290698");
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(request);
        var approved = await Registry.Orders("regulator-b")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        await Registry.AppliedAsync(approved.JournalPosition);

        var check = await Registry.CheckAsync(imei);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(check.Verdict, Is.EqualTo(Verdict.Deny));
            Assert.That(check.Reason, Is.EqualTo(CheckReason.BarredTac));
            Assert.That(check.Row, Is.EqualTo("4"));
        }
    }

    [Test]
    public async Task A_court_order_outranks_a_theft_order()
    {
        var imei = TestImei.Next();
        await Registry.GivenBlockedAsync(imei);
        await Registry.GivenBlockedAsync(imei, OrderClass.A, "COURT_ORDER");

        Assert.That((await Registry.CheckAsync(imei)).Row, Is.EqualTo("2"));
    }

    [Test]
    public async Task An_order_expires_at_its_instant()
    {
        var imei = TestImei.Next();
        var request = Registry.Draft(imei);
        var during = await Patience.AheadAsync(async end =>
        {
            (request.Reference, request.ExpiresAt) = (Registry.NewReference(), Timestamp.FromDateTimeOffset(end));
            var draft = await Registry.Orders("regulator-a").DraftOrderAsync(request);
            var approved = await Registry.Orders("regulator-b")
                .ApproveOrderAsync(new ApproveOrderRequest
                {
                    Reference = Registry.NewReference(),
                    OrderNumber = draft.Order.OrderNumber
                });
            await Registry.AppliedAsync(approved.JournalPosition);
            return await Registry.CheckAsync(imei);
        });

        await Registry.UntilAsync(async _ => (await Registry.CheckAsync(imei)).Verdict is not Verdict.Deny);

        Assert.That(during.Verdict, Is.EqualTo(Verdict.Deny));
        Assert.That(TimeProvider.System.GetUtcNow().UtcDateTime,
            Is.GreaterThanOrEqualTo(request.ExpiresAt.ToDateTime().AddMilliseconds(-1)));
    }

    [TestCase(253_402_300_799, 999_999_900)]
    [TestCase(-1, 0)]
    [TestCase(5_000_000_000, 1_000_000_000)]
    public async Task An_instant_out_of_range_is_refused_as_a_field_error(long seconds, int nanos)
    {
        var request = Registry.Draft(TestImei.Next());
        request.ExpiresAt = new Timestamp { Seconds = seconds, Nanos = nanos };

        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Orders("regulator-a")
            .DraftOrderAsync(request));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.InvalidArgument));
            Assert.That(Contracts.StatusMapping.FieldsOf(refusal).Select(f => f.Field),
                Is.EqualTo((IEnumerable<string>)["expires_at"]));
        }
    }

    [Test]
    public async Task A_start_and_an_end_in_one_millisecond_are_refused()
    {
        var request = Registry.Draft(TestImei.Next());
        request.EffectiveAt = new Timestamp { Seconds = 5_000_000_000, Nanos = 100 };
        request.ExpiresAt = new Timestamp { Seconds = 5_000_000_000, Nanos = 900 };

        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Orders("regulator-a")
            .DraftOrderAsync(request));

        Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.InvalidArgument));
    }

    [Test]
    public async Task A_unit_is_never_half_blocked_by_a_concurrent_order()
    {
        var (file, units) = TestImei.DualSim(2_000);
        var target = units[1_000];
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(Registry.Draft(target.First));

        var registering = Registry.RegisterAsync(Registry.Header(), file);
        var approving = Registry.Orders("regulator-b")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            }).ResponseAsync;
        await Task.WhenAll(registering, approving);

        var registered = (await registering).Receipt is not null;
        var covered = (await Registry.Reads("auditor-a")
            .GetOrderAsync(new GetOrderRequest { OrderNumber = draft.Order.OrderNumber })).Order.Imeis;
        Assert.That(covered.Contains(target.Second.Digits), Is.EqualTo(registered),
            "either the order covers the sibling, or the batch was told of the order");
    }

    [Test]
    public async Task An_order_denies_no_device_before_its_start()
    {
        var imei = TestImei.Next();
        var request = Registry.Draft(imei);
        request.EffectiveAt = Timestamp.FromDateTime(DateTime.SpecifyKind(new DateTime(2999, 1, 1), DateTimeKind.Utc));
        var draft = await Registry.Orders("regulator-a").DraftOrderAsync(request);
        var approved = await Registry.Orders("regulator-b")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        await Registry.AppliedAsync(approved.JournalPosition);

        Assert.That((await Registry.CheckAsync(imei)).Verdict, Is.Not.EqualTo(Verdict.Deny));
    }

    [TestCase(OrderClass.D, "FINANCE_DEFAULT", "CLASS_DISABLED")]
    [TestCase(OrderClass.C, "NO_SUCH_REASON", "REASON_UNKNOWN")]
    [TestCase(OrderClass.A, "STOLEN", "REASON_UNKNOWN")]
    public async Task A_draft_that_violates_a_rule_is_refused(OrderClass rank, string reason, string expected)
    {
        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Orders("regulator-a")
            .DraftOrderAsync(Registry.Draft(TestImei.Next(), rank, reason)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refusal.StatusCode, Is.EqualTo(StatusCode.FailedPrecondition));
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo(expected));
        }
    }

    [Test]
    public async Task A_wrong_check_digit_is_refused_with_the_expected_one()
    {
        var imei = TestImei.Next();
        var request = Registry.Draft(imei);
        request.Imeis[0] = imei.Digits + (imei.Printed[14] == '0' ? '1' : '0');

        var refusal = await Registry.RefusalOfAsync(async () => await Registry.Orders("regulator-a")
            .DraftOrderAsync(request));

        var field = Contracts.StatusMapping.FieldsOf(refusal).Single();
        Assert.That(field.Field, Is.EqualTo("imeis[0]"));
        Assert.That(field.Description, Does.Contain($"check digit {imei.Printed[14]}"));
    }

    [Test]
    public async Task History_lists_actor_action_and_time()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        var blocked = await Registry.GivenBlockedAsync(unit.First);
        await Registry.GivenLiftedAsync(blocked.Order.OrderNumber);

        var device = await Registry.Reads("auditor-a")
            .GetDeviceAsync(new GetDeviceRequest { Imei = unit.Second.Printed });

        Assert.That(device.Unit.Imeis, Is.EqualTo([unit.First.Digits, unit.Second.Digits]));
        Assert.That(device.History.Where(h => h.Actor is not "the registry")
            .Select(h => $"{h.Actor} {h.Event.Split(' ')[0]}"), Is.EqualTo(
        [
            "maker-a BATCH_DECLARED", "regulator-a BATCH_CERTIFICATION_PROPOSED", "regulator-b BATCH_CERTIFIED",
            "maker-a IMEIS_RELEASED",
            "regulator-a ORDER_DRAFTED", "regulator-b ORDER_APPROVED", "regulator-b ORDER_ARMED",
            "regulator-c ORDER_DRAFTED", "regulator-d ORDER_APPROVED", "regulator-d ORDER_LIFTED",
        ]));
    }

    [Test]
    public async Task A_manufacturer_reads_its_own_unit_without_the_orders()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];
        await Registry.GivenBlockedAsync(unit.First);

        var own = await Registry.Reads("maker-a").GetDeviceAsync(new GetDeviceRequest { Imei = unit.First.Digits });
        var others = await Registry.RefusalOfAsync(async () => await Registry.Reads("maker-b")
            .GetDeviceAsync(new GetDeviceRequest { Imei = unit.First.Digits }));

        Assert.That(own.Orders, Is.Empty);
        Assert.That(own.History.Select(h => h.Event), Has.None.Contain("ORDER"));
        Assert.That(others.StatusCode, Is.EqualTo(StatusCode.NotFound));
    }
}
