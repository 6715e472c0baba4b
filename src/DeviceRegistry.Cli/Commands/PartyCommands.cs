using System.CommandLine;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Those who take part.</summary>
internal static class PartyCommands
{
    public static Command Build() => new("party", "Operators, manufacturers, importers, lenders, auditors, the regulator.") { Put() };

    private static Verb Put()
    {
        var name = new Argument<string>("NAME") { Description = "Unique name, the O of its certificates: a-z, 0-9 and '-'." };
        var kind = Choices.Choice<PartyKind>("--kind", "What it is");
        kind.Required = true;
        var plmns = Choices.Texts("--plmn", "CODE", "PLMN code of an operator, 5 or 6 digits.");
        var state = Choices.ChoiceOr("--state", "Whether it may act", MembershipState.Active);
        var reference = Choices.Reference();
        var verb = new Verb(
            "put", "Registers, changes or retires a party.",
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
            var parties = new PartiesService.PartiesServiceClient(session.Registrar);
            var answer = await parties.PutPartyAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Layouts.Rows(
                ("party", request.Name), ("id", Layouts.Number(answer.PartyId)), ("position", Layouts.Number(answer.JournalPosition))));
        });
    }
}
