using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Registrar.Feed;
using Grpc.Core;

namespace DeviceRegistry.Registrar.Proof;

/// <summary>gRPC service for auditors: checkpoints, and proofs that can be verified without the registry.</summary>
internal sealed class ProofService(CheckpointSigner signer, OrderProofs proofs)
    : Contracts.V1.ProofService.ProofServiceBase
{
    /// <inheritdoc/>
    public override async Task<GetLatestCheckpointResponse> GetLatestCheckpoint(GetLatestCheckpointRequest request,
        ServerCallContext context) =>
        await signer.LatestAsync(context.CancellationToken) is { } newest
            ? new GetLatestCheckpointResponse { Entry = newest.Record.ToWire() }
            : throw new RegistryException(RegistryError.NotFound,
                "There is no checkpoint yet: the registry signs one after some time or number of entries.");

    /// <inheritdoc/>
    public override async Task ProveOrder(ProveOrderRequest request,
        IServerStreamWriter<ProveOrderResponse> responseStream, ServerCallContext context)
    {
        await foreach (var part in proofs.ProveAsync(request.OrderNumber,
            context.CancellationToken)) await responseStream.WriteAsync(new ProveOrderResponse { Part = part },
            context.CancellationToken);
    }
}
