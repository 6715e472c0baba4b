using System.CommandLine;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Mandates to register under TACs that were allocated to others.</summary>
internal static class MandateCommands
{
    public static Command Build() => new("mandate", "Mandates over TACs that were allocated to others.") { Put() };

    private static Verb Put()
    {
        var party = Choices.Text("--party", "NAME", "The manufacturer.");
        var tacs = Choices.Texts("--tac", "TAC", "A TAC, 8 digits.");
        var brand = Choices.Text("--brand-owner", "NAME", "Who gave the mandate.");
        var from = Choices.Text("--valid-from", "YYYY-MM-DD", "First day.");
        var until = Choices.Text("--valid-until", "YYYY-MM-DD", "Last day.");
        var document = new Option<FileInfo>("--document")
        {
            HelpName = "F",
            Description = "The mandate itself; only its SHA-256 is sent.",
            Required = true,
        };
        document.AcceptExistingOnly();
        var reference = Choices.Reference();
        var verb = new Verb(
            "put", "Records that a party may register IMEIs under TACs of a brand owner.",
            "dreg mandate put --party maker-b-mobiles --tac 35290612 --brand-owner Nova "
            + "--valid-from 2026-01-01 --valid-until 2027-12-31 --document mandate.pdf --reference PUT-4",
            Demo.Regulator)
        {
            party, tacs, brand, from, until, document, reference,
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
                ValidFrom = parse.GetValue(from),
                ValidUntil = parse.GetValue(until),
                DocumentHash = ByteString.CopyFrom(await SHA256.HashDataAsync(paper, ct)),
            };
            var parties = new PartiesService.PartiesServiceClient(session.Registrar);
            var answer = await parties.PutTacMandateAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Layouts.Rows(
                ("mandate", $"{request.Party} over {string.Join(' ', request.Tacs)}"), ("document", Layouts.Hex(request.DocumentHash)),
                ("position", Layouts.Number(answer.JournalPosition))));
        });
    }
}
