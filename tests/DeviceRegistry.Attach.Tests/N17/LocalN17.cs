using System.IO.Pipelines;
using System.Text;
using DeviceRegistry.Attach;
using DeviceRegistry.Attach.Interfaces.N17;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using EnforcementMode = DeviceRegistry.Contracts.V1.EnforcementMode;
using OperatorPolicy = DeviceRegistry.Contracts.V1.OperatorPolicy;
using PolicyInForce = DeviceRegistry.Contracts.V1.PolicyInForce;
using UnknownAnswer = DeviceRegistry.Contracts.V1.UnknownAnswer;

namespace DeviceRegistry.Attach.Tests.N17;

/// <summary>A clock that the test sets. Its timers never fire, as on an overloaded machine.</summary>
internal sealed class HandClock : TimeProvider
{
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch.AddDays(20_000);

    public bool Broken { get; set; }

    public override long TimestampFrequency => 1_000;

    public void Move(TimeSpan by) => _now += by;

    public override DateTimeOffset GetUtcNow() =>
        Broken ? throw new InvalidOperationException("the clock is broken") : _now;

    public override long GetTimestamp() => _now.ToUnixTimeMilliseconds();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Still();

    private sealed class Still : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

/// <summary>An answer of the N17 interface.</summary>
internal sealed record LocalAnswer(int Status, string ContentType, string Body, IHeaderDictionary Headers);

/// <summary>The real N17 interface over a real node state, without a transport: tests build the requests.</summary>
internal sealed class LocalN17 : IDisposable
{
    public const string Path = "/n5g-eir-eic/v1/equipment-status";
    private const string OwnKey = "KEY";
    private readonly OverloadDetector _load;

    public LocalN17(N17Options? plan = null, bool ready = true, UnknownAnswer? unknown = null)
    {
        var members = new MemberDirectory();
        members.Put(new Party(1, PartyKind.Operator, true, ["41001"]));
        members.Put(new Actor(1, 1, ActorKind.Node, true, OwnKey, []));
        var node = new NodeState(OwnKey, members);
        if (ready)
        {
            node.MembersChanged();
            node.Index.KnewEverythingAt(Clock.GetUtcNow().ToUnixTimeMilliseconds());
        }

        if (unknown is { } answer)
        {
            var policy = PolicyMapping.Defaults();
            policy.Operators.Add(new OperatorPolicy
            {
                PartyId = 1, Mode = EnforcementMode.Enforce,
                UnknownAnswer = answer
            });
            node.Put(new PolicyInForce { Version = 1, Policy = policy });
        }

        _load = new OverloadDetector(LoadClock);
        Sightings = new SightingCollector();
        Interface = new N17Interface(new AttachService(node, new CheckCounters(), Sightings, Clock), node, _load,
            Counters,
            plan
            ?? new N17Options(), Clock, NullLogger<N17Interface>.Instance);
    }

    public HandClock Clock { get; } = new();

    /// <summary>The clock of the overload detector: moving it makes a timer tick late.</summary>
    public HandClock LoadClock { get; } = new();

    public N17Interface Interface { get; }

    public N17Counters Counters { get; } = new();

    public SightingCollector Sightings { get; }

    /// <summary>Sends a request as an AMF does.</summary>
    public async Task<LocalAnswer> AskAsync(string path, string query, string method = "GET",
        Action<IHeaderDictionary>? headers = null, ConnectionRateLimiter? connection = null)
    {
        var http = new DefaultHttpContext
        {
            Request =
            { Method = method, Path = path, QueryString = new QueryString(query) },
            Response = { Body = new MemoryStream() }
        };
        http.Features.Set<IConnectionItemsFeature>(new Connection(connection ?? new ConnectionRateLimiter()));
        headers?.Invoke(http.Request.Headers);

        await Interface.AnswerAsync(http);
        await http.Response.BodyWriter.FlushAsync();
        return new LocalAnswer(http.Response.StatusCode, http.Response.ContentType ?? "",
            Encoding.UTF8.GetString(((MemoryStream)http.Response.Body).ToArray()), http.Response.Headers);
    }

    /// <summary>A request whose answer is discarded without allocating, like a transport's own buffers.</summary>
    public static HttpContext Lean(string query, string? token = null)
    {
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(
            new HttpRequestFeature
            {
                Method = "GET", Path = Path, QueryString = query,
                Headers = new HeaderDictionary { ["Accept"] = "application/json,application/problem+json" }
            });
        if (token is not null) features.Get<IHttpRequestFeature>()!.Headers.Authorization = token;
        features.Set<IConnectionItemsFeature>(new Connection(new ConnectionRateLimiter()));
        features.Set<IHttpResponseFeature>(new HttpResponseFeature { Headers = new LeanHeaders() });
        features.Set<IHttpResponseBodyFeature>(new Nowhere());
        return new DefaultHttpContext(features);
    }

    public void Dispose() => _load.Dispose();

    private sealed class Connection(ConnectionRateLimiter budget) : IConnectionItemsFeature
    {
        public IDictionary<object, object?> Items { get; set; } =
            new Dictionary<object, object?> { [ConnectionRateLimiter.Item] = budget };
    }

    // Kestrel keeps Content-Length as a number; the general dictionary would convert it to text.
    private sealed class LeanHeaders : HeaderDictionary, IHeaderDictionary
    {
        long? IHeaderDictionary.ContentLength { get; set; }
    }

    private sealed class Nowhere : PipeWriter, IHttpResponseBodyFeature
    {
        private readonly byte[] _room = new byte[4096];

        public Stream Stream => Stream.Null;

        public PipeWriter Writer => this;

        public override void Advance(int bytes)
        {
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _room;

        public override Span<byte> GetSpan(int sizeHint = 0) => _room;

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => default;

        public void DisableBuffering()
        {
        }

        public Task SendFileAsync(string path, long offset, long? count,
            CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task CompleteAsync() => Task.CompletedTask;
    }
}
