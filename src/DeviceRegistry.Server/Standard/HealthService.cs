using Grpc.Core;
using Grpc.Health.V1;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace DeviceRegistry.Server.Standard;

/// <summary>grpc.health.v1 as standard clients expect it: the empty name is the server, a service name is that
/// service.</summary>
internal sealed class HealthService(Readiness readiness, Services services, IHostApplicationLifetime lifetime,
    TimeProvider time) : Health.HealthBase
{
    /// <inheritdoc/>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        var status = StatusOf(request.Service, context);
        if (status is ServingStatus.ServiceUnknown) throw new RpcException(
            new Status(StatusCode.NotFound, "Unknown service."));
        return Task.FromResult(new HealthCheckResponse { Status = status });
    }

    /// <inheritdoc/>
    public override async Task Watch(HealthCheckRequest request,
        IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        var stopping = lifetime.ApplicationStopping;
        for (var last = ServingStatus.Unknown; ; await WaitAsync(context.CancellationToken, stopping))
        {
            // Asked before the status is: a watcher of a server that stops hears NOT_SERVING before its stream ends.
            var ends = stopping.IsCancellationRequested;
            var now = StatusOf(request.Service, context);
            if (now != last) await responseStream.WriteAsync(new HealthCheckResponse { Status = last = now },
                context.CancellationToken);
            if (ends) throw new OperationCanceledException(stopping);
        }
    }

    private async Task WaitAsync(CancellationToken call, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(call, stopping);
        await Task.Delay(Limits.HealthEvery, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        call.ThrowIfCancellationRequested();
    }

    private ServingStatus StatusOf(string service, ServerCallContext context) =>
        service.Length > 0 && !services.Behind(context.GetHttpContext()).Contains(service)
            ? ServingStatus.ServiceUnknown
        : readiness.Missing().Any() ? ServingStatus.NotServing
        : ServingStatus.Serving;
}
