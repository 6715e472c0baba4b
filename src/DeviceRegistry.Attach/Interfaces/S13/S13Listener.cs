using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Diameter;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Settings of the S13 interface.</summary>
/// <param name="Listen">Address of the listeners.</param>
/// <param name="Port">Port of Diameter over TCP and SCTP; 0: any free port.</param>
/// <param name="TlsPort">Port of Diameter over TLS; 0: any free port.</param>
/// <param name="Sctp">Listen on SCTP too.</param>
/// <param name="Settings">Origin-Host and Origin-Realm of the node, and the rules for its peers.</param>
/// <param name="Certificate">The node's own certificate with its private key.</param>
public sealed record S13Options(IPAddress Listen, int Port, int TlsPort, bool Sctp, S13Settings Settings,
    X509Certificate2 Certificate);

/// <summary>The S13 interface: an EIR for MMEs and SGSNs that use Diameter (TS 29.272 over RFC 6733). Accepts
/// connections, runs each on its own thread, and checks their timeouts once a second.</summary>
public sealed partial class S13Listener : IHostedService, IDisposable
{
    private readonly S13Options _options;
    private readonly TimeProvider _time;
    private readonly List<Socket> _listeners = [];
    private readonly Dictionary<string, IPEndPoint> _endpoints = [];
    private readonly Dictionary<PeerRule, PeerCounters> _counters;
    private readonly CancellationTokenSource _stopping = new();
    private ITimer? _timer;
    private long _connections;
    private long _unknownPeersLoggedAt;
    private long _unknownPeersSuppressed;

    /// <summary>Created by <see cref="AttachSetup"/>.</summary>
    public S13Listener(S13Options options, AttachService attach, NodeState node, OverloadDetector load,
        TimeProvider time,
        ILogger<S13Listener> log)
    {
        (_options, _time, Log) = (options, time, log);
        Name = new NodeName(options.Settings.OriginHost, options.Settings.OriginRealm, (uint)time.GetUtcNow()
            .ToUnixTimeSeconds());
        Checks = new EquipmentChecks(attach, node, load, Name, time, log);
        _counters = options.Settings.Peers.ToDictionary(rule => rule, rule => new PeerCounters(rule.Name));
    }

    /// <summary>Addresses of the open listeners, by name: s13, s13tls, s13sctp.</summary>
    public IReadOnlyDictionary<string, IPEndPoint> Endpoints => _endpoints;

    internal S13Settings Settings => _options.Settings;

    internal X509Certificate2 Certificate => _options.Certificate;

    internal NodeName Name { get; }

    internal EquipmentChecks Checks { get; }

    internal PeerTable Peers { get; } = new();

    internal S13DisconnectCounters Partings { get; } = new();

    internal ILogger Log { get; }

    /// <summary>Counters of every rule, in the order of the file.</summary>
    internal IEnumerable<PeerCounters> Counters => Settings.Peers.Select(CountersOf);

    /// <summary>Monotonic time in ms.</summary>
    internal long Now => _time.GetTimestamp() / (_time.TimestampFrequency / 1000);

    internal DateTimeOffset UtcNow => _time.GetUtcNow();

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Listen("s13", new Socket(_options.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp), _options.Port,
            PeerTransport.Tcp);
        Listen("s13tls", new Socket(_options.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp),
            _options.TlsPort,
            PeerTransport.Tls);
        if (_options.Sctp) Listen("s13sctp", SctpSocket.Bind(_options.Listen), _options.Port, PeerTransport.Sctp);
        _timer = _time.CreateTimer(_ => Tick(), null, Limits.S13TickInterval, Limits.S13TickInterval);
        return Task.CompletedTask;
    }

    /// <summary>Accepts no more connections and sends a DPR to each peer, which may then use another node at once.
    /// Answers their requests until they send a DPA, and closes connections that exceed the timeout.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        foreach (var listener in _listeners) listener.Dispose();
        var peers = Peers.All();
        foreach (var peer in peers) peer.SendDpr();
        try
        {
            await Task.WhenAll(peers.Select(p => p.Gone.Task))
                .WaitAsync(Limits.S13CloseTimeout, _time, cancellationToken);
        }
        catch (Exception late) when (late is TimeoutException or OperationCanceledException)
        {
            foreach (var peer in Peers.All()) peer.Close(S13DisconnectReason.Stopping);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer?.Dispose();
        foreach (var listener in _listeners) listener.Dispose();
        foreach (var peer in Peers.All()) peer.Close(S13DisconnectReason.Stopping);
        _stopping.Dispose();
    }

    /// <summary>Checks the timeouts of every connection. Called by the timer, and by tests that control the
    /// time.</summary>
    internal void Tick()
    {
        var now = Now;
        foreach (var peer in Peers.All()) peer.Tick(now);
    }

    internal PeerCounters CountersOf(PeerRule rule) => _counters[rule];

    /// <summary>Removes a closed connection and counts the reason.</summary>
    internal void OnClosed(S13Peer peer, S13DisconnectReason why)
    {
        Peers.Remove(peer);
        Partings.Count(why);
        if (peer.Rule is not null) PeerDisconnected(Log, peer.Host, peer.Address, why);
    }

    /// <summary>Logs a rejected peer, at most one line every ten seconds: a peer missing in the file reconnects
    /// indefinitely.</summary>
    internal void LogUnknownPeer(string host, string realm, IPEndPoint address)
    {
        var now = Now;
        var logged = Interlocked.Read(ref _unknownPeersLoggedAt);
        if ((logged is not 0 && now - logged < Limits.S13UnknownPeersLogInterval.TotalMilliseconds)
            || Interlocked.CompareExchange(ref _unknownPeersLoggedAt, now, logged) != logged)
        {
            Interlocked.Increment(ref _unknownPeersSuppressed);
            return;
        }

        PeerRejected(Log, Readable(host), Readable(realm), address,
            Interlocked.Exchange(ref _unknownPeersSuppressed, 0));
    }

    private static string Readable(string name) =>
        new([.. name.Take(100).Select(c => S13Settings.IsName(c.ToString()) ? c : '?')]);

    private void Listen(string name, Socket listener, int port, PeerTransport transport)
    {
        _listeners.Add(listener);
        try
        {
            if (_options.Listen.Equals(IPAddress.IPv6Any)) listener.DualMode = true;

            // As Kestrel does: a restarted server need not wait for connections of the previous process in TIME_WAIT.
            if (transport is not PeerTransport.Sctp) listener.SetSocketOption(SocketOptionLevel.Socket,
                SocketOptionName.ReuseAddress, true);
            listener.Bind(new IPEndPoint(_options.Listen, port));
            listener.Listen(Limits.S13ConnectionsMax);
        }
        catch (SocketException failure)
        {
            throw new InvalidOperationException(
                $"S13 cannot listen on {_options.Listen}:{port} ({failure.Message}). Give it another port with " +
                $"--s13-port or --s13-tls-port.", failure);
        }

        _endpoints[name] = (IPEndPoint)listener.LocalEndPoint!;
        _ = AcceptAsync(listener, transport);
    }

    private async Task AcceptAsync(Socket listener, PeerTransport transport)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Start(await listener.AcceptAsync(_stopping.Token), transport);
            }
            catch (Exception stopped) when (_stopping.IsCancellationRequested && stopped is SocketException
                or ObjectDisposedException or OperationCanceledException)
            {
                return;
            }
            catch (Exception fault)
            {
                // No free file descriptor, or the peer closed before the accept. Other peers may still connect.
                AcceptFailed(Log, fault.Message);
                await Task.Delay(Limits.S13AcceptRetryDelay, _time, CancellationToken.None);
            }
        }
    }

    private void Start(Socket socket, PeerTransport transport)
    {
        S13Peer? peer = null;
        try
        {
            if (transport is PeerTransport.Sctp) SctpSocket.Prepare(socket);
            peer = new S13Peer(this, socket, transport, Interlocked.Increment(ref _connections));
            if (!Peers.TryAdd(peer))
            {
                peer.Dispose();
                Partings.Count(S13DisconnectReason.TooMany);
                return;
            }

            new Thread(peer.Run, Limits.S13StackBytes) { IsBackground = true, Name = "s13-peer" }.Start();
        }
        catch
        {
            // The peer closed first, or no thread could be started: remove the connection.
            if (peer is not null) Peers.Remove(peer);
            socket.Dispose();
            throw;
        }
    }

    [LoggerMessage(EventId = 3063, Level = LogLevel.Information,
        Message = "S13 peer {Host} at {Address} disconnected: {Why}")]
    private static partial void PeerDisconnected(ILogger log, string host, IPEndPoint address, S13DisconnectReason why);

    [LoggerMessage(EventId = 3064, Level = LogLevel.Warning,
        Message =
        "S13 peer {Host} of realm {Realm} at {Address} rejected (3010): no matching rule; {Others} more rejected " +
        "since the last such line")]
    private static partial void PeerRejected(ILogger log, string host, string realm, IPEndPoint address, long others);

    [LoggerMessage(EventId = 3065, Level = LogLevel.Warning,
        Message = "S13 accept failed: {Why}")]
    private static partial void AcceptFailed(ILogger log, string why);
}
