using System.Collections.Frozen;
using DeviceRegistry.Server.Access;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace DeviceRegistry.Server.Standard;

/// <summary>grpc.health.v1 by Grpc.HealthCheck, one instance for each listener: the empty name is the server, any other
/// name is a service of the listener that the call came through.</summary>
internal sealed class HealthService : Health.HealthBase, IDisposable
{
    private readonly Readiness _readiness;
    private readonly Lock _refresh = new();
    private readonly CancellationTokenSource _notServingSent = new();
    private readonly FrozenDictionary<ListenerKind, (HealthServiceImpl Health, string[] Services)> _listeners;
    private readonly ITimer _timer;
    private ServingStatus _status = ServingStatus.Unknown;

    public HealthService(Readiness readiness, Services services, IHostApplicationLifetime lifetime, TimeProvider time)
    {
        _readiness = readiness;
        _listeners = services.ByListener.ToFrozenDictionary(l => l.Key, l =>
            (new HealthServiceImpl(), (string[])["", .. l.Value.Select(s => s.FullName)]));
        _timer = time.CreateTimer(_ => Refresh(), null, Limits.HealthInterval, Limits.HealthInterval);

        // Watchers receive NOT_SERVING before a stopping server ends their streams.
        lifetime.ApplicationStopping.Register(() =>
        {
            Refresh();
            _notServingSent.Cancel();
        });
    }

    /// <inheritdoc/>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        Refresh();
        return Of(context).Check(request, context);
    }

    /// <inheritdoc/>
    public override async Task Watch(HealthCheckRequest request,
        IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        Refresh();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken,
            _notServingSent.Token);
        await Of(context).Watch(request, responseStream, new CancellableCallContext(context, end.Token));
        end.Token.ThrowIfCancellationRequested();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        _notServingSent.Dispose();
    }

    private HealthServiceImpl Of(ServerCallContext context) =>
        _listeners[Listeners.KindOf(context.GetHttpContext())].Health;

    private void Refresh()
    {
        lock (_refresh)
        {
            var status = _readiness.Missing().Any() ? ServingStatus.NotServing : ServingStatus.Serving;
            if (status == _status) return;

            foreach (var (health, services) in _listeners.Values)
                foreach (var service in services) health.SetStatus(service, status);
            _status = status;
        }
    }
}
