using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Registrar.Feed;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Registrar.Recovery;

/// <summary>gRPC service for the recovery from a restored backup: the statement to sign, its submission with the
/// signatures of two people, and stored recovery statements for nodes that are ahead of the restored
/// journal.</summary>
internal sealed class RecoveryService(IdempotentWrites writes, JournalReader journal, MemberDirectory members)
    : Contracts.V1.RecoveryService.RecoveryServiceBase
{
    /// <inheritdoc/>
    public override async Task<GetPendingRecoveryResponse> GetPendingRecovery(GetPendingRecoveryRequest request,
        ServerCallContext context) =>
        await journal.PendingRecoveryAsync(context.CancellationToken) is { } pending
            ? new GetPendingRecoveryResponse { Pending = true, Note = pending.Note, Statement = StatementOf(pending) }
            : new GetPendingRecoveryResponse();

    /// <inheritdoc/>
    public override Task<RecoverResponse> Recover(RecoverRequest request, ServerCallContext context)
    {
        var caller = CallSession.Of(context).Caller;
        var recovered = request.Recovered ?? new Recovered();
        Inputs.Require(RecoveryRules.TryRead(recovered.Statement, out var statement), "recovered.statement",
            "a serialised RecoveryStatement");
        Inputs.Printable("recovered.statement.reason", statement.Reason, 500);
        return writes.ExecuteAsync(caller, request.Reference, request, async (write, ct) =>
        {
            // 1. The statement is about this restore, and no statement about it is recorded yet.
            await write.LockAsync(WriteLock.Recovery, ct);
            var pending = await journal.PendingRecoveryAsync(ct)
                ?? throw new RegistryException(RegistryError.WrongState,
                    "The registry waits for no statement about a restore.");
            var expected = StatementOf(pending);
            expected.Reason = statement.Reason;
            Inputs.Require(statement.Equals(expected), "recovered.statement",
                $"epoch {pending.Epoch} after position {pending.AfterPosition}, as GetPendingRecovery gives it");

            // 2. Two people have signed; one of them is the caller.
            Inputs.Require(RecoveryRules.IsSigned(recovered, members, out var signers, out var fault),
                "recovered.signatures", $"signatures of two people of the regulator; {fault}");
            Inputs.Require(signers.Any(s => s.ActorId == caller.ActorId), "recovered.signatures",
                "one of the signatures to be your own");
            var first = signers.First(s => s.ActorId != caller.ActorId);
            await write.Db.RequireAnotherPersonAsync(caller, [(long)first.ActorId],
                "Both signatures are yours; another person must sign too.", ct);

            // 3. Stage the first entry of the new epoch.
            SyncPoints.Reached(SyncPoint.RecoveryJudged);
            write.Stage(JournalKind.Recovered, recovered);
            return new RecoverResponse();
        }, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task<ListRecoveriesResponse> ListRecoveries(ListRecoveriesRequest request,
        ServerCallContext context)
    {
        var answer = new ListRecoveriesResponse();
        await foreach (var record in journal.RecoveriesAfterAsync(request.Epoch, Limits.RecoveriesMax,
            context.CancellationToken)) answer.Recoveries.Add(record.ToWire());
        return answer;
    }

    private static RecoveryStatement StatementOf(PendingRecovery pending) =>
        new()
        {
            Epoch = pending.Epoch, AfterPosition = pending.AfterPosition,
            AfterHash = ByteString.CopyFrom(pending.AfterHash)
        };
}
