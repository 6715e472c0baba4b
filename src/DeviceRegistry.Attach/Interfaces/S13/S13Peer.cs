using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using DeviceRegistry.Diameter;
using Microsoft.Extensions.Logging;

namespace DeviceRegistry.Attach.Interfaces.S13;

/// <summary>One connection of a Diameter peer, from its first byte to its last, on a thread of its own (RFC 6733 §5.6,
/// as the side that is called).</summary>
/// <remarks>The thread reads, answers every whole message that has come, and writes the answers at once. Nothing waits
/// in a queue, so a watchdog waits for nobody. What others do to a connection (the door's beat, a rival of the same
/// Origin-Host) they do through the members under "From outside".</remarks>
internal sealed partial class S13Peer : IDisposable
{
    private readonly S13Listener _door;
    private readonly Socket _socket;
    private readonly long _number;
    private readonly byte[] _input = new byte[Limits.S13ReadBytes];
    private readonly byte[] _output = new byte[Limits.S13WriteBytes];

    // Whoever writes holds it. Its own thread does for a whole batch of answers.
    private readonly Lock _writing = new();
    private Stream _stream;
    private int _written;
    private volatile PeerState _state;
    private S13DisconnectReason? _parting;
    private bool _discardInput;
    private string? _certificate;
    private PeerRule? _rule;
    private PeerCounters? _counters;
    private uint _asked;

    // Moments by the door's clock; 0: not so.
    private readonly long _cameAt;
    private long _heardAt;
    private long _partialSince;
    private long _leavingSince;
    private long _watchdogAt;
    private volatile Probe? _probe;
    private int _due;

    public S13Peer(S13Listener door, Socket socket, PeerTransport transport, long number)
    {
        (_door, _socket, Transport, _number) = (door, socket, transport, number);
        Address = Plain((IPEndPoint)socket.RemoteEndPoint!);
        IsConfiguredAddress = door.Settings.Knows(Address.Address);
        _stream = new NetworkStream(socket, ownsSocket: true);
        _cameAt = _heardAt = door.Now;
        ConnectedAt = door.UtcNow;
    }

    private enum PeerState
    {
        Greeting,
        Open,
        Leaving,
    }

    // What others want to be said to it.
    [Flags]
    private enum Due
    {
        Watchdog = 1,
        Goodbye = 2,
    }

    /// <summary>Where it calls from.</summary>
    public IPEndPoint Address { get; }

    /// <summary>Some rule names its address.</summary>
    public bool IsConfiguredAddress { get; }

    /// <summary>How.</summary>
    public PeerTransport Transport { get; }

    /// <summary>Since when.</summary>
    public DateTimeOffset ConnectedAt { get; }

    /// <summary>Its Origin-Host; empty until it has said so and was taken.</summary>
    public string Host { get; private set; } = "";

    /// <summary>Its Origin-Realm.</summary>
    public string Realm { get; private set; } = "";

    /// <summary>Its rule, once it was taken.</summary>
    public PeerRule? Rule => _rule;

    /// <summary>Requests it was answered with a verdict or an error.</summary>
    public long Requests { get; private set; }

    /// <summary>It was taken and is served.</summary>
    public bool IsOpen => _state is PeerState.Open;

    /// <summary>It was asked whether it is there, and has not answered yet.</summary>
    public bool IsSuspect => Volatile.Read(ref _watchdogAt) is not 0;

    /// <summary>The beginning of a message has come and its end has not.</summary>
    public bool IsWaiting => Volatile.Read(ref _partialSince) is not 0;

    /// <summary>Ms since it was heard.</summary>
    public long SilentMs => _door.Now - Volatile.Read(ref _heardAt);

    /// <summary>Completes when it is gone.</summary>
    public TaskCompletionSource Gone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The whole life of the connection. Throws nothing: what a peer does ends its connection, and that
    /// only.</summary>
    public void Run()
    {
        try
        {
            _socket.SendTimeout = (int)Limits.S13SlowMost.TotalMilliseconds;
            if (Transport is not PeerTransport.Sctp) _socket.NoDelay = true;
            if (Transport is PeerTransport.Tls) (_stream, _certificate) = PeerTls.Secure(_stream, _door.Certificate);
            ReadLoop();
            Part(S13DisconnectReason.ClosedByPeer);
        }
        catch (Exception broken) when (broken is IOException or SocketException or ObjectDisposedException)
        {
            Part(broken.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut
                or SocketError.WouldBlock } ? S13DisconnectReason.Slow : S13DisconnectReason.ClosedByPeer);
        }
        catch (AuthenticationException)
        {
            Part(S13DisconnectReason.Handshake);
        }
        catch (Exception fault)
        {
            Part(S13DisconnectReason.Fault);
            Failed(_door.Log, fault);
        }
        finally
        {
            Dispose();
            _door.Forget(this, _parting ?? S13DisconnectReason.ClosedByPeer);

            // In this order: who asks whether it is there either sees that it is gone, or is told.
            Gone.TrySetResult();
            _probe?.Answer.TrySetResult(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    // A stream of bytes: a message may come in pieces of one byte, and a hundred at once.
    private void ReadLoop()
    {
        for (var (start, end) = (0, 0); ;)
        {
            var before = start;
            if (!TakeAll(ref start, end)) return;

            Flush();
            if (_discardInput) start = end;
            if (start > 0) _input.AsSpan(start, end - start).CopyTo(_input);
            var moved = start > before;
            (start, end) = (0, end - start);
            if (end is 0) Volatile.Write(ref _partialSince, 0);
            else if (moved || _partialSince is 0) Volatile.Write(ref _partialSince, _door.Now);

            var bytes = _stream.Read(_input, end, _input.Length - end);
            if (bytes is 0) return;

            Heard();
            end = _discardInput ? 0 : end + bytes;
        }
    }

    // Every whole message between start and end. False: the connection is over.
    private bool TakeAll(ref int start, int end)
    {
        while (true)
        {
            var status = DiameterHeader.TryRead(_input.AsSpan(start, end - start), Limits.S13MessageBytesMax,
                out var header);
            if (status is FramingResult.Incomplete) return true;
            if (status is not FramingResult.Whole) return RefuseFrame(status, header);

            if (_output.Length - _written < MessageWriter.RoomFor(header.Length)) Flush();
            var going = Take(header, _input.AsSpan(start + DiameterHeader.Size, header.Length - DiameterHeader.Size));
            start += header.Length;
            if (!going) return Leave();
        }
    }

    // Where the next message begins is lost: say why to a peer, nothing to a stranger, and go.
    private bool RefuseFrame(FramingResult status, in DiameterHeader header)
    {
        Part(S13DisconnectReason.Malformed);
        if (!IsOpen) return false;

        if (header.IsRequest) Refuse(header, [],
            RequestError.Of(status is FramingResult.BadVersion ? ResultCode.UnsupportedVersion
            : ResultCode.InvalidMessageLength));
        return Leave();
    }

    // What was said last must arrive: the peer closes, or the door's beat does.
    private void AwaitClose(S13DisconnectReason why)
    {
        Part(why);
        Volatile.Write(ref _leavingSince, _door.Now);
        _state = PeerState.Leaving;
        _discardInput = true;
    }

    // The same, and it is shown that nothing more will come.
    private bool Leave()
    {
        Flush();
        AwaitClose(_parting ?? S13DisconnectReason.ClosedByPeer);
        lock (_writing)
        {
            if (_stream is SslStream tls) tls.ShutdownAsync().GetAwaiter().GetResult();
            _socket.Shutdown(SocketShutdown.Send);
        }

        return true;
    }

    private bool Take(in DiameterHeader header, ReadOnlySpan<byte> avps)
    {
        if (_discardInput) return true;
        if (!header.IsRequest) return TakeAnswer(header);
        if (_state is PeerState.Greeting) return header.Command is Command.CapabilitiesExchange
            && (header.Flags & CommandFlags.Error) is 0 ? HandleCer(header, avps) : Ends(S13DisconnectReason.Malformed);

        if ((header.Flags & CommandFlags.Error) != 0)
        {
            Refuse(header, avps, RequestError.Of(ResultCode.InvalidHeaderBits));
            return true;
        }

        switch (header.Command)
        {
            case Command.EquipmentCheck when header.Application is DiameterApplication.S13:
                Requests++;
                _written += _door.Checks.Answer(header, avps, _output.AsSpan(_written), _counters!);
                return true;
            case Command.DeviceWatchdog:
                Agree(header, avps);
                return true;
            case Command.DisconnectPeer:
                if (Agree(header, avps)) AwaitClose(S13DisconnectReason.ClosedByPeer);
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

    // DWA: it was heard, which is all that it says. DPA: it agrees that we part.
    private bool TakeAnswer(in DiameterHeader header) =>
        header.Command is not Command.DisconnectPeer || _leavingSince is 0 || Ends(S13DisconnectReason.Stopping);

    // Who is it, and is it taken? A second CER of an open connection is answered like the first, if it is still the
    // same peer's.
    private bool HandleCer(in DiameterHeader header, ReadOnlySpan<byte> avps)
    {
        if (!BaseRequest.TryRead(Command.CapabilitiesExchange, avps, out var request, out var fault))
        {
            Refuse(header, avps, fault);
            return Ends(S13DisconnectReason.Malformed);
        }

        var (host, realm) = (Encoding.Latin1.GetString(request.OriginHost),
            Encoding.Latin1.GetString(request.OriginRealm));
        if (_door.Settings.RuleFor(host, realm, Address.Address, _certificate) is not { } rule)
        {
            Refuse(header, avps, RequestError.Of(ResultCode.UnknownPeer),
                "No peer of this Origin-Host and Origin-Realm is taken from this address and with this certificate."u8);
            _door.Stranger(host, realm, Address);
            return Ends(S13DisconnectReason.UnknownPeer);
        }

        if (rule.RequireCommonApplication && !request.Offers(DiameterApplication.S13))
        {
            Refuse(header, avps, RequestError.Of(ResultCode.NoCommonApplication),
                "S13 (16777252) is not among the applications of this CER."u8);
            return Ends(S13DisconnectReason.NoCommonApplication);
        }

        if ((Host.Length > 0 && !host.Equals(Host, StringComparison.OrdinalIgnoreCase))
            || !_door.Peers.Admit(this, host))
        {
            Refuse(header, avps, RequestError.Of(ResultCode.UnableToComply),
                "This Origin-Host is connected, and answers."u8);
            return Ends(S13DisconnectReason.Connected);
        }

        (Host, Realm, _rule, _counters) = (host, realm, rule, _door.CountersOf(rule));
        _written += _door.Name.Capabilities(_output.AsSpan(_written), header, LocalAddress, rule.ExtraApplications);
        if (_state is PeerState.Greeting) Opened(_door.Log, host, Address, Transport);

        // The answer is the first that it hears, before any watchdog of ours.
        Flush();
        _state = PeerState.Open;
        Interlocked.MemoryBarrier();
        SendPending();
        return true;
    }

    private bool Agree(in DiameterHeader header, ReadOnlySpan<byte> avps)
    {
        if (BaseRequest.TryRead(header.Command, avps, out _, out var fault))
        {
            _written += _door.Name.Agree(_output.AsSpan(_written), header);
            return true;
        }

        Refuse(header, avps, fault);
        return false;
    }

    private void Refuse(in DiameterHeader header,
        ReadOnlySpan<byte> avps, in RequestError fault, ReadOnlySpan<byte> words = default)
    {
        _counters?.Count(fault.Code);
        _written += _door.Name.Refuse(_output.AsSpan(_written), header, avps, fault, words,
            header.Command is Command.CapabilitiesExchange ? LocalAddress : null);
    }

    private IPAddress LocalAddress => ((IPEndPoint)_socket.LocalEndPoint!).Address;

    // A door on every address of both kinds shows those of IPv4 in the clothes of IPv6.
    private static IPEndPoint Plain(IPEndPoint shown) =>
        shown.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(shown.Address.MapToIPv4(), shown.Port) : shown;

    private bool Ends(S13DisconnectReason why)
    {
        Part(why);
        return false;
    }

    private void Part(S13DisconnectReason why) => _parting ??= why;        // the first reason is the reason

    private void Flush()
    {
        if (_written is 0) return;

        lock (_writing) _stream.Write(_output, 0, _written);
        _written = 0;
        SendPending();
    }

    private void Heard()
    {
        Volatile.Write(ref _heardAt, _door.Now);
        if (_watchdogAt is not 0) Volatile.Write(ref _watchdogAt, 0);
        _probe?.Answer.TrySetResult(true);
    }

    // From outside.

    /// <summary>The door's beat: is it late with anything? Its watchdog is spread over ±2 s by its number, so that a
    /// hundred peers are not asked at once (RFC 3539 §3.4.1).</summary>
    public void Beat(long now)
    {
        var watchdogMs = _door.Settings.WatchdogSeconds * 1000L + _number * 797 % 4001 - 2000;
        var (silentMs, partial, leaving, watchdog) =
            (now - Volatile.Read(ref _heardAt), Volatile.Read(ref _partialSince), Volatile.Read(ref _leavingSince),
            Volatile.Read(ref _watchdogAt));
        if (!IsOpen && leaving is 0 && now - _cameAt > Limits.S13GreetMost.TotalMilliseconds) Close(
            S13DisconnectReason.Slow);
        else if (partial is not 0 && now - partial > Limits.S13SlowMost.TotalMilliseconds) Close(
            S13DisconnectReason.Slow);
        else if (leaving is not 0 && now - leaving > Limits.S13LeaveMost.TotalMilliseconds) Close(
            S13DisconnectReason.ClosedByPeer);
        else if (IsOpen && watchdog is not 0 && now - watchdog > 2 * watchdogMs) Close(S13DisconnectReason.Silent);
        else if (IsOpen && watchdog is 0 && silentMs > watchdogMs) AskWatchdog(now);

        SendPending();
        if (_probe is { } probe && now - probe.At > Limits.S13ProbeMost.TotalMilliseconds) probe.Answer.TrySetResult(
            false);
    }

    /// <summary>Asks now, and waits for a sign of life or the end of the time for one. For a newcomer of the same
    /// Origin-Host, on the newcomer's thread; several wait for the same sign.</summary>
    public bool IsAlive()
    {
        var own = new Probe(_door.Now,
            new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously));
        var probe = Interlocked.CompareExchange(ref _probe, own, null) ?? own;
        if (_state is PeerState.Leaving || Gone.Task.IsCompleted) probe.Answer.TrySetResult(false);
        else if (probe == own) AskWatchdog(_door.Now);

        var isThere = probe.Answer.Task.GetAwaiter().GetResult();
        Interlocked.CompareExchange(ref _probe, null, probe);
        return isThere;
    }

    /// <summary>Says goodbye: this node stops.</summary>
    public void SendDpr()
    {
        if (!IsOpen)
        {
            Close(S13DisconnectReason.Stopping);
            return;
        }

        Volatile.Write(ref _leavingSince, _door.Now);
        Say(Due.Goodbye);
    }

    /// <summary>Ends it at once, whatever it does: its thread wakes up from a read or a write with an error.</summary>
    public void Close(S13DisconnectReason why)
    {
        Part(why);
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // It ended by itself in the meantime.
        }
    }

    private void AskWatchdog(long now)
    {
        Volatile.Write(ref _watchdogAt, now);
        Say(Due.Watchdog);
    }

    private void Say(Due what)
    {
        Interlocked.Or(ref _due, (int)what);
        SendPending();
    }

    // Waits for nothing. Who finds the pen in another's hand may leave: whoever has it looks here after laying it down.
    // Where the buffers are full, the next beat tries again.
    private void SendPending()
    {
        Span<byte> room = stackalloc byte[MessageWriter.RoomFor(0)];
        while (Volatile.Read(ref _due) is not 0 && IsOpen && _writing.TryEnter())
        {
            try
            {
                if (!_socket.Poll(0, SelectMode.SelectWrite)) return;

                var due = (Due)Interlocked.Exchange(ref _due, 0);
                if ((due & Due.Watchdog) is not 0) _stream.Write(
                    room[.._door.Name.Watchdog(room, Interlocked.Increment(ref _asked))]);
                if ((due & Due.Goodbye) is not 0) _stream.Write(
                    room[.._door.Name.Disconnect(room, Interlocked.Increment(ref _asked), DisconnectCause.Rebooting)]);
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
        Message = "S13: {Host} is connected from {Address} over {Transport}.")]
    private static partial void Opened(ILogger log, string host, IPEndPoint address, PeerTransport transport);

    [LoggerMessage(EventId = 3062, Level = LogLevel.Error, Message = "S13: a connection ended by our fault.")]
    private static partial void Failed(ILogger log, Exception fault);

    private sealed record Probe(long At, TaskCompletionSource<bool> Answer);
}
