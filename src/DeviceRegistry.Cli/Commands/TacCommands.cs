using System.CommandLine;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using Google.Protobuf;

namespace DeviceRegistry.Cli.Commands;

/// <summary>The TAC list.</summary>
internal static class TacCommands
{
    public static Command Build() => new("tac", "The list of type allocation codes.") { Import() };

    private static CliCommand Import()
    {
        var file = new Argument<FileInfo>("FILE") { Description = "The list: GSMA's form, or the public Osmocom CSV." };
        file.AcceptExistingOnly();
        var format = OptionFactory.Choice<TacListFormat>("--format",
            "Form of the file; found out from its first line if not given");
        var reference = OptionFactory.ReferenceOr("tac- and the first 16 hex digits of the file's SHA-256");
        var verb = new CliCommand(
            "import", "Imports a TAC list: takes the good rows, names the bad ones.",
            "dreg tac import tacs.txt", Demo.Regulator)
        {
            file, format, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var source = parse.GetValue(file)!;
            var header = new ImportTacsHeader
            {
                Format = parse.GetValue(format) is var typed and not TacListFormat.Unspecified ? typed
                : FormatOf(source),
                Reference = parse.GetValue(reference) ?? await ReferenceOfAsync(source, ct),
            };
            using var call = new RegistrationService.RegistrationServiceClient(session.Registrar)
                .ImportTacs(session.Within(Session.Long, ct));
            var first = new ImportTacsRequest { Header = header };
            await Upload.SendAsync(call.RequestStream, first, source, data =>
                new ImportTacsRequest { Data = data }, session.Out, ct);
            var answer = await call.ResponseAsync;
            session.Out.Answer(answer, Lines(answer));
        });
    }

    // Only the GSMA format contains "|"; the other starts with a credit line and a header with commas.
    private static TacListFormat FormatOf(FileInfo file)
    {
        using var reader = file.OpenText();
        return reader.ReadLine()?.Contains('|', StringComparison.Ordinal) is true ? TacListFormat.Gsma
            : TacListFormat.Osmocom;
    }

    private static async Task<string> ReferenceOfAsync(FileInfo file, CancellationToken ct)
    {
        await using var stream = file.OpenRead();
        return $"tac-{Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, ct))[..16]}";
    }

    private static IEnumerable<string> Lines(ImportTacsResponse answer)
    {
        IEnumerable<string> counts = TextFormatter.Rows(
            ("rows", TextFormatter.Count(answer.Rows)),
            ("new", TextFormatter.Count(answer.NewTacs)),
            ("changed", TextFormatter.Count(answer.ChangedTacs)),
            ("unchanged", TextFormatter.Count(answer.UnchangedTacs)),
            ("repaired", TextFormatter.Count(answer.RepairedRows)),
            ("duplicate", TextFormatter.Count(answer.DuplicateRows)),
            ("bad", TextFormatter.Count(answer.BadRows)),
            ("position", answer.JournalPosition is 0 ? "none: nothing changed"
                : TextFormatter.Number(answer.JournalPosition)));
        var unnamed = answer.BadRows - (uint)answer.Errors.Count;
        var rest = unnamed > 0 ? [$"and {TextFormatter.Count(unnamed)} more bad rows"] : Array.Empty<string>();
        return [.. counts, .. answer.Errors.Select(TextFormatter.Line), .. rest];
    }
}
