using DeviceRegistry.Contracts.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach;

/// <summary>Hands what the doors saw to the registrar, round by round: onto the disk first, then away, oldest first.
/// While the registrar is away, segments wait.</summary>
internal sealed partial class SightingReporter(
    SightingCollector seen, SegmentStore segments,
    Func<CancellationToken, Task<GrpcChannel>> connect, TimeProvider time, ILogger<SightingReporter> log)
    : BackgroundService
{
    private bool _diskFails;

    /// <summary>What was seen last is on the disk before the process ends.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        KeepAll();
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
            // Told to stop: however the wait was cut short.
        }
    }

    private async Task CountAsync(CancellationToken ct)
    {
        using var tick = new PeriodicTimer(Limits.SightingsCountedEvery, time);
        while (await tick.WaitForNextTickAsync(ct)) seen.Count();
    }

    private async Task ReportAsync(CancellationToken ct)
    {
        using var registrar = await connect(ct);
        var client = new SightingsService.SightingsServiceClient(registrar);
        while (true)
        {
            KeepAll();
            var away = !await TryReportAllAsync(client, ct);
            await Task.Delay(away ? Limits.RetryMost : Limits.SightingsEvery, time, ct);
        }
    }

    private void KeepAll()
    {
        foreach (var segment in seen.Take())
            try
            {
                segments.Keep(segment, time.GetUtcNow().ToUnixTimeMilliseconds());
                _diskFails = false;
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                if (!_diskFails) NotKept(log, fault.Message);
                _diskFails = true;
            }
    }

    // False: the registrar is away, and will be asked again later.
    private async Task<bool> TryReportAllAsync(SightingsService.SightingsServiceClient registrar, CancellationToken ct)
    {
        try
        {
            while (segments.Oldest((number, why) =>
                NotTaken(log, number, $"its file cannot be read: {why}")) is { } segment)
            {
                var refused = await RefusalAsync(registrar, segment, ct);
                if (refused is not null) NotTaken(log, segment.Number, refused);
                segments.Drop(segment, taken: refused is null);
            }

            return true;
        }
        catch (Exception fault) when (!ct.IsCancellationRequested && fault is RpcException or IOException
            or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // A segment that the registrar would not take today it will not take tomorrow: the others shall not wait behind it.
    private async Task<string?> RefusalAsync(SightingsService.SightingsServiceClient registrar,
        ReportSightingsRequest segment, CancellationToken ct)
    {
        try
        {
            await registrar.ReportSightingsAsync(segment, deadline: time.GetUtcNow().UtcDateTime + Limits.RetryMost,
                cancellationToken: ct);
            return null;
        }
        catch (RpcException refusal) when (refusal.StatusCode is StatusCode.InvalidArgument or StatusCode.AlreadyExists)
        {
            return refusal.Status.Detail;
        }
    }

    [LoggerMessage(EventId = 3009, Level = LogLevel.Error,
        Message = "ALARM: what was seen cannot be kept on the disk ({Why}); answers go on, these sightings are lost.")]
    private static partial void NotKept(ILogger log, string why);

    [LoggerMessage(EventId = 3010, Level = LogLevel.Error,
        Message = "ALARM: segment {Number} of sightings is left out: {Why}.")]
    private static partial void NotTaken(ILogger log, ulong number, string why);
}
