using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Registrar.Parties.Changes;
using Grpc.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>gRPC service for manufacturers, importers and the regulator's certification: parses requests and calls the
/// commands.</summary>
internal sealed class RegistrationService(
    BatchUploads upload, BatchWatch watch, BatchCertification certification, UnitLifecycle units, BoardSwap swap,
    ChangeApproval changes,
    TacImport tacs, Uploads uploads, TimeProvider time)
    : Contracts.V1.RegistrationService.RegistrationServiceBase
{
    /// <inheritdoc/>
    public override async Task<ImportTacsResponse> ImportTacs(IAsyncStreamReader<ImportTacsRequest> requestStream,
        ServerCallContext context)
    {
        var ct = context.CancellationToken;
        Inputs.Require(await requestStream.MoveNext(ct)
            && requestStream.Current.PartCase is ImportTacsRequest.PartOneofCase.Header, "header",
            "the first message to be the header");
        var header = requestStream.Current.Header;
        Inputs.Reference(header.Reference);
        var session = CallSession.Of(context);
        using var slot = await uploads.WaitForSlotAsync(session.Caller.PartyId, ct);
        var bytes = await uploads.ReadAsync(session, requestStream, m =>
            m.PartCase is ImportTacsRequest.PartOneofCase.Data ? m.Data.Memory : (ReadOnlyMemory<byte>?)null,
            Limits.TacListBytesMax, ct);
        SyncPoints.Reached(SyncPoint.FileRead);
        var list = TacList.Read(bytes, header.Format);
        var import = await tacs.ImportAsync(session.Caller, header, list, SHA256.HashData(bytes.Span), ct);
        slot.MarkImported(import);
        return import;
    }

    /// <inheritdoc/>
    public override async Task<OpenBatchResponse> OpenBatch(OpenBatchRequest request, ServerCallContext context) =>
        new()
        {
            Batch = await upload.OpenAsync(CallSession.Of(context).Caller,
            BatchDeclaration.From(request.Header, time.GetUtcNow()), context.CancellationToken),
        };

    /// <inheritdoc/>
    public override async Task SendChunks(
        IAsyncStreamReader<SendChunksRequest> requestStream, IServerStreamWriter<SendChunksResponse> responseStream,
        ServerCallContext context)
    {
        var ct = context.CancellationToken;
        var session = CallSession.Of(context);
        using var stream = uploads.Chunks(session);
        while (await stream.NextAsync(requestStream, ct))
        {
            var durable = await upload.StoreAsync(session.Caller, requestStream.Current, ct);
            await responseStream.WriteAsync(new SendChunksResponse { DurableThrough = (uint)durable }, ct);
        }
    }

    /// <inheritdoc/>
    public override async Task<CompleteUploadResponse> CompleteUpload(CompleteUploadRequest request,
        ServerCallContext context) =>
        new()
        {
            Batch = await upload.SealAsync(CallSession.Of(context).Caller, request.BatchNumber,
            context.CancellationToken)
        };

    /// <inheritdoc/>
    public override Task WatchBatch(WatchBatchRequest request, IServerStreamWriter<WatchBatchResponse> responseStream,
        ServerCallContext context) =>
        watch.WatchAsync(CallSession.Of(context), request.BatchNumber, responseStream, context.CancellationToken);

    /// <inheritdoc/>
    public override Task ListLineErrors(ListLineErrorsRequest request,
        IServerStreamWriter<ListLineErrorsResponse> responseStream, ServerCallContext context) =>
        watch.ListFaultsAsync(CallSession.Of(context).Caller, request, responseStream, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<CancelUploadResponse> CancelUpload(CancelUploadRequest request,
        ServerCallContext context)
    {
        await upload.DiscardAsync(CallSession.Of(context).Caller, request.BatchNumber, context.CancellationToken);
        return new CancelUploadResponse();
    }

    /// <inheritdoc/>
    public override Task<CertifyBatchResponse> CertifyBatch(CertifyBatchRequest request, ServerCallContext context) =>
        certification.CertifyAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ReleaseBatchResponse> ReleaseBatch(ReleaseBatchRequest request, ServerCallContext context) =>
        units.ReleaseAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<RecallBatchResponse> RecallBatch(RecallBatchRequest request, ServerCallContext context) =>
        units.RecallAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<RetireUnitsResponse> RetireUnits(RetireUnitsRequest request, ServerCallContext context) =>
        units.RetireAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<SwapBoardResponse> SwapBoard(SwapBoardRequest request, ServerCallContext context) =>
        swap.SwapAsync(CallSession.Of(context).Caller, request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ClearQuarantineResponse> ClearQuarantine(ClearQuarantineRequest request,
        ServerCallContext context) => changes.ProposeAsync(
        CallSession.Of(context).Caller, request.Reference, request, new Change { Quarantine = request }, n =>
            new ClearQuarantineResponse { ChangeNumber = n }, context.CancellationToken);
}
