using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Polly;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>Keeps the node registered with an NRF, because an AMF uses only the EIRs that it discovers there:
/// registers, sends heartbeats, registers again if the NRF has lost the registration, and deregisters before the
/// listeners close (Nnrf_NFManagement, TS 29.510 §5.2.2).</summary>
internal sealed partial class NrfRegistration : BackgroundService, IHostedLifecycleService
{
    private readonly N17Options _options;
    private readonly NodeState _node;
    private readonly TimeProvider _time;
    private readonly ILogger<NrfRegistration> _log;
    private readonly HttpClient _nrf;
    private readonly Uri _self;
    private readonly ResiliencePipeline<NrfResult> _calls;
    private readonly CancellationTokenSource _stopping = new();
    private bool _registered;
    private string _reportedStatus = "";
    private string? _lastError;

    public NrfRegistration(N17Options options, NodeState node, TimeProvider time, ILogger<NrfRegistration> log)
    {
        (_options, _node, _time, _log) = (options, node, time, log);
        _self = new Uri($"{options.Nrf!.ToString().TrimEnd('/')}/nnrf-nfm/v1/nf-instances/{options.Instance}");
        _nrf = new HttpClient(options.NrfHandler())
        {
            Timeout = Limits.NrfResponseTimeout,
            MaxResponseContentBufferSize = Limits.NrfBodyBytesMax,
        };
        _calls = Resilience.Nrf(time);
    }

    /// <summary>Deregisters before any listener closes: AMFs select another EIR while this node still
    /// answers.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        if (ExecuteTask is { } loop) await loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_registered) return;

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limits.NrfDeregisterTimeout);
        try
        {
            using var request = Request(HttpMethod.Delete);
            using var answer = await _nrf.SendAsync(request, limit.Token);
            answer.EnsureSuccessStatusCode();
            Deregistered(_log);
        }
        catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
        {
            DeregistrationFailed(_log, fault.Message);
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override void Dispose()
    {
        _nrf.Dispose();
        _stopping.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, _stopping.Token);
        try
        {
            await RunAsync(end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }

    private async Task RunAsync(CancellationToken ct)
    {
        var roots = await _options.ApiRoots(ct);
        await WaitUntilReadyAsync(ct);
        while (true)
        {
            // 1. Register, however long it takes.
            var every = Limits.NrfHeartbeatDefault;
            await CallAsync(HttpMethod.Put, () =>
                Content(NfProfile.Of(_options, roots, _reportedStatus = Status).ToJsonString(), "application/json"),
                    interval =>
                every = interval, ct);
            _registered = true;
            Registered(_log, _options.Nrf!, _options.Instance, every.TotalSeconds);

            // 2. Send heartbeats until the NRF no longer knows this node.
            do await HeartbeatLoopAsync(every, ct);
            while (await CallAsync(HttpMethod.Patch, () =>
                Content($$"""[{"op":"replace","path":"/nfStatus","value":"{{_reportedStatus = Status}}"}]""",
                "application/json-patch+json"), interval => every = interval, ct) is not NrfResult.NotRegistered);
            _registered = false;
        }
    }

    private string Status => _node.Draining ? NfProfile.OutOfService : NfProfile.InService;

    // Waits for the heartbeat period of the NRF, or until the node is drained or put back in service.
    private async Task HeartbeatLoopAsync(TimeSpan every, CancellationToken ct)
    {
        var since = _time.GetTimestamp();
        using var tick = new PeriodicTimer(Limits.ReadyCheckInterval, _time);
        do await tick.WaitForNextTickAsync(ct);
        while (_reportedStatus == Status && _time.GetElapsedTime(since) < every);
    }

    // A node without data must not be discovered.
    private async Task WaitUntilReadyAsync(CancellationToken ct)
    {
        using var tick = new PeriodicTimer(Limits.ReadyCheckInterval, _time);
        while (!_node.IsReady) await tick.WaitForNextTickAsync(ct);
    }

    // No charset: some NRFs compare the content type as a string.
    private static ByteArrayContent Content(string text, string type) =>
        new(Encoding.UTF8.GetBytes(text)) { Headers = { ContentType = new MediaTypeHeaderValue(type) } };

    private async Task<NrfResult> CallAsync(HttpMethod method, Func<HttpContent> content, Action<TimeSpan> heartbeat,
        CancellationToken ct) =>
        await _calls.ExecuteAsync(async token => await TryCallAsync(method, content(), heartbeat, token), ct);

    private async Task<NrfResult> TryCallAsync(HttpMethod method, HttpContent content, Action<TimeSpan> heartbeat,
        CancellationToken ct)
    {
        using var request = Request(method, content);
        try
        {
            using var answer = await _nrf.SendAsync(request, ct);
            if (answer.StatusCode is HttpStatusCode.NotFound
                && method == HttpMethod.Patch) return NrfResult.NotRegistered;
            if (!answer.IsSuccessStatusCode) return CallFailed($"it answers {(int)answer.StatusCode}");

            if (HeartbeatIn(await answer.Content.ReadAsByteArrayAsync(ct)) is { } interval) heartbeat(interval);
            _lastError = null;
            return NrfResult.Succeeded;
        }
        catch (HttpRequestException fault)
        {
            return CallFailed(fault.Message);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return CallFailed($"it does not answer within {Limits.NrfResponseTimeout.TotalSeconds} s");
        }
    }

    // HTTP/2 without TLS must be requested explicitly, and an NRF supports nothing else.
    private HttpRequestMessage Request(HttpMethod method, HttpContent? content = null)
    {
        var request = new HttpRequestMessage(method, _self)
        {
            Content = content, Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact
        };
        request.Headers.UserAgent.ParseAdd("5G_EIR");
        return request;
    }

    // Logs the first failure and each different one, not every attempt.
    private NrfResult CallFailed(string what)
    {
        if (_lastError != what) NrfUnavailable(_log, _options.Nrf!, what);
        _lastError = what;
        return NrfResult.Failed;
    }

    // TS 29.510: heartBeatTimer of the profile in the NRF's response, in seconds. An invalid body or value is ignored.
    private static TimeSpan? HeartbeatIn(byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement is { ValueKind: JsonValueKind.Object } profile
                && profile.TryGetProperty("heartBeatTimer", out var interval)
                && interval.ValueKind is JsonValueKind.Number
                && interval.TryGetInt32(out var seconds) && seconds > 0
                && seconds <= Limits.NrfHeartbeatMax.TotalSeconds
                ? TimeSpan.FromSeconds(seconds) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [LoggerMessage(EventId = 3030, Level = LogLevel.Information,
        Message = "NF registered with NRF {Nrf} as 5G-EIR {Instance}, heartbeat every {Seconds} s")]
    private static partial void Registered(ILogger log, Uri nrf, Guid instance, double seconds);

    [LoggerMessage(EventId = 3031, Level = LogLevel.Warning,
        Message =
        "NRF {Nrf} unavailable: {What}; AMFs that discover their EIR there may stop using this node; retrying")]
    private static partial void NrfUnavailable(ILogger log, Uri nrf, string what);

    [LoggerMessage(EventId = 3032, Level = LogLevel.Information,
        Message = "NF deregistered from NRF")]
    private static partial void Deregistered(ILogger log);

    [LoggerMessage(EventId = 3034, Level = LogLevel.Warning,
        Message = "NF deregistration failed: {Why}; the NRF removes the node when its heartbeats stop")]
    private static partial void DeregistrationFailed(ILogger log, string why);
}

/// <summary>Result of a call to the NRF.</summary>
internal enum NrfResult
{
    /// <summary>The NRF is unreachable or returned an error.</summary>
    Failed,

    Succeeded,

    /// <summary>The NRF does not know this node.</summary>
    NotRegistered,
}
