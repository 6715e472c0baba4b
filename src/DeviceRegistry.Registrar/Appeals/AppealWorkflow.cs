using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Orders;
using DeviceRegistry.Registrar.Parties;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using AppealDecision = DeviceRegistry.Core.AppealDecision;
using AppealForum = DeviceRegistry.Core.AppealForum;
using AppealState = DeviceRegistry.Core.AppealState;
using OrderAction = DeviceRegistry.Core.OrderAction;
using OrderState = DeviceRegistry.Core.OrderState;

namespace DeviceRegistry.Registrar.Appeals;

/// <summary>The steps of an appeal: filed within its deadline, reviewed and decided by people who neither drafted nor
/// approved the order. <see cref="AppealLifeCycle"/> holds the allowed steps (proto/docs/state-machines.md, Appeal).
/// An appeal never changes its order: an order action of <see cref="OrderWorkflow"/> does, so that one person alone
/// neither blocks nor unblocks a device.</summary>
internal sealed class AppealWorkflow(IdempotentWrites writes, PolicyCommands policies, TimeProvider time)
{
    public async Task<FileAppealResponse> FileAsync(Caller caller, FileAppealRequest request, AppealForum forum,
        DateOnly? filed, byte[][] evidence, CancellationToken ct)
    {
        var policy = (await policies.GetAsync(ct)).Policy;
        return await writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            // 1. The order is or was in force, or its notice was given: otherwise there is nothing to appeal against.
            var order = await LockAsync(write, request.OrderNumber.ToKey(), ct);
            var (startedAt, noticedAt) = (StartOf(order), order.NoticeAt);
            if (order.Action is not OrderAction.Block || order.State is OrderState.Annulled or OrderState.Rejected
                or OrderState.Withdrawn || order.ApprovedBy is null || (startedAt ?? noticedAt) is null)
                throw new RegistryException(RegistryError.WrongState,
                    $"Order {order.Number} is " +
                    $"{(order.Action is OrderAction.Block ? OrderWord(order.State) : "a measure")}; an appeal is " +
                    $"against a block order that is or was in force, or of which notice was given.",
                    "order_number", "a block order that is or was in force, or of which notice was given");

            var earlier = request.AfterAppeal is 0 ? null : await FindEarlierAppealAsync(write.Db, request, forum, ct);

            // 2. Within the deadline: the day of filing counts, not the day of recording.
            var today = time.Today();
            var filedOn = filed ?? today;
            var earliest = Day(earlier?.DecidedAt ?? Earlier(startedAt, noticedAt)!.Value);
            Inputs.Require(filedOn <= today, "filed_on", "a day that is not in the future");
            Inputs.Require(filedOn >= earliest, "filed_on",
                $"a day not before {AppealMapping.Text(earliest)}, when there was something to appeal against");
            DateOnly? countedFrom = earlier is not null ? earliest : startedAt is null ? null
                : Day(Later(startedAt.Value, noticedAt));
            var fileBy = countedFrom?.AddDays(PolicyMapping.AppealFileDays(policy, forum));
            if (filedOn > fileBy) throw DeadlinePassed(order, earlier, countedFrom!.Value, fileBy.Value, filedOn);

            SyncPoints.Reached(SyncPoint.AppealJudged);

            // 3. The appeal, and the last day to decide it.
            var appeal = new AppealRow
            {
                OrderNumber = order.Number, OrderDraftedBy = order.DraftedBy, OrderApprovedBy = order.ApprovedBy!.Value,
                Forum = forum, State = AppealState.Filed, AfterAppeal = earlier?.Number,
                Appellant = request.Appellant, Grounds = request.Grounds, Reference = request.Reference,
                Evidence = evidence, FiledOn = filedOn, FileBy = fileBy,
                DecideBy = PolicyMapping.AppealDecideDays(policy, forum) is { } days ? filedOn.AddDays(days) : null,
                RecordedBy = (long)caller.ActorId, RecordedAt = time.Now(),
            };
            write.Db.Appeals.Add(appeal);
            await write.Db.SaveChangesAsync(ct);
            var asFiled = request.Clone();
            asFiled.FiledOn = AppealMapping.Text(filedOn);
            Stage(write, appeal, JournalKind.AppealFiled, Step(appeal), asFiled);
            return new FileAppealResponse { Appeal = await appeal.ToSummaryAsync(write.Db, today, ct) };
        }, ct);
    }

    /// <summary>Starts the review of an appeal.</summary>
    public Task<ReviewAppealResponse> ReviewAsync(Caller caller, ReviewAppealRequest request, CancellationToken ct) =>
        writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var appeal = await LockAppealAsync(write, request.AppealNumber, ct);
            RequireStep(appeal, AppealState.UnderReview, "only one that was filed or remitted is taken up");
            await RequireNotInOrderAsync(write.Db, caller, appeal, ct);
            SyncPoints.Reached(SyncPoint.AppealJudged);

            (appeal.State, appeal.ReviewedBy, appeal.ReviewedAt) =
                (AppealState.UnderReview, (long)caller.ActorId, time.Now());
            Stage(write, appeal, JournalKind.AppealUnderReview, Step(appeal));
            await write.Db.SaveChangesAsync(ct);
            return new ReviewAppealResponse { Appeal = await appeal.ToSummaryAsync(write.Db, time.Today(), ct) };
        }, ct);

    public async Task<DecideAppealResponse> DecideAsync(Caller caller, DecideAppealRequest request,
        AppealDecision decision, byte[][] evidence, CancellationToken ct)
    {
        var policy = (await policies.GetAsync(ct)).Policy;
        return await writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            // 1. The appeal is under review. The decider neither drafted nor approved the order and did not record the
            // appeal.
            var appeal = await LockAppealAsync(write, request.AppealNumber, ct);
            RequireStep(appeal, AppealLifeCycle.After(decision), "only one under review is decided");
            await RequireDeciderAsync(write.Db, caller, appeal, ct);
            Inputs.Require(appeal.Forum is AppealForum.Authority || evidence.Length > 0, "evidence",
                "the SHA-256 of the decision of the tribunal or court");

            // 2. A reversal names an order action that has already ended the order and that two people have signed.
            var orderAction = decision is AppealDecision.Reverse
                ? await FindReversingActionAsync(write.Db, request, appeal, ct) : null;
            SyncPoints.Reached(SyncPoint.AppealJudged);

            // 3. A remitted appeal gets the number of days that the authority has for a review.
            var now = time.Now();
            (appeal.State, appeal.DecidedBy, appeal.DecidedAt, appeal.Findings, appeal.DecisionEvidence,
                appeal.Measure) =
                (AppealLifeCycle.After(decision), (long)caller.ActorId, now, request.Findings, evidence,
                    orderAction?.Number);
            if (decision is AppealDecision.Remit) (appeal.RemittedAt, appeal.DecideBy) =
                (now, Day(now).AddDays(PolicyMapping.AppealDecideDays(policy, AppealForum.Authority)!.Value));

            var decided = new AppealDecided
            {
                AppealNumber = (ulong)appeal.Number,
                OrderNumber = (ulong)appeal.OrderNumber, Decision = request.Decision,
                ActionNumber = request.ActionNumber
            };
            Stage(write, appeal, JournalKind.AppealDecided, decided, request);
            await write.Db.SaveChangesAsync(ct);
            return new DecideAppealResponse { Appeal = await appeal.ToSummaryAsync(write.Db, time.Today(), ct) };
        }, ct);
    }

    /// <summary>Records that the appellant withdrew an appeal.</summary>
    public Task<WithdrawAppealResponse> WithdrawAsync(Caller caller, WithdrawAppealRequest request,
        CancellationToken ct) =>
        writes.ExecutePerPersonAsync(caller, request.Reference, request, async (write, ct) =>
        {
            var appeal = await LockAppealAsync(write, request.AppealNumber, ct);
            RequireStep(appeal, AppealState.Withdrawn, "only one that is not decided is taken back");
            await RequireDeciderAsync(write.Db, caller, appeal, ct);
            SyncPoints.Reached(SyncPoint.AppealJudged);

            (appeal.State, appeal.DecidedBy, appeal.DecidedAt, appeal.Findings, appeal.DecisionEvidence) =
                (AppealState.Withdrawn, (long)caller.ActorId, time.Now(), request.Reason, []);
            Stage(write, appeal, JournalKind.AppealWithdrawn, Step(appeal), request);
            await write.Db.SaveChangesAsync(ct);
            return new WithdrawAppealResponse { Appeal = await appeal.ToSummaryAsync(write.Db, time.Today(), ct) };
        }, ct);

    /// <summary>The appeal that an order action names. An appeal for a STAY must be open.</summary>
    public static async Task<AppealRow> FindForOrderActionAsync(RegistryContext db, ulong number, long order,
        OrderAction orderAction, CancellationToken ct)
    {
        var appeal = await db.Appeals.AsNoTracking()
            .SingleOrDefaultAsync(a => a.Number == number.ToKey() && a.OrderNumber == order, ct)
            ?? throw new RegistryException(RegistryError.NotFound,
                $"There is no appeal {number} against order {order}.", "appeal_number",
                $"the number of an appeal against order {order}");
        return orderAction is not OrderAction.Stay || AppealLifeCycle.IsOpen(appeal.State)
            ? appeal
            : throw new RegistryException(RegistryError.WrongState,
                $"Appeal {number} is {Word(appeal.State)}; an order is stayed for an appeal that is not decided.",
                "appeal_number", "an appeal that is not decided");
    }

    /// <summary>The NOT_FOUND error for an appeal.</summary>
    public static RegistryException NoAppeal(string field, ulong number) =>
        new(RegistryError.NotFound, $"There is no appeal {number}.", field, "the number of an appeal");

    // Finds the decision that is appealed against. It must be UPHELD by a lower forum, and no appeal against it that
    // is not withdrawn may exist.
    private static async Task<AppealRow> FindEarlierAppealAsync(RegistryContext db, FileAppealRequest request,
        AppealForum forum,
        CancellationToken ct)
    {
        var earlier = await db.Appeals.AsNoTracking()
            .SingleOrDefaultAsync(a => a.Number == request.AfterAppeal.ToKey()
            && a.OrderNumber == request.OrderNumber.ToKey(), ct)
            ?? throw new RegistryException(
                RegistryError.NotFound,
                $"There is no appeal {request.AfterAppeal} against order {request.OrderNumber}.", "after_appeal",
                $"the number of an appeal against order {request.OrderNumber}");
        if (earlier.State is not AppealState.Upheld || earlier.Forum >= forum
            || (forum is AppealForum.SupremeCourt && earlier.Forum is not AppealForum.Tribunal))
            throw new RegistryException(RegistryError.WrongState,
                $"Appeal {earlier.Number} is {Word(earlier.State)} at the {Word(earlier.Forum)}; the {Word(forum)} " +
                $"hears appeals against what was UPHELD " +
                $"{(forum is AppealForum.SupremeCourt ? "at the TRIBUNAL" : "below it")}.",
                "after_appeal", "an appeal that was UPHELD one step lower");
        return await db.Appeals.AsNoTracking()
            .FirstOrDefaultAsync(a => a.AfterAppeal == earlier.Number && a.State != AppealState.Withdrawn,
            ct) is { } next
            ? throw new RegistryException(RegistryError.WrongState,
                $"Appeal {next.Number} is against the decision on appeal {earlier.Number} already.", "after_appeal",
                "a decision that was not appealed against yet")
            : earlier;
    }

    private static async Task<OrderRow> FindReversingActionAsync(RegistryContext db, DecideAppealRequest request,
        AppealRow appeal,
        CancellationToken ct)
    {
        var orderAction = await db.Orders.AsNoTracking()
            .SingleOrDefaultAsync(o => o.Number == request.ActionNumber.ToKey(), ct)
            ?? throw OrderWorkflow.NoOrder(request.ActionNumber, "action_number");
        return AppealLifeCycle.Ends(orderAction.Action) && orderAction.Against == appeal.OrderNumber
            && orderAction.State is OrderState.Done
            ? orderAction
            : throw new RegistryException(RegistryError.WrongState,
                $"Order {orderAction.Number} is no lift or annulment of order {appeal.OrderNumber} that two people " +
                $"have signed; a reversal names one.", "action_number",
                $"a lift or annulment of order {appeal.OrderNumber} that is DONE");
    }

    private static Task RequireNotInOrderAsync(RegistryContext db, Caller caller, AppealRow appeal,
        CancellationToken ct) => db.RequireAnotherPersonAsync(
        caller, [appeal.OrderDraftedBy, appeal.OrderApprovedBy],
            $"You drafted or approved order {appeal.OrderNumber}; an appeal against it is for someone who did neither.",
            ct);

    private static async Task RequireDeciderAsync(RegistryContext db, Caller caller, AppealRow appeal,
        CancellationToken ct)
    {
        await RequireNotInOrderAsync(db, caller, appeal, ct);
        await db.RequireAnotherPersonAsync(caller, [appeal.RecordedBy],
            $"You recorded appeal {appeal.Number}; another person must say what became of it.", ct);
    }

    private static void RequireStep(AppealRow appeal, AppealState to, string rule)
    {
        if (!AppealLifeCycle.Leads(appeal.State, to))
            throw new RegistryException(RegistryError.WrongState,
                $"Appeal {appeal.Number} is {Word(appeal.State)}; {rule}.", "appeal_number",
                $"an appeal that is {string.Join(" or ", AppealLifeCycle.Steps.Where(s => s.To == to)
                    .Select(s => Word(s.From)))}");
    }

    private static RegistryException DeadlinePassed(OrderRow order, AppealRow? earlier, DateOnly counted,
        DateOnly fileBy,
        DateOnly filedOn)
    {
        var against = earlier is null ? $"order {order.Number}" : $"the decision on appeal {earlier.Number}";
        return new RegistryException(
            RegistryError.AppealDeadlinePassed,
            $"The days to appeal against {against} began on {AppealMapping.Text(counted)}; the last was " +
            $"{AppealMapping.Text(fileBy)}, and this was filed on {AppealMapping.Text(filedOn)}. Nothing was recorded.",
            "filed_on", $"a day up to {AppealMapping.Text(fileBy)}");
    }

    // Appeals and order actions of one order take the same lock, so a reversal and the order action it names are never
    // checked concurrently.
    private static async Task<OrderRow> LockAsync(RegistryWrite write, long order, CancellationToken ct)
    {
        await write.LockOrderAsync(order, ct);
        return await write.Db.Orders.AsNoTracking().SingleOrDefaultAsync(o => o.Number == order, ct)
            ?? throw OrderWorkflow.NoOrder((ulong)order);
    }

    private static async Task<AppealRow> LockAppealAsync(RegistryWrite write, ulong number, CancellationToken ct)
    {
        // The order number of an appeal never changes, so it is read before the lock; the appeal itself is read after
        // it.
        var order = await write.Db.Appeals.AsNoTracking().Where(a => a.Number == number.ToKey())
            .Select(a => (long?)a.OrderNumber).SingleOrDefaultAsync(ct) ?? throw NoAppeal("appeal_number", number);
        await LockAsync(write, order, ct);
        return await write.Db.Appeals.SingleAsync(a => a.Number == number.ToKey(), ct);
    }

    // The start of the order, even if OrderClock has not recorded it yet.
    private DateTime? StartOf(OrderRow order) => order.InForceAt
        ?? (order.State is OrderState.Armed && order.EffectiveAt <= time.Now() ? order.EffectiveAt : null);

    private static DateTime? Earlier(DateTime? one, DateTime? other) => one is null || other < one ? other : one;

    private static DateTime Later(DateTime one, DateTime? other) => other > one ? other.Value : one;

    private static DateOnly Day(DateTime instant) => DateOnly.FromDateTime(instant);

    private static AppealStep Step(AppealRow appeal) =>
        new() { AppealNumber = (ulong)appeal.Number, OrderNumber = (ulong)appeal.OrderNumber };

    private static void Stage(RegistryWrite write, AppealRow appeal, JournalKind kind, IMessage publicPart,
        IMessage? privatePart = null) =>
        write.Stage(kind, publicPart, privatePart, (SubjectKind.Order, appeal.OrderNumber));

    private static string Word(AppealState state) => StatusMapping.UpperSnake(state.ToString());

    private static string Word(AppealForum forum) => StatusMapping.UpperSnake(forum.ToString());

    private static string OrderWord(OrderState state) => StatusMapping.UpperSnake(state.ToString());
}
