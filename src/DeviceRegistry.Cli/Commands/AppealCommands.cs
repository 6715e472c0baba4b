using System.CommandLine;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Appeals against orders.</summary>
internal static class AppealCommands
{
    // In the demo the first two regulators draft and approve, so a third person reviews.
    private const string Reviewer = "regulator-c";
    private const string Decider = "regulator-d";

    public static Command Build() =>
        new("appeal",
        "Appeals against block orders: recorded in time, looked at and decided by people who had no hand in the order.")
    {
        File(), Review(), Decide(), Withdraw(), Show(), List(),
    };

    private static CliCommand File()
    {
        var number = OptionFactory.Number("order");
        var reference = OptionFactory.Reference();
        var forum = OptionFactory.ChoiceOr("--to", "Who hears it", AppealForum.Authority);
        var appellant = OptionFactory.Text("--appellant", "TEXT",
            "Who appeals: better the number of the case than a name.");
        var grounds = OptionFactory.Text("--grounds", "TEXT", "On what grounds.");
        var filedOn = OptionFactory.TextOr("--filed-on", "DAY",
            "The day it reached whoever hears it, such as 2026-11-20; today if not given.");
        var after = new Option<ulong>("--after")
        {
            HelpName = "N",
            Description = "The appeal whose decision it is against."
        };
        var evidence = OrderCommands.Evidence();
        var verb = new CliCommand(
            "file", "Records an appeal against an order that is or was in force, or of which notice was given. One " +
            "that is late is refused with the day it was due.",
            "dreg appeal file 1 --reference APP-12 --appellant \"Case 12/2026\" --grounds \"Bought new, receipt " +
            "attached\" --evidence receipt.pdf", Demo.Regulator)
        {
            number, reference, forum, appellant, grounds, filedOn, after, evidence,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new FileAppealRequest
            {
                OrderNumber = parse.GetValue(number),
                Reference = parse.GetValue(reference),
                Forum = parse.GetValue(forum),
                Appellant = parse.GetValue(appellant),
                Grounds = parse.GetValue(grounds),
                FiledOn = parse.GetValue(filedOn) ?? "",
                AfterAppeal = parse.GetValue(after),
                Evidence = { await OrderCommands.DigestsAsync(parse.GetValue(evidence)!, ct) },
            };
            var answer = await Appeals(session).FileAppealAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Appeal, answer.JournalPosition));
        });
    }

    private static CliCommand Review()
    {
        var (number, reference) = (OptionFactory.Number("appeal"),
            OptionFactory.ReferenceOr("review-appeal-N-REMITTED-NAME"));
        var verb = new CliCommand("review", "Takes an appeal up. Whoever drafted or approved the order cannot.",
            "dreg appeal review 1 --as regulator-c", Reviewer) { number, reference };
        return verb.Does(async (parse, session, ct) =>
        {
            // A remitted appeal is opened again, so the time of the remittal is part of the reference.
            var appeal = parse.GetValue(number);
            var known = parse.GetValue(reference)
                ?? $"review-appeal-{appeal}-{await RemittedAsync(session, appeal, ct)}-{session.Name}";
            var request = new ReviewAppealRequest { AppealNumber = appeal, Reference = known };
            var answer = await Appeals(session).ReviewAppealAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Appeal, answer.JournalPosition));
        });
    }

    private static CliCommand Decide()
    {
        var number = OptionFactory.Number("appeal");
        var reference = OptionFactory.Reference();
        var decision = OptionFactory.Choice<AppealDecision>("--decision", "What is decided");
        decision.Required = true;
        var findings = OptionFactory.Text("--findings", "TEXT", "Why, or where it is written.");
        var measure = new Option<ulong>("--measure")
        {
            HelpName = "N",
            Description = "For a reversal: the lift or annulment that ended the order."
        };
        var evidence = OrderCommands.Evidence();
        var verb = new CliCommand(
            "decide",
            "Decides an appeal under review. Whoever drafted or approved the order, or recorded the appeal, cannot. " +
            "A reversal names the measure by which two people ended the order.",
            "dreg appeal decide 1 --decision uphold --findings \"The receipt is of another handset\" --reference " +
            "APP-12-D --as regulator-d", Decider)
        {
            number, reference, decision, findings, measure, evidence,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new DecideAppealRequest
            {
                AppealNumber = parse.GetValue(number),
                Reference = parse.GetValue(reference),
                Decision = parse.GetValue(decision),
                Findings = parse.GetValue(findings),
                ActionNumber = parse.GetValue(measure),
                Evidence = { await OrderCommands.DigestsAsync(parse.GetValue(evidence)!, ct) },
            };
            var answer = await Appeals(session).DecideAppealAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Appeal, answer.JournalPosition));
        });
    }

    private static CliCommand Withdraw()
    {
        var (number, reference, reason) =
            (OptionFactory.Number("appeal"), OptionFactory.ReferenceOr("withdraw-appeal-N-NAME"),
            OptionFactory.Text("--reason", "TEXT", "How it is known."));
        var verb = new CliCommand(
            "withdraw", "Records that an appeal was taken back by whoever filed it. For whoever may decide it.",
            "dreg appeal withdraw 1 --reason \"Letter of 20 November\" --as regulator-d", Decider)
        {
            number, reference, reason,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var appeal = parse.GetValue(number);
            var request = new WithdrawAppealRequest
            {
                AppealNumber = appeal, Reference = parse.GetValue(reference)
                ?? $"withdraw-appeal-{appeal}-{session.Name}", Reason = parse.GetValue(reason)
            };
            var answer = await Appeals(session).WithdrawAppealAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Lines(answer.Appeal, answer.JournalPosition));
        });
    }

    private static CliCommand Show()
    {
        var number = OptionFactory.Number("appeal");
        var verb = new CliCommand("show", "Shows an appeal, its days, and what comes next.", "dreg appeal show 1",
            Demo.Regulator) { number };
        return verb.Does(async (parse, session, ct) =>
        {
            var answer = await Appeals(session)
                .GetAppealAsync(new GetAppealRequest { AppealNumber = parse.GetValue(number) },
                session.Within(Session.Usual, ct));
            session.Out.Answer(answer, [.. AppealFormatter.Appeal(answer.Appeal),
                .. AppealFormatter.Next(answer.Appeal)]);
        });
    }

    private static CliCommand List()
    {
        var state = OptionFactory.Choice<AppealState>("--state", "In this state only");
        var forum = OptionFactory.Choice<AppealForum>("--to", "Heard there only");
        var order = new Option<ulong>("--order") { HelpName = "N", Description = "Against this order only." };
        var overdue = new Option<bool>("--overdue") { Description = "Those only whose last day to decide is over." };
        var before = Paging.Before();
        var verb = new CliCommand("list", "Lists appeals, the newest first.", "dreg appeal list --overdue",
            Demo.Regulator) { state, forum, order, overdue, before };
        var paging = new Paging().For(verb);
        return verb.Does((parse, session, ct) => paging.PrintAsync<AppealSummary>(
            parse, session.Out, "appeals",
            async (last, size) =>
            {
                var request = new ListAppealsRequest
                {
                    State = parse.GetValue(state),
                    Forum = parse.GetValue(forum),
                    OrderNumber = parse.GetValue(order),
                    Overdue = parse.GetValue(overdue),
                    BeforeNumber = last?.AppealNumber ?? parse.GetValue(before),
                    PageSize = size,
                };
                var answer = await Appeals(session).ListAppealsAsync(request, session.Within(Session.Usual, ct));
                return new Page<AppealSummary>(answer.Appeals, answer.More);
            },
            new Table<AppealSummary>()
                .Numbers("appeal", a => TextFormatter.Number(a.AppealNumber))
                .Words("state", a => TextFormatter.Word(a.State))
                .Words("heard by", a => TextFormatter.Word(a.Forum))
                .Words("filed on", a => a.FiledOn)
                .Words("decide by", a => a.Overdue ? $"{a.DecideBy} OVERDUE" : a.DecideBy)
                .Numbers("order", a => TextFormatter.Number(a.OrderNumber))
                .Words("which is", a => TextFormatter.Word(a.OrderState))
                .Words("appellant", a => a.Appellant).Lines,
            last => $"--before {last.AppealNumber}"));
    }

    private static async Task<long> RemittedAsync(Session session, ulong appeal, CancellationToken ct) =>
        (await Appeals(session).GetAppealAsync(new GetAppealRequest { AppealNumber = appeal },
            session.Within(Session.Usual, ct))).Appeal.RemittedAt?.ToDateTimeOffset().ToUnixTimeMilliseconds() ?? 0;

    private static AppealsService.AppealsServiceClient Appeals(Session session) => new(session.Registrar);

    private static IEnumerable<string> Lines(AppealSummary appeal, ulong position) =>
        [.. AppealFormatter.Appeal(appeal), .. TextFormatter.Rows(("position", TextFormatter.Number(position))),
            .. AppealFormatter.Next(appeal)];
}
