using System.Globalization;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Faults of an uploaded batch, with what its sender does next.</summary>
internal static class BatchErrors
{
    // invalid lines in one fault: more than a person reads, and few enough to hold in memory
    private const uint NamedMax = 1_000;
    private const string GoesOn = "The same command again goes on where it stopped.";

    /// <summary>The upload was stopped by Ctrl-C or by --timeout.</summary>
    public static Fault Stopped(Session session, UploadReport report, CancellationToken ct)
    {
        if (ct.IsCancellationRequested) return Fault.Interrupted(
            "The same command again goes on from what the registry has.");

        var seconds = session.Timeout!.Value.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
        return new Fault(
            Fault.UnreachableCode,
            $"{(report.BatchNumber is 0 ? "The batch" : $"Batch {report.BatchNumber}")} was not decided within " +
            $"{seconds} s.", "DEADLINE_EXCEEDED",
            $"{GoesOn} --timeout gives it longer, and without it there is no end.");
    }

    /// <summary>The registry refused the batch, or is unreachable.</summary>
    public static async Task<Fault> OfAsync(Session session, RpcException refusal, UploadReport report,
        CancellationToken ct)
    {
        var fault = Fault.Of(refusal, session.Address);
        if (fault.ExitCode is Fault.UnreachableCode) return fault.Reason is "TLS" ? fault
            : fault with { Next = $"Is it running? deploy/run.sh starts it. {GoesOn}" };

        // The same reference finds the rejected batch again, unless the file was fixed.
        var (number, again) = (report.BatchNumber, $"dreg batch cancel {report.BatchNumber}, and send it again");
        return fault.Reason switch
        {
            "BATCH_HAS_INVALID_LINES" when number > 0 => await WithLinesAsync(session, fault, number, again, ct),
            "QUOTA_EXCEEDED" or "AUTHORIZATION_NOT_IN_FORCE" or "AUTHORIZATION_NOT_FOUND" when number > 0 =>
                fault with { Next = $"{fault.Next} Once that is mended: {again}." },
            "CHUNK_CONFLICT" => fault with { Next = $"The file is not what it was when its upload began. {again}." },
            "REFERENCE_REUSED" => fault with
            {
                Next =
                $"{fault.Next} An upload that was begun and is not wanted can be taken back: dreg batch list, dreg " +
                $"batch cancel N."
            },
            _ => fault,
        };
    }

    private static async Task<Fault> WithLinesAsync(Session session, Fault fault, ulong number, string again,
        CancellationToken ct)
    {
        var batch = (await session.Registry()
            .GetBatchAsync(new GetBatchRequest { BatchNumber = number }, session.Within(Session.Usual, ct))).Batch;
        var faults = new List<LineError>();
        var request = new ListLineErrorsRequest { BatchNumber = number, PageSize = NamedMax };
        using var call = session.Registration().ListLineErrors(request, session.Within(Session.Long, ct));
        await foreach (var page in call.ResponseStream.ReadAllAsync(ct)) faults.AddRange(page.Errors);

        var unnamed = batch.LineErrors - (uint)faults.Count;
        string[] rest = unnamed > 0 ? [
            $"and {TextFormatter.Count(unnamed, "more bad line")}: dreg batch errors {number} names all"] : [];
        return fault with
        {
            Next = $"{fault.Next} Where the registry lacked something and the file is right (a TAC, a mandate): " +
                $"{again}.",
            Lines = [.. faults.Select(TextFormatter.Line), .. rest],
            More = new JsonObject
            {
                ["batch_number"] = TextFormatter.Number(number),
                ["line_errors"] = batch.LineErrors,
                ["lines"] = new JsonArray([.. faults.Select(Output.ToNode)]),
            },
        };
    }
}
