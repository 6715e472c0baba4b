using System.CommandLine;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Parties of the registry.</summary>
internal static class PartyCommands
{
    public static Command Build() =>
        new("party", "Operators, manufacturers, importers, lenders, auditors, the regulator.") { Put(), List() };

    public static PartiesService.PartiesServiceClient Parties(Session session) => new(session.Registrar);

    private static CliCommand Put()
    {
        var name = new Argument<string>(
            "NAME")
        { Description = "Unique name, the O of its certificates: a-z, 0-9, '.' and '-'." };
        var kind = OptionFactory.Choice<PartyKind>("--kind", "What it is");
        kind.Required = true;
        var plmns = OptionFactory.Texts("--plmn", "CODE", "PLMN code of an operator, 5 or 6 digits.");
        var state = OptionFactory.ChoiceOr("--state", "Whether it may act", MembershipState.Active);
        var reference = OptionFactory.Reference();
        var verb = new CliCommand(
            "put", "Proposes to register, change or retire a party. It is in force when another person approves it.",
            "dreg party put opco-c --kind operator --plmn 41009 --reference PUT-1", Demo.Regulator)
        {
            name, kind, plmns, state, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new PutPartyRequest
            {
                Reference = parse.GetValue(reference),
                Name = parse.GetRequiredValue(name),
                Kind = parse.GetValue(kind),
                State = parse.GetValue(state),
                Plmns = { parse.GetValue(plmns) },
            };
            var answer = await Parties(session).PutPartyAsync(request, session.Within(Session.Usual, ct));
            Proposals.Print(session, answer, new Change { Party = request }, answer.ChangeNumber,
                answer.JournalPosition);
        });
    }

    private static CliCommand List()
    {
        var after = Paging.After("NAME");
        var verb = new CliCommand("list", "Lists parties by name.", "dreg party list", Demo.Regulator) { after };
        var paging = new Paging().For(verb);
        return verb.Does((parse, session, ct) => paging.PrintAsync<PartyRecord>(
            parse, session.Out, "parties",
            async (last, size) =>
            {
                var request = new ListPartiesRequest
                {
                    AfterName = last?.Name ?? parse.GetValue(after) ?? "",
                    PageSize = size
                };
                var answer = await Parties(session).ListPartiesAsync(request, session.Within(Session.Usual, ct));
                return new Page<PartyRecord>(answer.Parties, answer.More);
            },
            new Table<PartyRecord>()
                .Words("party", p => p.Name)
                .Words("kind", p => TextFormatter.Word(p.Kind))
                .Words("state", p => TextFormatter.Word(p.State))
                .Numbers("id", p => TextFormatter.Number(p.PartyId))
                .Words("PLMN codes", p => string.Join(' ', p.Plmns)).Lines,
            last => $"--after {last.Name}"));
    }
}
