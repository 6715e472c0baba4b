using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using DeviceRegistry.Diameter;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>One connection of a Diameter peer on a thread of its own (RFC 6733 §5.6, responder).</summary>
/// <remarks>The thread reads, answers every complete message, and writes the answers at once. Nothing is queued, so a
/// watchdog answer waits for no other message. Other threads (the timer, a new connection of the same Origin-Host) use
/// only the members under "Called by other threads".</remarks>
internal sealed partial class S13Peer : IDisposable
{
    private readonly S13Listener _listener;
    private readonly Socket _socket;
    private readonly long _number;
    private readonly byte[] _input = new byte[Limits.S13ReadBytes];
    private readonly byte[] _output = new byte[Limits.S13WriteBytes];

    // Held while writing. The connection's thread holds it for a whole batch of answers.
    private readonly Lock _writing = new();
    private Stream _stream;
    private int _written;
    private volatile PeerState _state;
    private S13DisconnectReason? _disconnectReason;
    private bool _discardInput;
    private string? _certificate;
    private PeerRule? _rule;
    private PeerCounters? _counters;
    private uint _requestNumber;

    // Times of S13Listener.Now; 0: not set.
    private readonly long _acceptedAt;
    private long _receivedAt;
    private long _partialSince;
    private long _closingSince;
    private long _watchdogAt;
    private volatile WatchdogProbe? _probe;
    private int _pending;

    public S13Peer(S13Listener listener, Socket socket, PeerTransport transport, long number)
    {
        (_listener, _socket, Transport, _number) = (listener, socket, transport, number);
        Address = Unmapped((IPEndPoint)socket.RemoteEndPoint!);
        IsConfiguredAddress = listener.Settings.Knows(Address.Address);
        _stream = new NetworkStream(socket, ownsSocket: true);
        _acceptedAt = _receivedAt = listener.Now;
        ConnectedAt = listener.UtcNow;
    }

    private enum PeerState
    {
        AwaitingCer,
        Open,
        Closing,
    }

    // Requests that other threads want to send.
    [Flags]
    private enum Due
    {
        Watchdog = 1,
        Disconnect = 2,
    }

    /// <summary>Remote address; an IPv4 address is never IPv4-mapped.</summary>
    public IPEndPoint Address { get; }

    /// <summary>Some rule contains the address.</summary>
    public bool IsConfiguredAddress { get; }

    /// <summary>Transport of the connection.</summary>
    public PeerTransport Transport { get; }

    /// <summary>When the connection was accepted.</summary>
    public DateTimeOffset ConnectedAt { get; }

    /// <summary>Origin-Host of the peer; empty until its CER was accepted.</summary>
    public string Host { get; private set; } = "";

    /// <summary>Origin-Realm of the peer.</summary>
    public string Realm { get; private set; } = "";

    /// <summary>The rule that matched; null until the CER was accepted.</summary>
    public PeerRule? Rule => _rule;

    /// <summary>Requests answered with a verdict or an error.</summary>
    public long Requests { get; private set; }

    /// <summary>The CER was accepted and the connection is open.</summary>
    public bool IsOpen => _state is PeerState.Open;

    /// <summary>A DWR was sent and not answered yet.</summary>
    public bool IsSuspect => Volatile.Read(ref _watchdogAt) is not 0;

    /// <summary>An incomplete message was received.</summary>
    public bool IsWaiting => Volatile.Read(ref _partialSince) is not 0;

    /// <summary>Ms since the last bytes were received.</summary>
    public long IdleMs => _listener.Now - Volatile.Read(ref _receivedAt);

    /// <summary>Completes when the connection is closed.</summary>
    public TaskCompletionSource Gone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Runs the connection until it is closed. Throws nothing: a failure closes this connection
    /// only.</summary>
    public void Run()
    {
        try
        {
            _socket.SendTimeout = (int)Limits.S13MessageTimeout.TotalMilliseconds;
            if (Transport is not PeerTransport.Sctp) _socket.NoDelay = true;
            if (Transport is PeerTransport.Tls) (_stream, _certificate) =
                PeerTls.Secure(_stream, _listener.Certificate);
            ReadLoop();
            SetReason(S13DisconnectReason.ClosedByPeer);
        }
        catch (Exception broken) when (broken is IOException or SocketException or ObjectDisposedException)
        {
            SetReason(broken.InnerException is SocketException
            {
                SocketErrorCode: SocketError.TimedOut
                or SocketError.WouldBlock
            } ? S13DisconnectReason.Slow : S13DisconnectReason.ClosedByPeer);
        }
        catch (AuthenticationException)
        {
            SetReason(S13DisconnectReason.Handshake);
        }
        catch (Exception fault)
        {
            SetReason(S13DisconnectReason.Fault);
            InternalError(_listener.Log, fault);
        }
        finally
        {
            Dispose();
            _listener.OnClosed(this, _disconnectReason ?? S13DisconnectReason.ClosedByPeer);

            // In this order: IsAlive either sees that the connection is closed, or gets the answer.
            Gone.TrySetResult();
            _probe?.Answer.TrySetResult(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    // A stream of bytes: a message may arrive byte by byte, and a hundred messages at once.
    private void ReadLoop()
    {
        for (var (start, end) = (0, 0); ;)
        {
            var before = start;
            if (!HandleAll(ref start, end)) return;

            Flush();
            if (_discardInput) start = end;
            if (start > 0) _input.AsSpan(start, end - start).CopyTo(_input);
            var consumed = start > before;
            (start, end) = (0, end - start);
            if (end is 0) Volatile.Write(ref _partialSince, 0);
            else if (consumed || _partialSince is 0) Volatile.Write(ref _partialSince, _listener.Now);

            var bytes = _stream.Read(_input, end, _input.Length - end);
            if (bytes is 0) return;

            BytesReceived();
            end = _discardInput ? 0 : end + bytes;
        }
    }

    // Handles every complete message between start and end. Returns false if the connection must be closed.
    private bool HandleAll(ref int start, int end)
    {
        while (true)
        {
            var status = DiameterHeader.TryRead(_input.AsSpan(start, end - start), Limits.S13MessageBytesMax,
                out var header);
            if (status is FramingResult.Incomplete) return true;
            if (status is not FramingResult.Whole) return RefuseFrame(status, header);

            if (_output.Length - _written < MessageWriter.RoomFor(header.Length)) Flush();
            var proceed = Handle(header, _input.AsSpan(start + DiameterHeader.Size,
                header.Length - DiameterHeader.Size));
            start += header.Length;
            if (!proceed) return CloseSend();
        }
    }

    // Message boundaries are lost: send the reason to an open peer, nothing to an unknown one, and close.
    private bool RefuseFrame(FramingResult status, in DiameterHeader header)
    {
        SetReason(S13DisconnectReason.Malformed);
        if (!IsOpen) return false;

        if (header.IsRequest) Refuse(header, [],
            RequestError.Of(status is FramingResult.BadVersion ? ResultCode.UnsupportedVersion
            : ResultCode.InvalidMessageLength));
        return CloseSend();
    }

    // The last answer must arrive: wait until the peer closes, or the timer closes the connection.
    private void AwaitClose(S13DisconnectReason why)
    {
        SetReason(why);
        Volatile.Write(ref _closingSince, _listener.Now);
        _state = PeerState.Closing;
        _discardInput = true;
    }

    // Does the same, and shuts down sending.
    private bool CloseSend()
    {
        Flush();
        AwaitClose(_disconnectReason ?? S13DisconnectReason.ClosedByPeer);
        lock (_writing)
        {
            if (_stream is SslStream tls) tls.ShutdownAsync().GetAwaiter().GetResult();
            _socket.Shutdown(SocketShutdown.Send);
        }

        return true;
    }

    private bool Handle(in DiameterHeader header, ReadOnlySpan<byte> avps)
    {
        if (_discardInput) return true;
        if (!header.IsRequest) return HandleAnswer(header);
        if (_state is PeerState.AwaitingCer) return header.Command is Command.CapabilitiesExchange
            && (header.Flags & CommandFlags.Error) is 0 ? HandleCer(header, avps) : End(S13DisconnectReason.Malformed);

        if ((header.Flags & CommandFlags.Error) != 0)
        {
            Refuse(header, avps, RequestError.Of(ResultCode.InvalidHeaderBits));
            return true;
        }

        switch (header.Command)
        {
            case Command.EquipmentCheck when header.Application is DiameterApplication.S13:
                Requests++;
                _written += _listener.Checks.Answer(header, avps, _output.AsSpan(_written), _counters!);
                return true;
            case Command.DeviceWatchdog:
                AnswerDwrDpr(header, avps);
                return true;
            case Command.DisconnectPeer:
                if (AnswerDwrDpr(header, avps)) AwaitClose(S13DisconnectReason.ClosedByPeer);
                return true;
            case Command.CapabilitiesExchange:
                return HandleCer(header, avps);
            default:
                Refuse(header, avps, RequestError.Of(header.Application is DiameterApplication.S13
                    or DiameterApplication.Common && header.Command is not Command.EquipmentCheck
                    ? ResultCode.CommandUnsupported : ResultCode.ApplicationUnsupported));
                return true;
        }
    }

    // A DWA needs no action beyond the receipt. A DPA ends the connection.
    private bool HandleAnswer(in DiameterHeader header) =>
        header.Command is not Command.DisconnectPeer || _closingSince is 0 || End(S13DisconnectReason.Stopping);

    // Identifies the peer and accepts or rejects it. A second CER of an open connection is answered like the first, if
    // Origin-Host is the same.
    private bool HandleCer(in DiameterHeader header, ReadOnlySpan<byte> avps)
    {
        if (!BaseRequest.TryRead(Command.CapabilitiesExchange, avps, out var request, out var fault))
        {
            Refuse(header, avps, fault);
            return End(S13DisconnectReason.Malformed);
        }

        var (host, realm) = (Encoding.Latin1.GetString(request.OriginHost),
            Encoding.Latin1.GetString(request.OriginRealm));
        if (_listener.Settings.RuleFor(host, realm, Address.Address, _certificate) is not { } rule)
        {
            Refuse(header, avps, RequestError.Of(ResultCode.UnknownPeer),
                "No peer of this Origin-Host and Origin-Realm is taken from this address and with this certificate."u8);
            _listener.LogUnknownPeer(host, realm, Address);
            return End(S13DisconnectReason.UnknownPeer);
        }

        if (rule.RequireCommonApplication && !request.Offers(DiameterApplication.S13))
        {
            Refuse(header, avps, RequestError.Of(ResultCode.NoCommonApplication),
                "S13 (16777252) is not among the applications of this CER."u8);
            return End(S13DisconnectReason.NoCommonApplication);
        }

        if ((Host.Length > 0 && !host.Equals(Host, StringComparison.OrdinalIgnoreCase))
            || !_listener.Peers.Admit(this, host))
        {
            Refuse(header, avps, RequestError.Of(ResultCode.UnableToComply),
                "This Origin-Host is connected, and answers."u8);
            return End(S13DisconnectReason.Connected);
        }

        (Host, Realm, _rule, _counters) = (host, realm, rule, _listener.CountersOf(rule));
        _written += _listener.Name.Capabilities(_output.AsSpan(_written), header, LocalAddress, rule.ExtraApplications);
        if (_state is PeerState.AwaitingCer) PeerConnected(_listener.Log, host, Address, Transport);

        // Send the CEA before any DWR of this node.
        Flush();
        _state = PeerState.Open;
        Interlocked.MemoryBarrier();
        SendPending();
        return true;
    }

    private bool AnswerDwrDpr(in DiameterHeader header, ReadOnlySpan<byte> avps)
    {
        if (BaseRequest.TryRead(header.Command, avps, out _, out var fault))
        {
            _written += _listener.Name.Agree(_output.AsSpan(_written), header);
            return true;
        }

        Refuse(header, avps, fault);
        return false;
    }

    private void Refuse(in DiameterHeader header,
        ReadOnlySpan<byte> avps, in RequestError fault, ReadOnlySpan<byte> message = default)
    {
        _counters?.Count(fault.Code);
        _written += _listener.Name.Refuse(_output.AsSpan(_written), header, avps, fault, message,
            header.Command is Command.CapabilitiesExchange ? LocalAddress : null);
    }

    private IPAddress LocalAddress => ((IPEndPoint)_socket.LocalEndPoint!).Address;

    // Dual-mode sockets report IPv4 peers as IPv4-mapped IPv6 addresses; unwrap them.
    private static IPEndPoint Unmapped(IPEndPoint remote) =>
        remote.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(remote.Address.MapToIPv4(), remote.Port) : remote;

    private bool End(S13DisconnectReason why)
    {
        SetReason(why);
        return false;
    }

    private void SetReason(S13DisconnectReason why) => _disconnectReason ??= why;        // the first reason counts

    private void Flush()
    {
        if (_written is 0) return;

        lock (_writing) _stream.Write(_output, 0, _written);
        _written = 0;
        SendPending();
    }

    private void BytesReceived()
    {
        Volatile.Write(ref _receivedAt, _listener.Now);
        if (_watchdogAt is not 0) Volatile.Write(ref _watchdogAt, 0);
        _probe?.Answer.TrySetResult(true);
    }

    // Called by other threads.

    /// <summary>Checks all timeouts; called by the timer. Watchdog times are spread over ±2 s by connection number, so
    /// that a hundred peers do not receive a DWR at once (RFC 3539 §3.4.1).</summary>
    public void Tick(long now)
    {
        var watchdogMs = _listener.Settings.WatchdogSeconds * 1000L + _number * 797 % 4001 - 2000;
        var (idleMs, partial, closing, watchdog) =
            (now - Volatile.Read(ref _receivedAt), Volatile.Read(ref _partialSince), Volatile.Read(ref _closingSince),
            Volatile.Read(ref _watchdogAt));
        if (!IsOpen && closing is 0 && now - _acceptedAt > Limits.S13CapabilitiesTimeout.TotalMilliseconds) Close(
            S13DisconnectReason.Slow);
        else if (partial is not 0 && now - partial > Limits.S13MessageTimeout.TotalMilliseconds) Close(
            S13DisconnectReason.Slow);
        else if (closing is not 0 && now - closing > Limits.S13CloseTimeout.TotalMilliseconds) Close(
            S13DisconnectReason.ClosedByPeer);
        else if (IsOpen && watchdog is not 0 && now - watchdog > 2 * watchdogMs) Close(S13DisconnectReason.Silent);
        else if (IsOpen && watchdog is 0 && idleMs > watchdogMs) SendDwr(now);

        SendPending();
        if (_probe is { } probe && now - probe.At > Limits.S13ProbeTimeout.TotalMilliseconds) probe.Answer.TrySetResult(
            false);
    }

    /// <summary>Sends a DWR and blocks until any bytes arrive or the timeout ends. Called on the thread of a new
    /// connection of the same Origin-Host; several callers share one DWR.</summary>
    public bool IsAlive()
    {
        var own = new WatchdogProbe(_listener.Now,
            new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously));
        var probe = Interlocked.CompareExchange(ref _probe, own, null) ?? own;
        if (_state is PeerState.Closing || Gone.Task.IsCompleted) probe.Answer.TrySetResult(false);
        else if (probe == own) SendDwr(_listener.Now);

        var isAlive = probe.Answer.Task.GetAwaiter().GetResult();
        Interlocked.CompareExchange(ref _probe, null, probe);
        return isAlive;
    }

    /// <summary>Sends a DPR because this node is stopping.</summary>
    public void SendDpr()
    {
        if (!IsOpen)
        {
            Close(S13DisconnectReason.Stopping);
            return;
        }

        Volatile.Write(ref _closingSince, _listener.Now);
        Queue(Due.Disconnect);
    }

    /// <summary>Closes the connection at once; a blocked read or write of its thread fails.</summary>
    public void Close(S13DisconnectReason why)
    {
        SetReason(why);
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // The connection was closed in the meantime.
        }
    }

    private void SendDwr(long now)
    {
        Volatile.Write(ref _watchdogAt, now);
        Queue(Due.Watchdog);
    }

    private void Queue(Due what)
    {
        Interlocked.Or(ref _pending, (int)what);
        SendPending();
    }

    // Never blocks. If another thread holds the write lock, return: the holder calls this method after releasing it. If
    // the socket send buffer is full, the next timer tick retries.
    private void SendPending()
    {
        Span<byte> buffer = stackalloc byte[MessageWriter.RoomFor(0)];
        while (Volatile.Read(ref _pending) is not 0 && IsOpen && _writing.TryEnter())
        {
            try
            {
                if (!_socket.Poll(0, SelectMode.SelectWrite)) return;

                var due = (Due)Interlocked.Exchange(ref _pending, 0);
                if ((due & Due.Watchdog) is not 0) _stream.Write(
                    buffer[.._listener.Name.Watchdog(buffer, Interlocked.Increment(ref _requestNumber))]);
                if ((due & Due.Disconnect) is not 0) _stream.Write(
                    buffer[.._listener.Name.Disconnect(buffer, Interlocked.Increment(ref _requestNumber),
                    DisconnectCause.Rebooting)]);
            }
            catch (Exception gone) when (gone is IOException or SocketException or ObjectDisposedException
                or InvalidOperationException)
            {
                Close(S13DisconnectReason.ClosedByPeer);
                return;
            }
            finally
            {
                _writing.Exit();
            }
        }
    }

    [LoggerMessage(EventId = 3061, Level = LogLevel.Information,
        Message = "S13 peer {Host} connected from {Address} over {Transport}")]
    private static partial void PeerConnected(ILogger log, string host, IPEndPoint address, PeerTransport transport);

    [LoggerMessage(EventId = 3062, Level = LogLevel.Error,
        Message = "Internal error on an S13 connection; connection closed")]
    private static partial void InternalError(ILogger log, Exception fault);

    private sealed record WatchdogProbe(long At, TaskCompletionSource<bool> Answer);
}
