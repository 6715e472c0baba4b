using System.Collections.Frozen;
using DeviceRegistry.Server.Access;
using Grpc.Core;
using Grpc.Reflection;
using Grpc.Reflection.V1;

namespace DeviceRegistry.Server.Standard;

/// <summary>grpc.reflection.v1 by Grpc.Reflection, one instance for each listener: it lists the services of the
/// listener that the call came through.</summary>
internal sealed class ReflectionService(Services services, IHostApplicationLifetime lifetime)
    : ServerReflection.ServerReflectionBase
{
    private readonly FrozenDictionary<ListenerKind, ReflectionV1ServiceImpl> _listeners =
        services.ByListener.ToFrozenDictionary(l => l.Key, l => new ReflectionV1ServiceImpl(l.Value));

    /// <inheritdoc/>
    public override async Task ServerReflectionInfo(IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken,
            lifetime.ApplicationStopping);
        await _listeners[Listeners.KindOf(context.GetHttpContext())].ServerReflectionInfo(
            new EndingReader(requestStream, end.Token), responseStream, context);
    }

    // Grpc.Reflection reads without a cancellation token: an open stream would delay the stop of the server.
    private sealed class EndingReader(IAsyncStreamReader<ServerReflectionRequest> stream, CancellationToken end)
        : IAsyncStreamReader<ServerReflectionRequest>
    {
        public ServerReflectionRequest Current => stream.Current;

        public Task<bool> MoveNext(CancellationToken cancellationToken) => stream.MoveNext(end);
    }
}
