using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Attach.Interfaces.S13;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Contracts;
using DeviceRegistry.Core;
using Microsoft.Extensions.Logging.Abstractions;
using ActorKind = DeviceRegistry.Core.ActorKind;
using EnforcementMode = DeviceRegistry.Contracts.V1.EnforcementMode;
using OrderClass = DeviceRegistry.Core.OrderClass;
using PartyKind = DeviceRegistry.Core.PartyKind;
using UnknownAnswer = DeviceRegistry.Contracts.V1.UnknownAnswer;

namespace DeviceRegistry.Attach.Tests.S13;

/// <summary>A clock that stands still until the test moves it. Its timers use real time.</summary>
internal sealed class MovedTime : TimeProvider
{
    private long _ms = System.GetUtcNow().ToUnixTimeMilliseconds();

    public override long TimestampFrequency => 1000;

    public void Move(TimeSpan by) => Interlocked.Add(ref _ms, (long)by.TotalMilliseconds);

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(Interlocked.Read(ref _ms));

    public override long GetTimestamp() => Interlocked.Read(ref _ms);
}

/// <summary>The real S13 interface on real sockets, over a node that has three IMEIs; the test sets the
/// clock.</summary>
internal sealed class S13World : IAsyncDisposable
{
    public const string White = "35290611000001";
    public const string Black = "35290611000002";
    public const string Grey = "35290699000003";
    public const string Unknown = "mac-00-11-22-33-44-55";
    public const string Host = "eir.opco-a.example";
    public const string Realm = "opco-a.example";
    private readonly OverloadDetector _load;

    private S13World(S13Settings settings, bool isReady, bool isBusy, UnknownAnswer unknown)
    {
        const string key = "00";
        var members = new MemberDirectory();
        Node = new NodeState(key, members);
        if (isReady)
        {
            members.Put(new Core.Party(1, PartyKind.Operator, true, ["41001"]));
            members.Put(new Core.Actor(2, 1, ActorKind.Node, true, key, []));
            Node.MembersChanged();
            Node.Index.KnewEverythingAt(Time.GetUtcNow().ToUnixTimeMilliseconds());
        }

        var policy = PolicyMapping.Defaults();
        policy.Operators.Add(new OperatorPolicy
        {
            PartyId = 1, Mode = EnforcementMode.Enforce,
            UnknownAnswer = unknown
        });
        Node.Put(new PolicyInForce { Version = 1, Policy = policy });
        Node.Index.Release([Number(White), Number(Black)]);
        Node.Index.Arm(new OrderTerm(1, OrderClass.C, Core.CheckReason.Stolen, 0, long.MaxValue), [Number(Black)], []);
        Sightings = new SightingCollector();
        Attach = new AttachService(Node, Counters, Sightings, Time);

        // The overload detector sees a late tick if its timer does not fire while its clock advances. With a stopped
        // clock, the load of the test machine has no effect.
        var loadClock = new StoppedClock();
        _load = new OverloadDetector(loadClock);
        if (isBusy) loadClock.GoOn();
        Listener = new S13Listener(new S13Options(IPAddress.Loopback, 0, 0, Sctp: false, settings, Certificate), Attach,
            Node,
            _load, Time, NullLogger<S13Listener>.Instance);
    }

    public MovedTime Time { get; } = new();

    public NodeState Node { get; }

    public CheckCounters Counters { get; } = new();

    public SightingCollector Sightings { get; }

    public AttachService Attach { get; }

    public S13Listener Listener { get; }

    public static X509Certificate2 Certificate { get; } = SelfSigned("eir");

    public static S13Settings Settings(params PeerRule[] rules) => new()
    {
        OriginHost = Host, OriginRealm = Realm, Peers = rules.Length > 0 ? rules
        : [new PeerRule { OriginRealm = Realm, Addresses = ["127.0.0.0/8"] }],
    };

    public static async Task<S13World> StartAsync(S13Settings? settings = null, bool isReady = true,
        bool isBusy = false, UnknownAnswer unknown = UnknownAnswer.White)
    {
        var world = new S13World(settings ?? Settings(), isReady, isBusy, unknown);
        await world.Listener.StartAsync(CancellationToken.None);
        return world;
    }

    public static X509Certificate2 SelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
    }

    /// <summary>A connection whose capabilities exchange succeeded and which the interface lists as open.</summary>
    public async Task<DiameterClient> OpenAsync(CancellationToken ct, string host = "mme1.opco-a.example")
    {
        var client = await DiameterClient.OpenAsync(Listener.Endpoints["s13"], ct, host);
        await UntilAsync(() => Listener.Peers.All().Any(p => p.IsOpen && p.Host == host), ct);
        return client;
    }

    /// <summary>A connection that has sent nothing.</summary>
    public Task<DiameterClient> ConnectAsync(CancellationToken ct) =>
        DiameterClient.ConnectAsync(Listener.Endpoints["s13"], ct);

    /// <summary>Advances the clock second by second; the interface checks its connections each second.</summary>
    public void Pass(int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            Time.Move(TimeSpan.FromSeconds(1));
            Listener.Tick();
        }
    }

    /// <summary>Polls until the condition is true. The time limit of the test ends a wait that never
    /// succeeds.</summary>
    public static async Task UntilAsync(Func<bool> isSo, CancellationToken ct)
    {
        while (!isSo())
        {
            ct.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    public long Disconnects(S13DisconnectReason why) =>
        Listener.Partings.Read().FirstOrDefault(p => p.Why == why).Count;

    public async ValueTask DisposeAsync()
    {
        await Listener.StopAsync(CancellationToken.None);
        Listener.Dispose();
        _load.Dispose();
    }

    private static Imei Number(string digits) =>
        Imei.TryFromNetwork(digits, out var imei) ? imei : throw new FormatException(digits);

    private sealed class StoppedClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1000;

        public void GoOn() => _now += 10_000;

        public override long GetTimestamp() => _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new NoTimer();

        private sealed class NoTimer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
