using System.CommandLine;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Changes of members, rights and quarantine; each needs two people.</summary>
internal static class ChangeCommands
{
    public static Command Build() =>
        new("change", "Changes of members, rights and quarantine: proposed by one person, approved by another.")
    {
        List(), Approve(), Reject(),
    };

    private static CliCommand List()
    {
        var state = OptionFactory.Choice<ChangeState>("--state", "In this state only");
        var before = Paging.Before();
        var verb = new CliCommand("list", "Lists changes, the newest first, with all that they change.",
            "dreg change list --state proposed", Demo.Regulator) { state, before };
        var paging = new Paging().For(verb);
        return verb.Does((parse, session, ct) => paging.PrintAsync<ChangeSummary>(
            parse, session.Out, "changes",
            async (last, size) =>
            {
                var request = new ListChangesRequest
                {
                    State = parse.GetValue(state), BeforeNumber = last?.ChangeNumber
                    ?? parse.GetValue(before), PageSize = size
                };
                var answer = await Changes(session).ListChangesAsync(request, session.Within(Session.Usual, ct));
                return new Page<ChangeSummary>(answer.Changes, answer.More);
            },
            page => page.SelectMany(change => ChangeFormatter.Summary(change).Append("")),
            last => $"--before {last.ChangeNumber}"));
    }

    private static CliCommand Approve()
    {
        var number = OptionFactory.Number("change");
        var reference = OptionFactory.ReferenceOr("approve-change-N-NAME");
        var verb = new CliCommand("approve", "Puts a proposed change in force. The proposer cannot.",
            "dreg change approve 1 --as regulator-b", Demo.SecondRegulator) { number, reference };
        return verb.Does(async (parse, session, ct) =>
        {
            var change = parse.GetValue(number);
            var request = new ApproveChangeRequest
            {
                ChangeNumber = change, Reference = parse.GetValue(reference)
                ?? $"approve-change-{change}-{session.Name}"
            };
            var answer = await Changes(session).ApproveChangeAsync(request, session.Within(Session.Long, ct));
            session.Out.Answer(answer,
            [
                .. ChangeFormatter.Summary(answer.Change),
                .. TextFormatter.Rows(("member id", answer.MemberId is 0 ? "" : TextFormatter.Number(answer.MemberId)),
                    ("position", TextFormatter.Number(answer.JournalPosition))),
            ]);
        });
    }

    private static CliCommand Reject()
    {
        var number = OptionFactory.Number("change");
        var reference = OptionFactory.ReferenceOr("reject-change-N-NAME");
        var verb = new CliCommand("reject", "Rejects a proposed change, or takes one's own back.",
            "dreg change reject 1",
            Demo.Regulator) { number, reference };
        return verb.Does(async (parse, session, ct) =>
        {
            var change = parse.GetValue(number);
            var request = new RejectChangeRequest
            {
                ChangeNumber = change, Reference = parse.GetValue(reference)
                ?? $"reject-change-{change}-{session.Name}"
            };
            var answer = await Changes(session).RejectChangeAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, [.. ChangeFormatter.Summary(answer.Change),
                .. TextFormatter.Rows(("position", TextFormatter.Number(answer.JournalPosition)))]);
        });
    }

    private static ChangesService.ChangesServiceClient Changes(Session session) => new(session.Registrar);
}
