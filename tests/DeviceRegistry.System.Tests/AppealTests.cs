using System.Globalization;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Npgsql;

namespace DeviceRegistry.System.Tests;

/// <summary>Appeals: filed within the legal period, handled by people who took no part in the order, and never able to
/// bypass the two signatures. Regulator-a drafts orders and records appeals, regulator-b approves orders, regulator-c
/// reviews appeals and regulator-d decides them.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class AppealTests
{
    [Test]
    public async Task An_upheld_appeal_leaves_the_order_in_force()
    {
        var imei = TestImei.Next();
        var order = await BlockedAsync(imei);

        var filed = await FileAsync(order);
        var taken = await ReviewAsync(filed.AppealNumber);
        var upheld = await DecideAsync(filed.AppealNumber, AppealDecision.Uphold);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(filed.State, Is.EqualTo(AppealState.Filed));
            Assert.That(filed.FiledOn, Is.EqualTo(Day(0)));
            Assert.That(filed.FileBy, Is.EqualTo(Day(30)));
            Assert.That(filed.DecideBy, Is.EqualTo(Day(90)));
            Assert.That(taken.State, Is.EqualTo(AppealState.UnderReview));
            Assert.That(taken.ReviewedBy, Is.EqualTo("regulator-c"));
            Assert.That(upheld.State, Is.EqualTo(AppealState.Upheld));
            Assert.That(upheld.DecidedBy, Is.EqualTo("regulator-d"));
            Assert.That(upheld.Findings, Is.EqualTo("heard"));
            Assert.That(upheld.ActionNumber, Is.EqualTo(0ul));
            Assert.That(upheld.OrderState is OrderState.InForce or OrderState.Enforced, Is.True);
            Assert.That((await Registry.CheckAsync(imei)).Verdict, Is.EqualTo(Verdict.Deny));
        }

        // The order itself changes meanwhile: nodes report that they enforce it.
        var read = (await Appeals("auditor-a")
            .GetAppealAsync(new GetAppealRequest { AppealNumber = filed.AppealNumber })).Appeal;
        read.OrderState = upheld.OrderState;
        Assert.That(read, Is.EqualTo(upheld));
    }

    [Test]
    public async Task A_reversal_names_the_approved_action_that_ended_the_order()
    {
        var imei = TestImei.Next();
        var order = await BlockedAsync(imei);
        var appeal = await UnderReviewAsync(order);
        var draft = await DraftOrderActionAsync(order, OrderAction.Annul, appeal);
        var other = await MeasureAsync(await BlockedAsync(TestImei.Next()), OrderAction.Annul);
        var stay = await MeasureAsync(order, OrderAction.Stay, appeal);

        var refusals = new List<string>();
        foreach (var measure in new[] { draft, other, stay, order })
            refusals.Add(Registry.ReasonOf(
                await Registry.RefusalOfAsync(() => DecideAsync(appeal, AppealDecision.Reverse, measure))));
        await ApproveAsync(draft);
        var reversed = await DecideAsync(appeal, AppealDecision.Reverse, draft);

        Assert.That(refusals, Is.All.EqualTo("WRONG_STATE"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(reversed.State, Is.EqualTo(AppealState.Reversed));
            Assert.That(reversed.ActionNumber, Is.EqualTo(draft));
            Assert.That(reversed.OrderState, Is.EqualTo(OrderState.Annulled));
        }

        Assert.That((await Registry.CheckAsync(imei)).Verdict, Is.Not.EqualTo(Verdict.Deny));
        Assert.That((await OrderAsync(draft)).AppealNumber, Is.EqualTo(appeal));
    }

    [Test]
    public async Task Signers_of_the_order_and_the_recorder_may_not_decide_an_appeal()
    {
        var order = await BlockedAsync(TestImei.Next());
        var appeal = (await FileAsync(order, "regulator-c")).AppealNumber;

        var refusals = new List<string>();
        foreach (var who in new[] { "regulator-a", "regulator-b" }) refusals.Add(
            Registry.ReasonOf(await Registry.RefusalOfAsync(() => ReviewAsync(appeal, who))));
        await ReviewAsync(appeal);
        foreach (var who in new[] { "regulator-a", "regulator-b", "regulator-c" })
        {
            refusals.Add(Registry.ReasonOf(
                await Registry.RefusalOfAsync(() => DecideAsync(appeal, AppealDecision.Uphold, who: who))));
            refusals.Add(Registry.ReasonOf(await Registry.RefusalOfAsync(() => WithdrawAsync(appeal, who))));
        }

        Assert.That(refusals, Is.All.EqualTo("SECOND_PERSON_REQUIRED"));
        Assert.That((await DecideAsync(appeal, AppealDecision.Uphold)).State, Is.EqualTo(AppealState.Upheld));
    }

    [Test]
    public async Task An_appeal_is_late_by_its_filing_date_and_not_by_its_recording_date()
    {
        var order = await BlockedAsync(TestImei.Next());
        await SqlAsync($"UPDATE orders SET in_force_at = in_force_at - interval '40 days' WHERE number = {order}");

        var late = await Registry.RefusalOfAsync(() => FileAsync(order));
        var lateByADay = await Registry.RefusalOfAsync(() => FileAsync(order, filedOn: Day(-9)));
        var before = await Registry.RefusalOfAsync(() => FileAsync(order, filedOn: Day(-41)));
        var inTime = await FileAsync(order, filedOn: Day(-10));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(late), Is.EqualTo("APPEAL_DEADLINE_PASSED"));
            Assert.That(late.Status.Detail,
                Is.EqualTo(
                $"The days to appeal against order {order} began on {Day(-40)}; the last was {Day(-10)}, and this was "
                + $"filed on {Day(0)}. Nothing was recorded."));
            Assert.That(Registry.ReasonOf(lateByADay), Is.EqualTo("APPEAL_DEADLINE_PASSED"));
            Assert.That(Registry.ReasonOf(before), Is.EqualTo("FIELD_INVALID"));
            Assert.That(inTime.FileBy, Is.EqualTo(Day(-10)));
            Assert.That(inTime.DecideBy, Is.EqualTo(Day(80)));
            Assert.That(inTime.Overdue, Is.False);
        }
    }

    [Test]
    public async Task An_appeal_needs_an_order_that_is_in_force_or_has_a_notice()
    {
        var draft = (await Registry.Orders("regulator-a")
            .DraftOrderAsync(Registry.Draft(TestImei.Next()))).Order.OrderNumber;
        var withoutNotice = Registry.Draft(TestImei.Next());
        var withNotice = Registry.Draft(TestImei.Next(), OrderClass.E, "NOT_REGISTERED");
        (withoutNotice.EffectiveAt, withNotice.EffectiveAt) = (In(TimeSpan.FromDays(30)), In(TimeSpan.FromDays(30)));
        var ahead = await ApprovedAsync(withoutNotice);
        var noticed = await ApprovedAsync(withNotice);
        await Registry.Orders("regulator-c").RecordNoticeAsync(new RecordNoticeRequest
        {
            Reference = Registry.NewReference(), OrderNumber = noticed,
            Notice = new Notice
            {
                Reference = "SMS-1", Channel = "SMS", At = In(TimeSpan.FromDays(-50)),
                Evidence = Digest
            },
        });
        var annulled = await BlockedAsync(TestImei.Next());
        var annulment = await MeasureAsync(annulled, OrderAction.Annul);

        var refusals = new List<string>();
        foreach (var order in new[] { draft, ahead, annulled, annulment }) refusals.Add(
            Registry.ReasonOf(await Registry.RefusalOfAsync(() => FileAsync(order))));
        var appeal = await FileAsync(noticed, filedOn: Day(-45));

        Assert.That(refusals, Is.All.EqualTo("WRONG_STATE"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(appeal.State, Is.EqualTo(AppealState.Filed));
            Assert.That(appeal.OrderState, Is.EqualTo(OrderState.Armed));
            Assert.That(appeal.FileBy, Is.EqualTo(""));
        }
    }

    [Test]
    public async Task A_stay_for_an_appeal_lasts_until_it_is_vacated()
    {
        var imei = TestImei.Next();
        var order = await BlockedAsync(imei);
        var elsewhere = (await FileAsync(await BlockedAsync(TestImei.Next()))).AppealNumber;
        var appeal = (await FileAsync(order)).AppealNumber;

        var ofAnother = await Registry.RefusalOfAsync(() => DraftOrderActionAsync(order, OrderAction.Stay, elsewhere));
        var stay = await MeasureAsync(order, OrderAction.Stay, appeal);
        var during = (await Registry.CheckAsync(imei)).Verdict;
        await ReviewAsync(appeal);
        var upheld = await DecideAsync(appeal, AppealDecision.Uphold);
        var vacation = await MeasureAsync(order, OrderAction.Vacate, appeal);
        var after = (await Registry.CheckAsync(imei)).Verdict;
        var again = await Registry.RefusalOfAsync(() => DraftOrderActionAsync(order, OrderAction.Stay, appeal));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(ofAnother), Is.EqualTo("NOT_FOUND"));
            Assert.That((await OrderAsync(stay)).AppealNumber, Is.EqualTo(appeal));
            Assert.That(during is Verdict.Deny, Is.False);
            Assert.That(upheld.OrderState, Is.EqualTo(OrderState.Stayed));
            Assert.That((await OrderAsync(vacation)).AppealNumber, Is.EqualTo(appeal));
            Assert.That(after, Is.EqualTo(Verdict.Deny));
            Assert.That(Registry.ReasonOf(again), Is.EqualTo("WRONG_STATE"));
            Assert.That(again.Status.Detail,
                Is.EqualTo($"Appeal {appeal} is UPHELD; an order is stayed for an appeal that is not decided."));
        }
    }

    [Test]
    public async Task An_appeal_passes_authority_tribunal_and_court_and_can_be_remitted()
    {
        var order = await BlockedAsync(TestImei.Next());
        var first = await UnderReviewAsync(order);
        var undecided = await Registry.RefusalOfAsync(() =>
            FileAsync(order, forum: AppealForum.Tribunal, after: first));
        await DecideAsync(first, AppealDecision.Uphold);
        var skipped = await Registry.RefusalOfAsync(() =>
            FileAsync(order, forum: AppealForum.SupremeCourt, after: first));
        var sideways = await Registry.RefusalOfAsync(() =>
            FileAsync(order, forum: AppealForum.Authority, after: first));

        var tribunal = await FileAsync(order, forum: AppealForum.Tribunal, after: first);
        var twice = await Registry.RefusalOfAsync(() => FileAsync(order, forum: AppealForum.Tribunal, after: first));
        await ReviewAsync(tribunal.AppealNumber);
        var unproven = await Registry.RefusalOfAsync(() => DecideAsync(tribunal.AppealNumber, AppealDecision.Uphold));
        await DecideAsync(tribunal.AppealNumber, AppealDecision.Uphold, proven: true);
        var court = await FileAsync(order, forum: AppealForum.SupremeCourt, after: tribunal.AppealNumber);
        await ReviewAsync(court.AppealNumber);
        var remitted = await DecideAsync(court.AppealNumber, AppealDecision.Remit, proven: true);
        var unheard = await Registry.RefusalOfAsync(() =>
            DecideAsync(court.AppealNumber, AppealDecision.Uphold, proven: true));
        var again = await ReviewAsync(court.AppealNumber);
        var annulment = await MeasureAsync(order, OrderAction.Annul, court.AppealNumber);
        var reversed = await DecideAsync(court.AppealNumber, AppealDecision.Reverse, annulment, proven: true);

        var refusals = new[] { undecided, skipped, sideways, twice, unheard }.Select(Registry.ReasonOf);
        Assert.That(refusals, Is.All.EqualTo("WRONG_STATE"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Registry.ReasonOf(unproven), Is.EqualTo("FIELD_INVALID"));
            Assert.That(StatusMapping.FieldsOf(unproven).Single().Field, Is.EqualTo("evidence"));
            Assert.That(tribunal.FileBy, Is.EqualTo(Day(30)));
            Assert.That(tribunal.DecideBy, Is.EqualTo(Day(90)));
            Assert.That(court.FileBy, Is.EqualTo(Day(60)));
            Assert.That(court.DecideBy, Is.EqualTo(""));
            Assert.That(remitted.State, Is.EqualTo(AppealState.Remitted));
            Assert.That(remitted.DecideBy, Is.EqualTo(Day(90)));
            Assert.That(remitted.RemittedAt is not null, Is.True);
            Assert.That(again.State, Is.EqualTo(AppealState.UnderReview));
            Assert.That(again.RemittedAt, Is.EqualTo(remitted.RemittedAt));
            Assert.That(reversed.State, Is.EqualTo(AppealState.Reversed));
        }
    }

    [Test]
    public async Task Overdue_appeals_are_listed_until_they_are_decided()
    {
        var order = await BlockedAsync(TestImei.Next());
        var (filed, review, decided, inTime) =
            ((await FileAsync(order)).AppealNumber, await UnderReviewAsync(order), await UnderReviewAsync(order),
            await UnderReviewAsync(order));
        await DecideAsync(decided, AppealDecision.Uphold);
        await SqlAsync(
            $"SET session_replication_role = replica; UPDATE appeals SET decide_by = '{Day(-1)}' WHERE number IN " +
            $"({filed}, {review}, {decided})");
        await SqlAsync(
            $"SET session_replication_role = replica; UPDATE appeals SET decide_by = '{Day(0)}' WHERE number = " +
            $"{inTime}");

        var overdue = await ListAsync(new ListAppealsRequest { OrderNumber = order, Overdue = true });
        var all = await ListAsync(new ListAppealsRequest { OrderNumber = order });
        var underReview = await ListAsync(
            new ListAppealsRequest
            {
                OrderNumber = order, State = AppealState.UnderReview,
                Forum = AppealForum.Authority
            });
        var page = await Appeals("auditor-a")
            .ListAppealsAsync(new ListAppealsRequest { OrderNumber = order, PageSize = 2, BeforeNumber = inTime });

        Assert.That(overdue, Is.EqualTo(new[] { $"{review} True", $"{filed} True" }));
        Assert.That(all, Is.EqualTo(new[] { $"{inTime} False", $"{decided} False", $"{review} True",
            $"{filed} True" }));
        Assert.That(underReview, Is.EqualTo(new[] { $"{inTime} False", $"{review} True" }));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(string.Join(' ', page.Appeals.Select(a => a.AppealNumber)), Is.EqualTo($"{decided} {review}"));
            Assert.That(page.More, Is.True);
        }
    }

    [Test]
    public async Task A_withdrawn_appeal_is_final_and_allows_another()
    {
        var order = await BlockedAsync(TestImei.Next());
        var first = await UnderReviewAsync(order);
        await DecideAsync(first, AppealDecision.Uphold);
        var second = (await FileAsync(order, forum: AppealForum.Tribunal, after: first)).AppealNumber;

        var withdrawn = await WithdrawAsync(second);
        var late = await Registry.RefusalOfAsync(() => ReviewAsync(second));
        var third = await FileAsync(order, forum: AppealForum.Tribunal, after: first);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(withdrawn.State, Is.EqualTo(AppealState.Withdrawn));
            Assert.That(withdrawn.Findings, Is.EqualTo("letter"));
            Assert.That(Registry.ReasonOf(late), Is.EqualTo("WRONG_STATE"));
            Assert.That(third.AfterAppeal, Is.EqualTo(first));
        }
    }

    [Test]
    public async Task New_appeal_periods_apply_to_later_appeals_only()
    {
        await using var server = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(await Registry.Cluster.CloneAsync()));
        var order = (await new OrdersService.OrdersServiceClient(server.Signer("regulator-a"))
            .DraftOrderAsync(Registry.Draft(TestImei.Next()))).Order.OrderNumber;
        await new OrdersService.OrdersServiceClient(server.Signer("regulator-b"))
            .ApproveOrderAsync(new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = order });
        var appeals = new AppealsService.AppealsServiceClient(server.Channel("registrar", "regulator-c"));
        var before = (await appeals.FileAppealAsync(Filing(order))).Appeal;
        var first = new PolicyService.PolicyServiceClient(server.Channel("registrar", "regulator-a"));
        var policy = (await first.GetPolicyAsync(new GetPolicyRequest())).Policy;
        (policy.AppealFileDays, policy.AppealReviewDays) = (14, 21);
        var version = (await first.ProposePolicyAsync(
            new ProposePolicyRequest { Reference = Registry.NewReference(), Policy = policy })).Version;
        await new PolicyService.PolicyServiceClient(server.Channel("registrar", "regulator-b"))
            .ApprovePolicyAsync(new ApprovePolicyRequest { Reference = Registry.NewReference(), Version = version });

        var after = (await appeals.FileAppealAsync(Filing(order))).Appeal;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(before.FileBy, Is.EqualTo(Day(30)));
            Assert.That(before.DecideBy, Is.EqualTo(Day(90)));
            Assert.That(after.FileBy, Is.EqualTo(Day(14)));
            Assert.That(after.DecideBy, Is.EqualTo(Day(21)));
        }

        Assert.That((await appeals.GetAppealAsync(
            new GetAppealRequest { AppealNumber = before.AppealNumber })).Appeal.DecideBy, Is.EqualTo(Day(90)));
    }

    [Test]
    public async Task The_journal_publishes_the_steps_of_an_appeal_without_its_texts()
    {
        var secret = $"secret-{Guid.NewGuid():N}";
        var order = await BlockedAsync(TestImei.Next());
        var filing = Filing(order);
        (filing.Appellant, filing.Grounds) = ($"{secret} appellant", $"{secret} grounds");
        var appeal = (await Appeals("regulator-a").FileAppealAsync(filing)).Appeal.AppealNumber;
        await ReviewAsync(appeal);
        await Appeals("regulator-d").DecideAppealAsync(
            new DecideAppealRequest
            {
                Reference = Registry.NewReference(), AppealNumber = appeal,
                Decision = AppealDecision.Uphold, Findings = $"{secret} findings"
            });

        var kinds = await AskAsync(
            $"SELECT string_agg(p.kind::text, ' ' ORDER BY j.position) FROM journal j JOIN journal_payloads p ON " +
            $"p.id = j.payload_id JOIN journal_subjects s ON s.payload_id = p.id WHERE p.kind BETWEEN 35 AND 38 AND " +
                $"s.subject = " +
            $"{order}");
        var published = await AskAsync(
            $"SELECT count(*) FROM journal_payloads WHERE position('{secret}'::bytea in public_bytes) > 0");
        var kept = await AskAsync(
            $"SELECT count(*) FROM journal_private WHERE position('{secret}'::bytea in private_bytes) > 0");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(kinds, Is.EqualTo("35 36 37"));
            Assert.That(published, Is.EqualTo("0"));
            Assert.That(kept, Is.EqualTo("2"));
        }
    }

    [Test]
    public async Task The_readme_diagram_matches_the_code()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Scripts.Checkout, "README.md"));

        Assert.That(readme, Does.Contain($"```mermaid\n{Core.AppealLifeCycle.Diagram()}```"));
    }

    private static ByteString Digest { get; } = ByteString.CopyFrom(new byte[32]);

    private static AppealsService.AppealsServiceClient Appeals(string who) =>
        new(Registry.Server.Channel("registrar", who));

    private static FileAppealRequest Filing(ulong order) => new()
    {
        Reference = Registry.NewReference(), OrderNumber = order, Forum = AppealForum.Authority,
        Appellant = "Case 12/2026", Grounds = "bought new",
    };

    private static async Task<AppealSummary> FileAsync(ulong order, string who = "regulator-a",
        AppealForum forum = AppealForum.Authority, string filedOn = "", ulong after = 0)
    {
        var request = Filing(order);
        (request.Forum, request.FiledOn, request.AfterAppeal) = (forum, filedOn, after);
        return (await Appeals(who).FileAppealAsync(request)).Appeal;
    }

    private static async Task<AppealSummary> ReviewAsync(ulong appeal, string who = "regulator-c") =>
        (await Appeals(who).ReviewAppealAsync(
            new ReviewAppealRequest { Reference = Registry.NewReference(), AppealNumber = appeal })).Appeal;

    private static async Task<AppealSummary> DecideAsync(ulong appeal, AppealDecision decision, ulong measure = 0,
        string who = "regulator-d", bool proven = false)
    {
        var request = new DecideAppealRequest
        {
            Reference = Registry.NewReference(), AppealNumber = appeal,
            Decision = decision, Findings = "heard", ActionNumber = measure
        };
        if (proven) request.Evidence.Add(Digest);
        return (await Appeals(who).DecideAppealAsync(request)).Appeal;
    }

    private static async Task<AppealSummary> WithdrawAsync(ulong appeal, string who = "regulator-d") =>
        (await Appeals(who).WithdrawAppealAsync(
            new WithdrawAppealRequest
            {
                Reference = Registry.NewReference(), AppealNumber = appeal,
                Reason = "letter"
            })).Appeal;

    private static async Task<ulong> UnderReviewAsync(ulong order) =>
        (await ReviewAsync((await FileAsync(order)).AppealNumber)).AppealNumber;

    private static async Task<IReadOnlyList<string>> ListAsync(ListAppealsRequest request) =>
        [.. (await Appeals("auditor-a").ListAppealsAsync(request)).Appeals.Select(a =>
            $"{a.AppealNumber} {a.Overdue}")];

    private static async Task<ulong> BlockedAsync(Core.Imei imei) =>
        (await Registry.GivenBlockedAsync(imei)).Order.OrderNumber;

    private static async Task<ulong> ApprovedAsync(DraftOrderRequest draft)
    {
        var order = (await Registry.Orders("regulator-a").DraftOrderAsync(draft)).Order.OrderNumber;
        await Registry.Orders("regulator-b")
            .ApproveOrderAsync(new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = order });
        return order;
    }

    private static async Task<ulong> DraftOrderActionAsync(ulong order, OrderAction action, ulong appeal = 0) =>
        (await Registry.Orders("regulator-c").DraftOrderActionAsync(
        new DraftOrderActionRequest
        {
            Reference = Registry.NewReference(), OrderNumber = order, Action = action,
            Basis = "tribunal", AppealNumber = appeal
        })).Order.OrderNumber;

    private static async Task ApproveAsync(ulong measure) => await Registry.AppliedAsync(
        (await Registry.Orders("regulator-d")
        .ApproveOrderAsync(new ApproveOrderRequest
        {
            Reference = Registry.NewReference(),
            OrderNumber = measure
        })).JournalPosition);

    // An order action drafted by the third and approved by the fourth person, and applied at the node. Returns its
    // number.
    private static async Task<ulong> MeasureAsync(ulong order, OrderAction action, ulong appeal = 0)
    {
        var measure = await DraftOrderActionAsync(order, action, appeal);
        await ApproveAsync(measure);
        return measure;
    }

    private static async Task<OrderSummary> OrderAsync(ulong order) =>
        (await Registry.Reads("auditor-a").GetOrderAsync(new GetOrderRequest { OrderNumber = order })).Order;

    private static Timestamp In(TimeSpan wait) =>
        Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().Add(wait)
        .ToUnixTimeMilliseconds()));

    private static string Day(int fromToday) => DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime)
        .AddDays(fromToday).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static Task SqlAsync(string sql) => Registry.Cluster.ExecuteAsync(sql, Registry.Database);

    private static async Task<string> AskAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(
            Registry.Cluster.Server.AdminConnectionString(Registry.Database));
        await connection.OpenAsync();
        await using var ask = new NpgsqlCommand(sql, connection);
        return Convert.ToString(await ask.ExecuteScalarAsync(), CultureInfo.InvariantCulture)!;
    }
}
