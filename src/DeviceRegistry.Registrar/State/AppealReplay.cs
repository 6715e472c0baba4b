using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using AppealDecision = DeviceRegistry.Core.AppealDecision;
using AppealForum = DeviceRegistry.Core.AppealForum;
using AppealState = DeviceRegistry.Core.AppealState;

namespace DeviceRegistry.Registrar.State;

/// <summary>Replays entries about appeals: each step changes the row as <see cref="Appeals.AppealWorkflow"/>
/// does.</summary>
internal static class AppealReplay
{
    public static async Task TakeAsync(ReplayPage page, ReplayedEntry entry, CancellationToken ct)
    {
        // The first two fields of every appeal message are its numbers.
        var step = entry.Kind is JournalKind.AppealDecided ? StepOf(entry.Read(AppealDecided.Parser))
            : entry.Read(AppealStep.Parser);
        if (entry.IsErased) page.Erase("appeals", step.AppealNumber.ToKey());
        if (entry.Kind is JournalKind.AppealFiled)
        {
            await FileAsync(page, entry, step, ct);
            return;
        }

        var appeal = await page.Db.Appeals.FindAsync([step.AppealNumber.ToKey()], ct)
            ?? throw new StateMismatchException($"no entry before it filed appeal {step.AppealNumber}");
        if (appeal.OrderNumber != step.OrderNumber.ToKey()) throw new StateMismatchException(
            $"appeal {appeal.Number} was filed against order {appeal.OrderNumber}");

        switch (entry.Kind)
        {
            case JournalKind.AppealUnderReview:
                Step(appeal, AppealState.UnderReview);
                (appeal.ReviewedBy, appeal.ReviewedAt) = (entry.Actor, entry.At);
                break;
            case JournalKind.AppealDecided:
                Decide(appeal, entry);
                break;
            default:
                Step(appeal, AppealState.Withdrawn);
                (appeal.DecidedBy, appeal.DecidedAt, appeal.Findings, appeal.DecisionEvidence) =
                    (entry.Actor, entry.At, entry.ReadPrivate(WithdrawAppealRequest.Parser).Reason, []);
                break;
        }
    }

    private static async Task FileAsync(ReplayPage page, ReplayedEntry entry, AppealStep step, CancellationToken ct)
    {
        if (await page.Db.Appeals.FindAsync([step.AppealNumber.ToKey()],
            ct) is not null) throw new StateMismatchException($"appeal {step.AppealNumber} was filed before");

        var order = await page.Db.Orders.FindAsync([step.OrderNumber.ToKey()], ct)
            ?? throw new StateMismatchException($"no entry before it drafted order {step.OrderNumber}");
        var message = entry.ReadPrivate(FileAppealRequest.Parser);
        page.Db.Appeals.Add(new AppealRow
        {
            Number = step.AppealNumber.ToKey(), OrderNumber = order.Number, OrderDraftedBy = order.DraftedBy,
            OrderApprovedBy = order.ApprovedBy
            ?? throw new StateMismatchException($"order {order.Number} was not approved"),
            Forum = (AppealForum)message.Forum, State = AppealState.Filed, AfterAppeal = message.AfterAppeal is 0 ? null
            : message.AfterAppeal.ToKey(),
            Appellant = message.Appellant, Grounds = message.Grounds, Reference = message.Reference,
            Evidence = [.. message.Evidence.Select(e => e.ToByteArray())],
            FiledOn = entry.IsErased ? default
            : DateOnly.ParseExact(message.FiledOn, "yyyy-MM-dd", CultureInfo.InvariantCulture),
            RecordedBy = entry.Actor,
            RecordedAt = entry.At,
        });
    }

    private static void Decide(AppealRow appeal, ReplayedEntry entry)
    {
        var (decided, message) = (entry.Read(AppealDecided.Parser), entry.ReadPrivate(DecideAppealRequest.Parser));
        Step(appeal, AppealLifeCycle.After((AppealDecision)decided.Decision));
        (appeal.DecidedBy, appeal.DecidedAt, appeal.Findings, appeal.DecisionEvidence) =
            (entry.Actor, entry.At, message.Findings, [.. message.Evidence.Select(e => e.ToByteArray())]);
        appeal.Measure = decided.ActionNumber is 0 ? null : decided.ActionNumber.ToKey();
        if (appeal.State is AppealState.Remitted) appeal.RemittedAt = entry.At;
    }

    private static void Step(AppealRow appeal, AppealState to)
    {
        if (!AppealLifeCycle.Leads(appeal.State, to)) throw new StateMismatchException(
            $"appeal {appeal.Number} does not go from {appeal.State} to {to}");

        appeal.State = to;
    }

    private static AppealStep StepOf(AppealDecided decided) =>
        new() { AppealNumber = decided.AppealNumber, OrderNumber = decided.OrderNumber };
}
