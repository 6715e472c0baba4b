using Grpc.Core;
using Grpc.Health.V1;

namespace DeviceRegistry.Server.Standard;

/// <summary>grpc.health.v1 as standard clients expect it: the empty name is the server, a service name is that service.</summary>
internal sealed class HealthService(Readiness readiness, IHostApplicationLifetime lifetime, TimeProvider time) : Health.HealthBase
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);

    /// <inheritdoc/>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        var status = StatusOf(request.Service);
        if (status is HealthCheckResponse.Types.ServingStatus.ServiceUnknown) throw new RpcException(new Status(StatusCode.NotFound, "Unknown service."));
        return Task.FromResult(new HealthCheckResponse { Status = status });
    }

    /// <inheritdoc/>
    public override async Task Watch(HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        for (var last = HealthCheckResponse.Types.ServingStatus.Unknown; ; await Task.Delay(LookEvery, time, end.Token))
        {
            var now = StatusOf(request.Service);
            if (now == last) continue;

            await responseStream.WriteAsync(new HealthCheckResponse { Status = now }, end.Token);
            last = now;
        }
    }

    private HealthCheckResponse.Types.ServingStatus StatusOf(string service) =>
        service.Length > 0 && !ReflectionService.Services.Contains(service) ? HealthCheckResponse.Types.ServingStatus.ServiceUnknown
        : readiness.Missing().Any() ? HealthCheckResponse.Types.ServingStatus.NotServing
        : HealthCheckResponse.Types.ServingStatus.Serving;
}
