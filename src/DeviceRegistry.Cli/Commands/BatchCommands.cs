using System.CommandLine;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Batches: the command family, and the commands for a batch as a whole.</summary>
internal static class BatchCommands
{
    public static Command Build() => new("batch", "Production batches and import consignments.")
    {
        BatchRegisterCommand.Build(), Show(), BatchListCommands.List(), BatchListCommands.Counts(),
        BatchListCommands.Faults(), Discard(),
        Certify(), BatchUnitCommands.Release(), BatchUnitCommands.Recall(), BatchUnitCommands.Retire(),
    };

    public static RegistrationService.RegistrationServiceClient Registration(this Session session) =>
        new(session.Registrar);

    public static RegistryService.RegistryServiceClient Registry(this Session session) => new(session.Registrar);

    private static CliCommand Show()
    {
        var number = OptionFactory.Number("batch");
        var verb = new CliCommand("show",
            "Shows a batch: where it stands, its units by state, and why it was rejected.",
            "dreg batch show 1", Demo.Maker) { number };
        return verb.Does(async (parse, session, ct) =>
        {
            var request = new GetBatchRequest { BatchNumber = parse.GetValue(number) };
            var answer = await session.Registry().GetBatchAsync(request, session.Within(Session.Usual, ct));
            var document = Output.ToNode(answer);
            if (answer.Batch.State is not BatchState.Rejected)
            {
                session.Out.Answer(document, TextFormatter.Batch(answer.Batch));
                return;
            }

            var (reason, message) = await WhyRejectedAsync(session, answer.Batch.BatchNumber, ct);
            document["rejected"] = new JsonObject { ["reason"] = reason, ["message"] = message };
            session.Out.Answer(document, [.. TextFormatter.Batch(answer.Batch),
                .. TextFormatter.Rows(("rejected", $"{message} [{reason}]"))]);
        });
    }

    // The batch summary has no field for it: WatchBatch reports the refusal.
    private static async Task<(string Reason, string Message)> WhyRejectedAsync(Session session, ulong number,
        CancellationToken ct)
    {
        try
        {
            using var watch = session.Registration()
                .WatchBatch(new WatchBatchRequest { BatchNumber = number }, session.Within(Session.Usual, ct));
            await watch.ResponseStream.MoveNext(ct);
        }
        catch (RpcException refusal) when (StatusMapping.ReasonOf(refusal) is { Length: > 0 } reason)
        {
            return (reason, refusal.Status.Detail);
        }

        return ("", "");
    }

    private static CliCommand Discard()
    {
        var number = OptionFactory.Number("batch");
        var verb = new CliCommand(
            "cancel",
            "Takes back a batch that is open, rejected, or a dry run: nothing of it remains, and its reference is " +
            "free.",
            "dreg batch cancel 1", Demo.Maker) { number };
        return verb.Does(async (parse, session, ct) =>
        {
            var batch = parse.GetValue(number);
            var answer = await session.Registration()
                .CancelUploadAsync(new CancelUploadRequest { BatchNumber = batch }, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, [$"batch {batch} is taken back: nothing of it is there"]);
        });
    }

    private static CliCommand Certify()
    {
        var number = OptionFactory.Number("batch");
        var reference = OptionFactory.ReferenceOr("certify-N-NAME");
        var verb = new CliCommand(
            "certify", "Certifies a batch: the first person proposes, another one confirms.",
            "dreg batch certify 1 --as regulator-b", Demo.Regulator)
        {
            number, reference,
        };
        return verb.Does(async (parse, session, ct) =>
        {
            var batch = parse.GetValue(number);
            var request = new CertifyBatchRequest
            {
                BatchNumber = batch, Reference = parse.GetValue(reference)
                ?? $"certify-{batch}-{session.Name}"
            };
            var answer = await session.Registration().CertifyBatchAsync(request, session.Within(Session.Usual, ct));
            session.Out.Answer(answer, [.. TextFormatter.Batch(answer.Batch),
                .. TextFormatter.Rows(("position", TextFormatter.Number(answer.JournalPosition)))]);
        });
    }
}
