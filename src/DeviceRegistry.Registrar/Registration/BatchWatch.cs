using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Lets the owner of a batch follow it: progress, receipt, line errors.</summary>
internal sealed class BatchWatch(Database reads, JournalReader journal, BatchWorker worker,
    MemberDirectory members, TimeProvider time, IHostApplicationLifetime lifetime)
{
    /// <summary>Streams the progress of a batch until it is decided, then the result. A rejection is the status of the
    /// call.</summary>
    public async Task WatchAsync(CallSession session, ulong batchNumber, IServerStreamWriter<WatchBatchResponse> to,
        CancellationToken ct)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
        for (Contracts.V1.BatchProgress? sent = null; ;)
        {
            session.RequireStillAuthorized(members, time.Now());
            var ended = worker.Ended;
            var batch = await reads.ReadAsync((db, ct) => FindAsync(db, session.Caller, batchNumber, ct), end.Token);
            if (await EndOfAsync(batch, end.Token) is { } last)
            {
                await to.WriteAsync(last, end.Token);
                return;
            }

            var now = worker.ProgressOf(batch.Number)
                ?? new Contracts.V1.BatchProgress { Phase = BatchPhase.Waiting };
            if (!now.Equals(sent)) await to.WriteAsync(new WatchBatchResponse { Progress = sent = now }, end.Token);
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(end.Token);
            await Task.WhenAny(ended, Task.Delay(Limits.ProgressEvery, time, pause.Token));
            await pause.CancelAsync();
            end.Token.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Streams the line errors of a rejected batch.</summary>
    public async Task ListFaultsAsync(Caller caller, ListLineErrorsRequest request,
        IServerStreamWriter<ListLineErrorsResponse> to, CancellationToken ct)
    {
        // One page at a time, so that a slow reader holds no connection.
        for (var (after, left) = ((long)request.AfterLine, request.PageSize is 0 ? long.MaxValue
            : request.PageSize); left > 0;)
        {
            var page = await reads.ReadAsync(
                async (db, ct) =>
                {
                    var batch = await FindAsync(db, caller, request.BatchNumber, ct);
                    return batch.State is BatchState.Rejected
                        ? await ErrorReport.NextPageAsync(db, batch.Number, after, ct) : [];
                },
                ct);
            if (page.Count is 0) return;

            foreach (var some in page.Take((int)Math.Min(left, page.Count))
                .Chunk(Limits.ErrorsPerMessage)) await to.WriteAsync(new ListLineErrorsResponse { Errors = { some } },
                ct);
            (after, left) = (page[^1].Line, left - page.Count);
        }
    }

    private async Task<WatchBatchResponse?> EndOfAsync(BatchRow batch, CancellationToken ct)
    {
        switch (batch.State)
        {
            case BatchState.Open or BatchState.Validating:
                return null;
            case BatchState.Rejected:
                throw new RegistryException(Enum.GetValues<RegistryError>()
                    .Single(e => StatusMapping.CodeOf(e) == batch.RejectReason), batch.RejectMessage, batch.RejectField,
                    batch.RejectExpected);
            case BatchState.DryRunPassed:
                var seen = await reads.ReadAsync((db, ct) =>
                    db.QuarantinedUnits.CountAsync(q => q.BatchNumber == batch.Number, ct), ct);
                return new WatchBatchResponse
                {
                    DryRun = new DryRunResult
                    {
                        Units = (uint)batch.Units, Imeis = (uint)batch.Imeis,
                        ContentHash = ByteString.CopyFrom(batch.ContentHash), QuarantinedUnits = (uint)seen
                    },
                };
            default:
                return new WatchBatchResponse { Receipt = await ReceiptAsync(batch, ct) };
        }
    }

    private async Task<BatchReceipt> ReceiptAsync(BatchRow batch, CancellationToken ct)
    {
        var stored = await journal.AnswerAsync(batch.PartyId, batch.Reference, ct)
            ?? throw new InvalidOperationException($"Batch {batch.Number} has no receipt.");
        var receipt = BatchReceipt.Parser.ParseFrom(stored.Answer);
        receipt.JournalPosition = stored.Position;
        return receipt;
    }

    private static async Task<BatchRow> FindAsync(RegistryContext db, Caller caller, ulong number, CancellationToken ct)
    {
        var (own, _) = Scope.Of(caller, "");
        return await db.Batches.AsNoTracking()
            .SingleOrDefaultAsync(b => b.Number == number.ToBatchKey() && (own == null || b.PartyId == own), ct)
            ?? throw BatchCertification.NoBatch(number);
    }
}
