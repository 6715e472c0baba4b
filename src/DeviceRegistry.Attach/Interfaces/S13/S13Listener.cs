using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Diameter;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>Where the S13 door is, and for whom.</summary>
/// <param name="Listen">Address of its listeners.</param>
/// <param name="Port">Port of Diameter over TCP, and over SCTP; 0: any free one.</param>
/// <param name="TlsPort">Port of Diameter over TLS; 0: any free one.</param>
/// <param name="Sctp">Listen on SCTP too.</param>
/// <param name="Settings">Who the node is, and which peers it takes.</param>
/// <param name="Certificate">The node's own certificate, with its key.</param>
public sealed record S13Options(IPAddress Listen, int Port, int TlsPort, bool Sctp, S13Settings Settings,
    X509Certificate2 Certificate);

/// <summary>The S13 door: an EIR for MMEs and SGSNs that speak Diameter (TS 29.272 over RFC 6733). Listens, gives each
/// connection its thread, and looks after them once a second.</summary>
public sealed partial class S13Listener : IHostedService, IDisposable
{
    private readonly S13Options _places;
    private readonly TimeProvider _time;
    private readonly List<Socket> _listeners = [];
    private readonly Dictionary<string, IPEndPoint> _endpoints = [];
    private readonly Dictionary<PeerRule, PeerCounters> _counters;
    private readonly CancellationTokenSource _stopping = new();
    private ITimer? _beats;
    private long _connections;
    private long _strangersToldAt;
    private long _strangersUntold;

    /// <summary>Composed by <see cref="AttachSetup"/>.</summary>
    public S13Listener(S13Options places, AttachService attach, NodeState node, OverloadDetector load,
        TimeProvider time,
        ILogger<S13Listener> log)
    {
        (_places, _time, Log) = (places, time, log);
        Name = new NodeName(places.Settings.OriginHost, places.Settings.OriginRealm, (uint)time.GetUtcNow()
            .ToUnixTimeSeconds());
        Checks = new EquipmentChecks(attach, node, load, Name, time, log);
        _counters = places.Settings.Peers.ToDictionary(rule => rule, rule => new PeerCounters(rule.Name));
    }

    /// <summary>Where it listens: s13, s13tls, s13sctp.</summary>
    public IReadOnlyDictionary<string, IPEndPoint> Endpoints => _endpoints;

    internal S13Settings Settings => _places.Settings;

    internal X509Certificate2 Certificate => _places.Certificate;

    internal NodeName Name { get; }

    internal EquipmentChecks Checks { get; }

    internal PeerTable Peers { get; } = new();

    internal S13DisconnectCounters Partings { get; } = new();

    internal ILogger Log { get; }

    /// <summary>Counters of every rule, in the file's order.</summary>
    internal IEnumerable<PeerCounters> Counters => Settings.Peers.Select(CountersOf);

    /// <summary>Ms by a clock that only goes forward.</summary>
    internal long Now => _time.GetTimestamp() / (_time.TimestampFrequency / 1000);

    internal DateTimeOffset UtcNow => _time.GetUtcNow();

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Listen("s13", new Socket(_places.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp), _places.Port,
            PeerTransport.Tcp);
        Listen("s13tls", new Socket(_places.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp), _places.TlsPort,
            PeerTransport.Tls);
        if (_places.Sctp) Listen("s13sctp", SctpSocket.Bind(_places.Listen), _places.Port, PeerTransport.Sctp);
        _beats = _time.CreateTimer(_ => Beat(), null, Limits.S13BeatEvery, Limits.S13BeatEvery);
        return Task.CompletedTask;
    }

    /// <summary>Takes nobody more, says goodbye to everybody (they may go to another node at once), answers what they
    /// still ask until they agree, and lets go of who does not.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        foreach (var listener in _listeners) listener.Dispose();
        var peers = Peers.All();
        foreach (var peer in peers) peer.SendDpr();
        try
        {
            await Task.WhenAll(peers.Select(p => p.Gone.Task)).WaitAsync(Limits.S13LeaveMost, _time, cancellationToken);
        }
        catch (Exception late) when (late is TimeoutException or OperationCanceledException)
        {
            foreach (var peer in Peers.All()) peer.Close(S13DisconnectReason.Stopping);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _beats?.Dispose();
        foreach (var listener in _listeners) listener.Dispose();
        foreach (var peer in Peers.All()) peer.Close(S13DisconnectReason.Stopping);
        _stopping.Dispose();
    }

    /// <summary>Looks after every connection. By the timer; by a test whose time it is.</summary>
    internal void Beat()
    {
        var now = Now;
        foreach (var peer in Peers.All()) peer.Beat(now);
    }

    internal PeerCounters CountersOf(PeerRule rule) => _counters[rule];

    /// <summary>A connection is over.</summary>
    internal void Forget(S13Peer peer, S13DisconnectReason why)
    {
        Peers.Remove(peer);
        Partings.Count(why);
        if (peer.Rule is not null) Closed(Log, peer.Host, peer.Address, why);
    }

    /// <summary>Somebody was not taken: a line every ten seconds at most, for a peer that is missing in the file tries
    /// for ever.</summary>
    internal void Stranger(string host, string realm, IPEndPoint address)
    {
        var now = Now;
        var told = Interlocked.Read(ref _strangersToldAt);
        if ((told is not 0 && now - told < Limits.S13StrangersToldEvery.TotalMilliseconds)
            || Interlocked.CompareExchange(ref _strangersToldAt, now, told) != told)
        {
            Interlocked.Increment(ref _strangersUntold);
            return;
        }

        Refused(Log, Readable(host), Readable(realm), address, Interlocked.Exchange(ref _strangersUntold, 0));
    }

    private static string Readable(string name) =>
        new([.. name.Take(100).Select(c => S13Settings.IsName(c.ToString()) ? c : '?')]);

    private void Listen(string name, Socket listener, int port, PeerTransport transport)
    {
        _listeners.Add(listener);
        try
        {
            if (_places.Listen.Equals(IPAddress.IPv6Any)) listener.DualMode = true;

            // As Kestrel does: a server that starts again need not wait for the connections of the last one.
            if (transport is not PeerTransport.Sctp) listener.SetSocketOption(SocketOptionLevel.Socket,
                SocketOptionName.ReuseAddress, true);
            listener.Bind(new IPEndPoint(_places.Listen, port));
            listener.Listen(Limits.S13ConnectionsMax);
        }
        catch (SocketException taken)
        {
            throw new InvalidOperationException(
                $"S13 cannot listen on {_places.Listen}:{port} ({taken.Message}). Give it another port with " +
                $"--s13-port or --s13-tls-port.", taken);
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
                Take(await listener.AcceptAsync(_stopping.Token), transport);
            }
            catch (Exception over) when (_stopping.IsCancellationRequested && over is SocketException
                or ObjectDisposedException or OperationCanceledException)
            {
                return;
            }
            catch (Exception fault)
            {
                // Out of descriptors, or a peer that was gone before it was taken. Others may still come.
                NotTaken(Log, fault.Message);
                await Task.Delay(Limits.S13RefusedPause, _time, CancellationToken.None);
            }
        }
    }

    private void Take(Socket socket, PeerTransport transport)
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
            // Gone before it was looked at, or no thread for it: it must keep no place.
            if (peer is not null) Peers.Remove(peer);
            socket.Dispose();
            throw;
        }
    }

    [LoggerMessage(EventId = 3063, Level = LogLevel.Information, Message = "S13: {Host} at {Address} is gone: {Why}.")]
    private static partial void Closed(ILogger log, string host, IPEndPoint address, S13DisconnectReason why);

    [LoggerMessage(EventId = 3064, Level = LogLevel.Warning,
        Message =
        "S13: {Host} of {Realm} at {Address} was not taken (3010): no rule fits name, realm, address and " +
        "certificate. {Others} more since the last such line.")]
    private static partial void Refused(ILogger log, string host, string realm, IPEndPoint address, long others);

    [LoggerMessage(EventId = 3065, Level = LogLevel.Warning, Message = "S13: a connection could not be taken: {Why}")]
    private static partial void NotTaken(ILogger log, string why);
}
