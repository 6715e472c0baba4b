using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>The door of manufacturers, importers and those who certify: parses, and hands over.</summary>
internal sealed class RegistrationService(BatchIntake intake, BatchBook book, TacImport tacs, Uploads uploads, TimeProvider time) : Contracts.V1.RegistrationService.RegistrationServiceBase
{
    // A factory east of Greenwich has tomorrow's date before UTC has; UTC+14 is the earliest clock there is.
    private static readonly TimeSpan FurthestEast = TimeSpan.FromHours(14);

    /// <inheritdoc/>
    public override async Task<ImportTacsResponse> ImportTacs(IAsyncStreamReader<ImportTacsRequest> requestStream, ServerCallContext context)
    {
        var ct = context.CancellationToken;
        Inputs.Require(await requestStream.MoveNext(ct) && requestStream.Current.PartCase is ImportTacsRequest.PartOneofCase.Header, "header", "the first message to be the header");
        var header = requestStream.Current.Header;
        Inputs.Reference(header.Reference);
        var session = CallSession.Of(context);
        using var turn = await uploads.TurnAsync(session.Caller.PartyId, ct);
        var bytes = await uploads.ReadAsync(session, requestStream, m => m.PartCase is ImportTacsRequest.PartOneofCase.Data ? m.Data.Memory : (ReadOnlyMemory<byte>?)null, Limits.TacListBytesMax, ct);
        SyncPoints.Reached(SyncPoint.FileRead);
        var list = TacList.Read(bytes, header.Format);
        var import = await tacs.ImportAsync(session.Caller, header, list, SHA256.HashData(bytes.Span), ct);
        turn.Took(import);
        return import;
    }

    /// <inheritdoc/>
    public override async Task RegisterBatch(
        IAsyncStreamReader<RegisterBatchRequest> requestStream, IServerStreamWriter<RegisterBatchResponse> responseStream, ServerCallContext context)
    {
        var ct = context.CancellationToken;
        Inputs.Require(await requestStream.MoveNext(ct) && requestStream.Current.PartCase is RegisterBatchRequest.PartOneofCase.Header, "header", "the first message to be the header");
        var declared = BatchDeclaration.From(requestStream.Current.Header, DateOnly.FromDateTime((time.GetUtcNow() + FurthestEast).UtcDateTime));
        var session = CallSession.Of(context);
        using var turn = await uploads.TurnAsync(session.Caller.PartyId, ct);
        var bytes = await uploads.ReadAsync(session, requestStream, m => m.PartCase is RegisterBatchRequest.PartOneofCase.Data ? m.Data.Memory : (ReadOnlyMemory<byte>?)null, Limits.UnitsBytesMax, ct);
        SyncPoints.Reached(SyncPoint.FileRead);
        var outcome = await intake.AcceptAsync(session.Caller, declared, UnitsFile.Read(bytes), ct);
        if (outcome.Receipt is not null) turn.Took(outcome.Receipt);

        foreach (var fault in outcome.Faults) await responseStream.WriteAsync(new RegisterBatchResponse { Fault = fault }, ct);
        if (outcome.Receipt is null)
            throw new RegistryException(RegistryError.BatchLinesBad,
                $"{outcome.Faults.Count} bad {(outcome.Faults.Count is 1 ? "line" : "lines")}; nothing of the batch was registered.");

        await responseStream.WriteAsync(new RegisterBatchResponse { Receipt = outcome.Receipt }, ct);
    }

    /// <inheritdoc/>
    public override Task<CertifyBatchResponse> CertifyBatch(CertifyBatchRequest request, ServerCallContext context) =>
        book.CertifyAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ReleaseBatchResponse> ReleaseBatch(ReleaseBatchRequest request, ServerCallContext context) =>
        book.ReleaseAsync(CallSession.Of(context).Caller, request, context.CancellationToken);
}
