using System.CommandLine;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Cli.Commands;

/// <summary>TAC mandates: rights to register under TACs that were allocated to another.</summary>
internal static class MandateCommands
{
    public static Command Build() =>
        new("mandate", "Mandates over TACs that were allocated to others.") { Put(), List() };

    private static CliCommand Put()
    {
        var party = OptionFactory.Text("--party", "NAME", "The manufacturer.");
        var tacs = OptionFactory.Texts("--tac", "TAC", "A TAC, 8 digits.", required: true);
        var brand = OptionFactory.Text("--brand-owner", "NAME",
            "Whose brand the phones carry, and who gave the mandate.");
        var holder = OptionFactory.TextOr("--tac-holder", "NAME",
            "Whom the TACs were allocated to, if that is not the brand owner.");
        var from = OptionFactory.Text("--valid-from", "YYYY-MM-DD", "First day.");
        var until = OptionFactory.Text("--valid-until", "YYYY-MM-DD", "Last day.");
        var document = OptionFactory.Existing("--document", "F", "The mandate itself; only its SHA-256 is sent.",
            required: true);
        var reference = OptionFactory.Reference();
        var verb = new CliCommand(
            "put", "Proposes to record that a party may register IMEIs under TACs of others. It is in force when " +
            "another person approves it.",
            "dreg mandate put --party maker-b-mobiles --tac 35290612 --brand-owner Nova --tac-holder \"Maker A " +
            "Mobiles\" "
            + "--valid-from 2026-01-01 --valid-until 2027-12-31 --document mandate.pdf --reference PUT-5",
            Demo.Regulator)
        {
            party, tacs, brand, holder, from, until, document, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            await using var paper = parse.GetValue(document)!.OpenRead();
            var request = new PutTacMandateRequest
            {
                Reference = parse.GetValue(reference),
                Party = parse.GetValue(party),
                Tacs = { parse.GetValue(tacs) },
                BrandOwner = parse.GetValue(brand),
                TacHolder = parse.GetValue(holder) ?? "",
                ValidFrom = parse.GetValue(from),
                ValidUntil = parse.GetValue(until),
                DocumentHash = ByteString.CopyFrom(await SHA256.HashDataAsync(paper, ct)),
            };
            var answer = await PartyCommands.Parties(session)
                .PutTacMandateAsync(request, session.Within(Session.Usual, ct));
            Proposals.Print(session, answer, new Change { TacMandate = request }, answer.ChangeNumber,
                answer.JournalPosition);
        });
    }

    private static CliCommand List()
    {
        var party = OptionFactory.TextOr("--party", "NAME", "Of this party only. A maker sees its own anyway.");
        var after = Paging.After("TAC,PARTY");
        var verb = new CliCommand("list", "Lists mandates by TAC and party.",
            "dreg mandate list --party maker-a-mobiles",
            Demo.Regulator) { party, after };
        var paging = new Paging().For(verb);
        return verb.Does((parse, session, ct) => paging.PrintAsync<TacMandateRecord>(
            parse, session.Out, "mandates",
            async (last, size) =>
            {
                var typed = (parse.GetValue(after) ?? "").Split(',', 2);
                var request = new ListTacMandatesRequest
                {
                    Party = parse.GetValue(party) ?? "",
                    AfterTac = last?.Tac ?? typed[0],
                    AfterParty = last?.Party ?? typed.ElementAtOrDefault(1) ?? "",
                    PageSize = size,
                };
                var answer = await PartyCommands.Parties(session)
                    .ListTacMandatesAsync(request, session.Within(Session.Usual, ct));
                return new Page<TacMandateRecord>(answer.Mandates, answer.More);
            },
            new Table<TacMandateRecord>()
                .Words("TAC", m => m.Tac)
                .Words("party", m => m.Party)
                .Words("brand owner", m => m.BrandOwner)
                .Words("TAC holder", m => m.TacHolder)
                .Words("from", m => m.ValidFrom)
                .Words("until", m => m.ValidUntil)
                .Words("document", m => TextFormatter.Hex(m.DocumentHash)).Lines,
            last => $"--after {last.Tac},{last.Party}"));
    }
}
