using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Polly;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>Keeps the node in an NRF's list, for an AMF asks whom it finds there and nobody else (PROTOCOLS §0.8):
/// registers, beats, registers anew where the NRF has forgotten it, and takes itself off the list before the doors
/// close (Nnrf_NFManagement, TS 29.510 §5.2.2).</summary>
internal sealed partial class NrfRegistration : BackgroundService, IHostedLifecycleService
{
    private readonly N17Options _plan;
    private readonly NodeState _node;
    private readonly TimeProvider _time;
    private readonly ILogger<NrfRegistration> _log;
    private readonly HttpClient _nrf;
    private readonly Uri _self;
    private readonly ResiliencePipeline<NrfResult> _calls;
    private readonly CancellationTokenSource _over = new();
    private bool _listed;
    private string _said = "";
    private string? _trouble;

    public NrfRegistration(N17Options plan, NodeState node, TimeProvider time, ILogger<NrfRegistration> log)
    {
        (_plan, _node, _time, _log) = (plan, node, time, log);
        _self = new Uri($"{plan.Nrf!.ToString().TrimEnd('/')}/nnrf-nfm/v1/nf-instances/{plan.Instance}");
        _nrf = new HttpClient(plan.NrfHandler())
        {
            Timeout = Limits.NrfAnswerMost,
            MaxResponseContentBufferSize = Limits.NrfBodyBytesMax,
        };
        _calls = Resilience.Nrf(time);
    }

    /// <summary>Before any door closes: AMFs are to look elsewhere while this node still answers.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        await _over.CancelAsync();
        if (ExecuteTask is { } loop) await loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_listed) return;

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limits.NrfFarewellMost);
        try
        {
            using var request = Request(HttpMethod.Delete);
            using var answer = await _nrf.SendAsync(request, limit.Token);
            answer.EnsureSuccessStatusCode();
            Deregistered(_log);
        }
        catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
        {
            StaysListed(_log, fault.Message);
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override void Dispose()
    {
        _nrf.Dispose();
        _over.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, _over.Token);
        try
        {
            await KeepAsync(end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // Told to stop.
        }
    }

    private async Task KeepAsync(CancellationToken ct)
    {
        var roots = await _plan.ApiRoots(ct);
        await UntilReadyAsync(ct);
        while (true)
        {
            // 1. Be listed, however long it takes.
            var every = Limits.NrfBeatUsual;
            await CallAsync(HttpMethod.Put, () =>
                Content(NfProfile.Of(_plan, roots, _said = Status).ToJsonString(), "application/json"), told =>
                every = told, ct);
            _listed = true;
            Registered(_log, _plan.Nrf!, _plan.Instance, every.TotalSeconds);

            // 2. Stay listed, until the NRF knows nothing of it any more.
            do await HeartbeatLoopAsync(every, ct);
            while (await CallAsync(HttpMethod.Patch, () =>
                Content($$"""[{"op":"replace","path":"/nfStatus","value":"{{_said = Status}}"}]""",
                "application/json-patch+json"), told => every = told, ct) is not NrfResult.Unknown);
            _listed = false;
        }
    }

    private string Status => _node.Draining ? NfProfile.OutOfService : NfProfile.InService;

    // As often as the NRF says, and at once when the node is taken out of service or back.
    private async Task HeartbeatLoopAsync(TimeSpan every, CancellationToken ct)
    {
        var since = _time.GetTimestamp();
        using var tick = new PeriodicTimer(Limits.ReadyEvery, _time);
        do await tick.WaitForNextTickAsync(ct);
        while (_said == Status && _time.GetElapsedTime(since) < every);
    }

    // Nobody is helped by finding a node that knows nothing yet.
    private async Task UntilReadyAsync(CancellationToken ct)
    {
        using var tick = new PeriodicTimer(Limits.ReadyEvery, _time);
        while (!_node.IsReady) await tick.WaitForNextTickAsync(ct);
    }

    // Without a charset: some compare the type letter by letter.
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
            if (answer.StatusCode is HttpStatusCode.NotFound && method == HttpMethod.Patch) return NrfResult.Unknown;
            if (!answer.IsSuccessStatusCode) return InTrouble($"it answers {(int)answer.StatusCode}");

            if (HeartbeatIn(await answer.Content.ReadAsByteArrayAsync(ct)) is { } told) heartbeat(told);
            _trouble = null;
            return NrfResult.Good;
        }
        catch (HttpRequestException fault)
        {
            return InTrouble(fault.Message);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return InTrouble($"it does not answer within {Limits.NrfAnswerMost.TotalSeconds} s");
        }
    }

    // HTTP/2 without TLS has to be asked for, and an NRF speaks nothing else.
    private HttpRequestMessage Request(HttpMethod method, HttpContent? content = null)
    {
        var request = new HttpRequestMessage(method, _self) { Content = content, Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.UserAgent.ParseAdd("5G_EIR");
        return request;
    }

    // Said when it begins and when it becomes another, not with every attempt.
    private NrfResult InTrouble(string what)
    {
        if (_trouble != what) Trouble(_log, _plan.Nrf!, what);
        _trouble = what;
        return NrfResult.Nothing;
    }

    // TS 29.510: heartBeatTimer of the profile the NRF answers with, s. A body that is none, or a time nobody would
    // keep, changes nothing.
    private static TimeSpan? HeartbeatIn(byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement is { ValueKind: JsonValueKind.Object } profile
                && profile.TryGetProperty("heartBeatTimer", out var told) && told.ValueKind is JsonValueKind.Number
                && told.TryGetInt32(out var seconds) && seconds > 0 && seconds <= Limits.NrfBeatMost.TotalSeconds
                ? TimeSpan.FromSeconds(seconds) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [LoggerMessage(EventId = 3030, Level = LogLevel.Information,
        Message = "The NRF {Nrf} lists this node as 5G-EIR {Instance}; a heartbeat every {Seconds} s.")]
    private static partial void Registered(ILogger log, Uri nrf, Guid instance, double seconds);

    [LoggerMessage(EventId = 3031, Level = LogLevel.Warning,
        Message =
        "The NRF {Nrf} is not to be had: {What}. AMFs that find their EIR there may stop asking this node; it tries " +
        "again until it is listed.")]
    private static partial void Trouble(ILogger log, Uri nrf, string what);

    [LoggerMessage(EventId = 3032, Level = LogLevel.Information,
        Message = "The NRF lists this node no more, as it stops.")]
    private static partial void Deregistered(ILogger log);

    [LoggerMessage(EventId = 3034, Level = LogLevel.Warning,
        Message = "The NRF still lists this node, which stops: {Why}. It will miss the heartbeats.")]
    private static partial void StaysListed(ILogger log, string why);
}

/// <summary>What came of a call to the NRF.</summary>
internal enum NrfResult
{
    /// <summary>Nothing that helps: it is away, or refuses.</summary>
    Nothing,

    /// <summary>It did it.</summary>
    Good,

    /// <summary>It does not know this node.</summary>
    Unknown,
}
