using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using Grpc.Core;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>The door of manufacturers, importers and those who certify: parses, and hands over.</summary>
internal sealed class RegistrationService(BatchIntake intake, BatchBook book, TacImport tacs, TimeProvider time) : Contracts.V1.RegistrationService.RegistrationServiceBase
{
    /// <inheritdoc/>
    public override async Task<ImportTacsResponse> ImportTacs(IAsyncStreamReader<ImportTacsRequest> requestStream, ServerCallContext context)
    {
        var ct = context.CancellationToken;
        Inputs.Require(await requestStream.MoveNext(ct) && requestStream.Current.PartCase is ImportTacsRequest.PartOneofCase.Header, "header", "the first message to be the header");
        var header = requestStream.Current.Header;
        Inputs.Reference(header.Reference);
        var bytes = await ReadFileAsync(requestStream, m => m.PartCase is ImportTacsRequest.PartOneofCase.Data ? m.Data.Memory : null, Limits.TacListBytesMax, ct);
        var list = TacList.Read(bytes, header.Format);
        return await tacs.ImportAsync(CallSession.Of(context).Caller, header, list, SHA256.HashData(bytes.Span), ct);
    }

    /// <inheritdoc/>
    public override async Task RegisterBatch(
        IAsyncStreamReader<RegisterBatchRequest> requestStream, IServerStreamWriter<RegisterBatchResponse> responseStream, ServerCallContext context)
    {
        var ct = context.CancellationToken;
        Inputs.Require(await requestStream.MoveNext(ct) && requestStream.Current.PartCase is RegisterBatchRequest.PartOneofCase.Header, "header", "the first message to be the header");
        var declared = BatchDeclaration.From(requestStream.Current.Header, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime));
        var bytes = await ReadFileAsync(requestStream, m => m.PartCase is RegisterBatchRequest.PartOneofCase.Data ? m.Data.Memory : null, Limits.UnitsBytesMax, ct);
        var outcome = await intake.AcceptAsync(CallSession.Of(context).Caller, declared, UnitsFile.Read(bytes), ct);

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

    private static async Task<ReadOnlyMemory<byte>> ReadFileAsync<T>(
        IAsyncStreamReader<T> stream, Func<T, ReadOnlyMemory<byte>?> dataOf, int bytesMax, CancellationToken ct)
        where T : class
    {
        using var file = new MemoryStream();
        while (await stream.MoveNext(ct))
        {
            var data = dataOf(stream.Current) ?? throw RegistryException.BadField("part", "data after the header");
            Inputs.Require(data.Length <= Limits.ChunkBytesMax, "data", $"at most {Limits.ChunkBytesMax} bytes a message");
            if (file.Length + data.Length > bytesMax)
                throw new RegistryException(RegistryError.FileInvalid, $"The file is larger than {bytesMax / (1024 * 1024)} MiB. Split it.", "data", $"at most {bytesMax} bytes");

            file.Write(data.Span);
        }

        return file.ToArray();
    }
}
