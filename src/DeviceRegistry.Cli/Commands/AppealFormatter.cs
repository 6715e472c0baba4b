using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Formats appeals as lines of text, with the next step.</summary>
internal static class AppealFormatter
{
    public static IEnumerable<string> Appeal(AppealSummary appeal)
    {
        var isWithdrawn = appeal.State is AppealState.Withdrawn;
        return TextFormatter.Rows(
            ("appeal",
            $"{appeal.AppealNumber} against order {appeal.OrderNumber}, which is " +
            $"{TextFormatter.Word(appeal.OrderState)}"),
            ("state", $"{TextFormatter.Word(appeal.State)}{(appeal.Overdue ? ", OVERDUE" : "")}"),
            ("heard by", TextFormatter.Word(appeal.Forum)),
            ("after appeal", appeal.AfterAppeal is 0 ? "" : TextFormatter.Number(appeal.AfterAppeal)),
            ("appellant", appeal.Appellant),
            ("grounds", appeal.Grounds),
            ("evidence", string.Join(' ', appeal.Evidence.Select(TextFormatter.Hex))),
            ("filed on", $"{appeal.FiledOn}{(appeal.FileBy.Length > 0 ? $"; could be until {appeal.FileBy}" : "")}"),
            ("decide by", appeal.DecideBy),
            ("reference", appeal.Reference),
            ("recorded by", $"{appeal.RecordedBy}, {TextFormatter.Time(appeal.RecordedAt)}"),
            ("taken up by", appeal.ReviewedBy.Length > 0
                ? $"{appeal.ReviewedBy}, {TextFormatter.Time(appeal.ReviewedAt)}"
                : ""),
            ("remitted at", TextFormatter.Time(appeal.RemittedAt)),
            (isWithdrawn ? "taken back" : "decided by", appeal.DecidedBy.Length > 0
                ? $"{(isWithdrawn ? "as recorded by " : "")}{appeal.DecidedBy}, {TextFormatter.Time(appeal.DecidedAt)}"
                : ""),
            (isWithdrawn ? "because" : "findings", appeal.Findings),
            ("decision", string.Join(' ', appeal.DecisionEvidence.Select(TextFormatter.Hex))),
            ("ended by", appeal.ActionNumber is 0 ? "" : $"order {appeal.ActionNumber}"));
    }

    /// <summary>The next step, as a command to type.</summary>
    public static IEnumerable<string> Next(AppealSummary appeal)
    {
        var (number, order) = (appeal.AppealNumber, appeal.OrderNumber);
        var isStayed = appeal.OrderState is OrderState.Stayed;
        var hasEnded = appeal.OrderState is OrderState.Lifted or OrderState.Annulled;
        string[] stay = isStayed || hasEnded ? []
            : [$"Until it is decided, order {order} goes on blocking. Its stay is drafted with: dreg order stay " +
            $"{order} --appeal {number}"];
        return appeal.State switch
        {
            AppealState.Filed or AppealState.Remitted =>
                [$"Next: somebody who neither drafted nor approved order {order} takes it up: dreg appeal review " +
                    $"{number} --as NAME", .. stay],
            AppealState.UnderReview =>
            [
                $"Next: dreg appeal decide {number} --decision uphold, reverse or remit --as NAME",
                .. hasEnded ? []
                : new[] { $"Before it is reversed, two people end order {order}: dreg order annul {order} --appeal " +
                $"{number} (or lift), then dreg order approve" },
                .. stay,
            ],
            AppealState.Upheld or AppealState.Withdrawn when isStayed =>
                [$"Order {order} is still stayed. The end of the stay is drafted with: dreg order vacate {order} " +
                $"--appeal {number}"],
            _ => [],
        };
    }
}
