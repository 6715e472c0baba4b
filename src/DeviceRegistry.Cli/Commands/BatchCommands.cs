using System.CommandLine;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Production batches and consignments.</summary>
internal static class BatchCommands
{
    public static Command Build() => new("batch", "Production batches and import consignments.") { Register(), Certify(), Release(), Show() };

    private static Verb Register()
    {
        var reference = Choices.Reference();
        var authorization = Choices.Text("--authorization", "N", "Number of the authorization that covers the batch.");
        var producedOn = Choices.Text("--produced-on", "YYYY-MM-DD", "Production date; the authorization must be in force on it.");
        var origin = Choices.Choice("--origin", "Where the units come from", DeviceOrigin.LocalAssembly, DeviceOrigin.ImportCommercial);
        origin.Required = true;
        var model = Choices.Text("--model", "M", "Model as the TAC list names it.");
        var file = new Option<FileInfo>("--file")
        {
            HelpName = "F",
            Description = "CSV: serial_number,imei_1[,imei_2[,imei_3[,imei_4]]], one unit a line.",
            Required = true,
        };
        file.AcceptExistingOnly();
        var verb = new Verb(
            "register", "Registers a batch: all of its units, or none with every bad line named.",
            "dreg batch register --reference B-2026-001 --authorization MDM-0001 --produced-on 2026-11-01 "
            + "--origin local-assembly --model \"Nova 4G\" --file units.csv",
            Demo.Maker)
        {
            reference, authorization, producedOn, origin, model, file,
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
            };
            var receipt = await SendAsync(session, header, parse.GetValue(file)!, ct);
            session.Out.Answer(receipt, Layouts.Receipt(receipt));
        });
    }

    private static Verb Certify()
    {
        var number = NumberArgument();
        var reference = Choices.ReferenceOr("certify-N-NAME");
        var verb = new Verb(
            "certify", "Certifies a batch: the first person proposes, another one confirms.",
            "dreg batch certify 1 --as regulator-b", Demo.Regulator)
        {
            number, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var batch = parse.GetValue(number);
            var request = new CertifyBatchRequest { BatchNumber = batch, Reference = parse.GetValue(reference) ?? $"certify-{batch}-{session.Name}" };
            var answer = await Batches(session).CertifyBatchAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, [.. Layouts.Batch(answer.Batch), .. Layouts.Rows(("position", Layouts.Number(answer.JournalPosition)))]);
        });
    }

    private static Verb Release()
    {
        var number = NumberArgument();
        var reference = Choices.ReferenceOr("release-N");
        var verb = new Verb(
            "release", "Releases a certified batch to the market: from here its units answer COMPLIANT.",
            "dreg batch release 1", Demo.Maker)
        {
            number, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var batch = parse.GetValue(number);
            var request = new ReleaseBatchRequest { BatchNumber = batch, Reference = parse.GetValue(reference) ?? $"release-{batch}" };

            // Five million units are released in entries of 64 Ki; that is no small write.
            var answer = await Batches(session).ReleaseBatchAsync(request, session.Within(Session.Upload, ct));
            session.Out.Answer(answer, [.. Layouts.Batch(answer.Batch), .. Layouts.Rows(("position", Layouts.Number(answer.JournalPosition)))]);
        });
    }

    private static Verb Show()
    {
        var number = NumberArgument();
        var verb = new Verb("show", "Shows a batch.", "dreg batch show 1", Demo.Maker) { number };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new GetBatchRequest { BatchNumber = parse.GetValue(number) };
            var answer = await new RegistryService.RegistryServiceClient(session.Registrar).GetBatchAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, Layouts.Batch(answer.Batch));
        });
    }

    // Faults come while the file may still be on its way, so both directions run at once; the status comes last and is kept
    // until every bad line is read.
    private static async Task<BatchReceipt> SendAsync(Session session, BatchHeader header, FileInfo file, CancellationToken ct)
    {
        using var call = Batches(session).RegisterBatch(session.Within(Session.Upload, ct));
        var first = new RegisterBatchRequest { Header = header };
        var sending = Upload.SendAsync(call.RequestStream, first, file, data => new RegisterBatchRequest { Data = data }, session.Out, ct);

        // A file that cannot be read on leaves the registry waiting for the rest; the call is dropped then, not the fault.
        _ = sending.ContinueWith(_ => call.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        var faults = new List<LineFault>();
        BatchReceipt? receipt = null;
        try
        {
            await foreach (var part in call.ResponseStream.ReadAllAsync(ct))
            {
                if (part.PartCase is RegisterBatchResponse.PartOneofCase.Fault) faults.Add(part.Fault);
                else receipt = part.Receipt;
            }
        }
        catch (RpcException refusal) when (faults.Count > 0)
        {
            throw new CommandException(Fault.Of(refusal, session.Address) with
            {
                Lines = [.. faults.Select(Layouts.Line)],
                More = new JsonObject { ["lines"] = new JsonArray([.. faults.Select(Output.ToNode)]) },
            }, refusal);
        }
        finally
        {
            await sending;
        }

        return receipt ?? throw new CommandException(new Fault(
            Fault.RefusedCode, "The registry ended the call without a receipt.", "NO_RECEIPT",
            "Send the same again: it counts once, and its receipt is kept."));
    }

    private static RegistrationService.RegistrationServiceClient Batches(Session session) => new(session.Registrar);

    private static Argument<ulong> NumberArgument() => new("N") { Description = "Number of the batch, as its receipt says." };
}
