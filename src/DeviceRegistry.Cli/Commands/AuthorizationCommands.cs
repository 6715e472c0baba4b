using System.CommandLine;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Authorizations to manufacture and to import.</summary>
internal static class AuthorizationCommands
{
    public static Command Build() => new("authorization", "Rights to manufacture and to import.") { Put(), List() };

    private static CliCommand Put()
    {
        var number = new Argument<string>("NUMBER") { Description = "Its number, such as MDM-0001." };
        var party = OptionFactory.Text("--party", "NAME", "The holder.");
        var kind = OptionFactory.Choice<AuthorizationKind>("--kind", "What it allows");
        kind.Required = true;
        var from = OptionFactory.Text("--valid-from", "YYYY-MM-DD", "First day in force.");
        var until = OptionFactory.Text("--valid-until", "YYYY-MM-DD", "Last day in force.");
        var basis = OptionFactory.Text("--basis", "TEXT", "Legal basis.");
        var quota = new Option<ulong>("--quota")
        {
            HelpName = "UNITS",
            Description =
                "Units that may be registered under it in all, those registered already among them. Without it there " +
                "is no limit.",
        };
        var state = OptionFactory.ChoiceOr("--state", "Whether it counts", AuthorizationState.Active,
            AuthorizationState.Active, AuthorizationState.Suspended, AuthorizationState.Revoked);
        var reference = OptionFactory.Reference();
        var verb = new CliCommand(
            "put", "Proposes to register or change an authorization. It is in force when another person approves it.",
            "dreg authorization put MDM-0002 --party maker-b-mobiles --kind manufacturing "
            + "--valid-from 2026-01-01 --valid-until 2035-12-31 --basis \"MDM rules\" --quota 500000 --reference PUT-4",
            Demo.Regulator)
        {
            number, party, kind, from, until, basis, quota, state, reference,
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
                QuotaUnits = parse.GetValue(quota),
                State = parse.GetValue(state),
            };
            var answer = await PartyCommands.Parties(session)
                .PutAuthorizationAsync(request, session.Within(Session.Usual, ct));
            Proposals.Print(session, answer, new Change { Authorization = request }, answer.ChangeNumber,
                answer.JournalPosition);
        });
    }

    private static CliCommand List()
    {
        var party = OptionFactory.TextOr("--party", "NAME",
            "Of this party only. A maker or importer sees its own anyway.");
        var after = Paging.After("NUMBER");
        var verb = new CliCommand("list", "Lists authorizations by number, with what is used of their quota.",
            "dreg authorization list --as maker-a", Demo.Regulator) { party, after };
        var paging = new Paging().For(verb);
        return verb.Does((parse, session, ct) => paging.PrintAsync<AuthorizationRecord>(
            parse, session.Out, "authorizations",
            async (last, size) =>
            {
                var request = new ListAuthorizationsRequest
                {
                    Party = parse.GetValue(party) ?? "",
                    AfterNumber = last?.Number ?? parse.GetValue(after) ?? "", PageSize = size
                };
                var answer = await PartyCommands.Parties(session)
                    .ListAuthorizationsAsync(request, session.Within(Session.Usual, ct));
                return new Page<AuthorizationRecord>(answer.Authorizations, answer.More);
            },
            new Table<AuthorizationRecord>()
                .Words("number", a => a.Number)
                .Words("party", a => a.Party)
                .Words("kind", a => TextFormatter.Word(a.Kind))
                .Words("state", a => TextFormatter.Word(a.State))
                .Words("from", a => a.ValidFrom)
                .Words("until", a => a.ValidUntil)
                .Numbers("units used", a => TextFormatter.Count(a.Units))
                .Numbers("quota", a => a.QuotaUnits is 0 ? "no limit" : TextFormatter.Count(a.QuotaUnits))
                .Words("legal basis", a => a.LegalBasis).Lines,
            last => $"--after {last.Number}"));
    }
}
