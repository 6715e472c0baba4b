using System.CommandLine;
using DeviceRegistry.Client;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Registers a batch from a file, and resumes where an earlier run of the same command stopped.</summary>
internal static class BatchRegisterCommand
{
    // With the pauses between them ten to twenty seconds: long enough for a restart of the registry, and short enough
    // that a person sees the error.
    private const int AttemptsMax = 10;

    public static CliCommand Build()
    {
        var reference = OptionFactory.Reference();
        var authorization = OptionFactory.Text("--authorization", "N",
            "Number of the authorization that covers the batch.");
        var producedOn = OptionFactory.Text("--produced-on", "YYYY-MM-DD",
            "Production date; the authorization must be in force on it.");
        var origin = OptionFactory.Choice("--origin", "Where the units come from", DeviceOrigin.LocalAssembly,
            DeviceOrigin.ImportCommercial);
        origin.Required = true;
        var model = OptionFactory.Text("--model", "M", "Model as the TAC list names it.");
        var file = OptionFactory.Existing("--file", "F",
            "CSV: serial_number,imei_1[,imei_2[,imei_3[,imei_4[,imei_5]]]], one unit a line.", required: true);
        var units = new Option<uint?>("--units")
        {
            HelpName = "N",
            Description = "Units that the file must have. Without it its lines are counted."
        };
        var dryRun = new Option<bool>(
            "--dry-run")
        { Description = "Only judge the file: the same checks, and nothing is registered." };
        var verb = new CliCommand(
            "register",
            "Registers a batch: all of its units, or none with every bad line named. Interrupted, the same command " +
            "again goes on where it stopped.",
            "dreg batch register --reference B-2026-001 --authorization MDM-0001 --produced-on 2026-11-01 "
            + "--origin local-assembly --model \"Nova 4G\" --file units.csv",
            Demo.Maker)
        {
            reference, authorization, producedOn, origin, model, file, units, dryRun,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var header = new BatchHeader
            {
                Reference = parse.GetValue(reference),
                Authorization = parse.GetValue(authorization),
                ProducedOn = parse.GetValue(producedOn),
                Origin = parse.GetValue(origin),
                Model = parse.GetValue(model),
                DeclaredUnits = parse.GetValue(units) ?? 0,
                DryRun = parse.GetValue(dryRun),
            };
            await SendAsync(session, header, isCounted: parse.GetValue(units) is null, parse.GetValue(file)!, ct);
        });
    }

    private static async Task SendAsync(Session session, BatchHeader header, bool isCounted, FileInfo source,
        CancellationToken ct)
    {
        await using var file = source.OpenRead();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        if (session.Timeout is { } timeout) end.CancelAfter(timeout);
        var progress = new Progress(session.Out);
        var report = new UploadReport(progress, source.Name);
        WatchBatchResponse answer;
        try
        {
            if (isCounted) header.DeclaredUnits = await UnitsFile.CountAsync(file, progress, end.Token);
            answer = await new BatchUploader(session.Registrar, AttemptsMax)
                .RegisterAsync(header, file, report, end.Token);
            progress.End();
        }
        catch (Exception fault) when (fault is RpcException || end.IsCancellationRequested)
        {
            // Stop the progress line before the invalid lines are fetched and the fault is printed.
            progress.Dispose();
            throw end.IsCancellationRequested
                ? new CommandException(BatchErrors.Stopped(session, report, ct), fault)
                : new CommandException(await BatchErrors.OfAsync(session, (RpcException)fault, report, ct), fault);
        }
        finally
        {
            progress.Dispose();
        }

        if (answer.PartCase is WatchBatchResponse.PartOneofCase.DryRun) TellDryRun(session, answer.DryRun, report);
        else session.Out.Answer(answer.Receipt, TextFormatter.Receipt(answer.Receipt));
    }

    private static void TellDryRun(Session session, DryRunResult result, UploadReport report)
    {
        var document = Output.ToNode(result);
        document["batch_number"] = TextFormatter.Number(report.BatchNumber);
        session.Out.Answer(document,
        [
            .. TextFormatter.Rows(
                ("dry run", $"{report.BatchNumber}: nothing is wrong with it, and nothing was registered"),
                ("units", TextFormatter.Count(result.Units)),
                ("IMEIs", TextFormatter.Count(result.Imeis)),
                ("content hash", TextFormatter.Hex(result.ContentHash)),
                ("quarantined", result.QuarantinedUnits is 0 ? ""
                    : $"{TextFormatter.Count(result.QuarantinedUnits, "unit")} would be: a network saw them before")),
            report.WasDecided
                ? $"That is what an earlier dry run found. To look again: dreg batch cancel {report.BatchNumber}, " +
                    $"and the same command."
                : "The same command without --dry-run registers it.",
        ]);
    }
}
