using System.CommandLine;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Rights to manufacture and to import.</summary>
internal static class AuthorizationCommands
{
    public static Command Build() => new("authorization", "Rights to manufacture and to import.") { Put() };

    private static Verb Put()
    {
        var number = new Argument<string>("NUMBER") { Description = "Its number, such as MDM-0001." };
        var party = Choices.Text("--party", "NAME", "The holder.");
        var kind = Choices.Choice<AuthorizationKind>("--kind", "What it allows");
        kind.Required = true;
        var from = Choices.Text("--valid-from", "YYYY-MM-DD", "First day in force.");
        var until = Choices.Text("--valid-until", "YYYY-MM-DD", "Last day in force.");
        var basis = Choices.Text("--basis", "TEXT", "Legal basis.");
        var state = Choices.ChoiceOr("--state", "Whether it counts", AuthorizationState.Active);
        var reference = Choices.Reference();
        var verb = new Verb(
            "put", "Registers or changes an authorization.",
            "dreg authorization put MDM-0002 --party maker-b-mobiles --kind manufacturing "
            + "--valid-from 2026-01-01 --valid-until 2035-12-31 --basis \"MDM rules\" --reference PUT-3",
            Demo.Regulator)
        {
            number, party, kind, from, until, basis, state, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new PutAuthorizationRequest
            {
                Reference = parse.GetValue(reference),
                Number = parse.GetValue(number),
                Party = parse.GetValue(party),
                Kind = parse.GetValue(kind),
                ValidFrom = parse.GetValue(from),
                ValidUntil = parse.GetValue(until),
                LegalBasis = parse.GetValue(basis),
                State = parse.GetValue(state),
            };
            var parties = new PartiesService.PartiesServiceClient(session.Registrar);
            var answer = await parties.PutAuthorizationAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Layouts.Rows(
                ("authorization", $"{request.Number} of {request.Party}"), ("position", Layouts.Number(answer.JournalPosition))));
        });
    }
}
