using DeviceRegistry.Contracts.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>Reports sightings to the registrar once a second: first to the disk, then to the registrar, oldest first.
/// While the registrar is unreachable, segments stay on the disk.</summary>
internal sealed partial class SightingReporter(
    SightingCollector sightings, SegmentStore segments,
    Func<CancellationToken, Task<GrpcChannel>> connect, TimeProvider time, ILogger<SightingReporter> log)
    : BackgroundService
{
    private bool _diskFails;

    /// <summary>Writes the newest sightings to the disk before the process ends.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        PersistAll();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.WhenAll(CountAsync(stoppingToken), ReportAsync(stoppingToken));
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping; the wait may end with any exception.
        }
    }

    private async Task CountAsync(CancellationToken ct)
    {
        using var tick = new PeriodicTimer(Limits.SightingsCountInterval, time);
        while (await tick.WaitForNextTickAsync(ct)) sightings.Count();
    }

    private async Task ReportAsync(CancellationToken ct)
    {
        using var registrar = await connect(ct);
        var client = new SightingsService.SightingsServiceClient(registrar);
        while (true)
        {
            PersistAll();
            var unavailable = !await TryReportAllAsync(client, ct);
            await Task.Delay(unavailable ? Limits.RetryDelayMax : Limits.SightingsReportInterval, time, ct);
        }
    }

    private void PersistAll()
    {
        foreach (var segment in sightings.Take())
            try
            {
                segments.Keep(segment, time.GetUtcNow().ToUnixTimeMilliseconds());
                _diskFails = false;
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                if (!_diskFails) PersistFailed(log, fault.Message);
                _diskFails = true;
            }
    }

    // Returns false if the registrar is unreachable; the caller retries later.
    private async Task<bool> TryReportAllAsync(SightingsService.SightingsServiceClient registrar, CancellationToken ct)
    {
        try
        {
            while (segments.Oldest((number, why) =>
                SegmentSkipped(log, number, $"its file cannot be read: {why}")) is { } segment)
            {
                var rejected = await RejectionAsync(registrar, segment, ct);
                if (rejected is not null) SegmentSkipped(log, segment.Number, rejected);
                segments.Drop(segment, accepted: rejected is null);
            }

            return true;
        }
        catch (Exception fault) when (!ct.IsCancellationRequested && fault is RpcException or IOException
            or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // A segment that the registrar rejects once it rejects always; remove it, so that it does not block the others.
    private async Task<string?> RejectionAsync(SightingsService.SightingsServiceClient registrar,
        ReportSightingsRequest segment, CancellationToken ct)
    {
        try
        {
            await registrar.ReportSightingsAsync(segment, deadline: time.GetUtcNow().UtcDateTime + Limits.RetryDelayMax,
                cancellationToken: ct);
            return null;
        }
        catch (RpcException rejection) when (rejection.StatusCode is StatusCode.InvalidArgument
            or StatusCode.AlreadyExists)
        {
            return rejection.Status.Detail;
        }
    }

    [LoggerMessage(EventId = 3009, Level = LogLevel.Error,
        Message = "Cannot persist sightings ({Why}); these sightings are lost")]
    private static partial void PersistFailed(ILogger log, string why);

    [LoggerMessage(EventId = 3010, Level = LogLevel.Error,
        Message = "Sighting segment {Number} skipped: {Why}")]
    private static partial void SegmentSkipped(ILogger log, ulong number, string why);
}
