using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace DeviceRegistry.TestKit;

/// <summary>A wire that can be cut: carries bytes between whoever connects to it and a real server behind, until a test
/// breaks it.</summary>
public sealed class FaultInjectingProxy : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly EndPoint _behind;
    private readonly CancellationTokenSource _over = new();
    private readonly HashSet<Socket> _open = [];
    private readonly Task _accepting;
    private long _bytesUntilCut = long.MaxValue;
    private volatile bool _down;
    private volatile bool _losesAnswers;

    private FaultInjectingProxy(EndPoint at, EndPoint behind)
    {
        _behind = behind;
        _listener = new Socket(at.AddressFamily, SocketType.Stream, at is UnixDomainSocketEndPoint
            ? ProtocolType.Unspecified : ProtocolType.Tcp);
        _listener.Bind(at);
        _listener.Listen(64);
        At = _listener.LocalEndPoint!;
        _accepting = AcceptAsync();
    }

    /// <summary>Where to connect to.</summary>
    public EndPoint At { get; }

    /// <summary>How long what the server says is under way to whoever connects from now on, however much it is: a wire
    /// that is long, not narrow.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Hears every byte that passes, with who sent it; set before anybody connects. One connection at a time,
    /// or they are heard mixed.</summary>
    public Action<bool, ReadOnlyMemory<byte>>? Heard { get; set; }

    /// <summary>It is cut, and not mended yet.</summary>
    public bool IsDown => _down;

    /// <summary>A wire to a TCP port.</summary>
    public static FaultInjectingProxy To(IPEndPoint server) => new(new IPEndPoint(IPAddress.Loopback, 0), server);

    /// <summary>A wire to PostgreSQL's Unix socket; <paramref name="folder"/> is the host to name in a connection
    /// string.</summary>
    public static FaultInjectingProxy ToPostgres(string sockets, string folder, TimeSpan delay = default) =>
        new(new UnixDomainSocketEndPoint(Path.Combine(folder, ".s.PGSQL.5432")),
            new UnixDomainSocketEndPoint(Path.Combine(sockets, ".s.PGSQL.5432"))) { Delay = delay };

    /// <summary>Cuts what is connected, and whoever connects from now on, until it is mended.</summary>
    public void Cut()
    {
        _down = true;
        CutOpen();
    }

    /// <summary>Cuts what is connected once so many more bytes have come from the callers' side, in the middle of
    /// whatever they say.</summary>
    public void CutAfter(long bytes) => Interlocked.Exchange(ref _bytesUntilCut, bytes);

    /// <summary>From now on everything asked arrives and no answer comes back: a connection is cut with its first
    /// answer, and new ones at once.</summary>
    public void LoseAnswers() => _losesAnswers = true;

    /// <summary>Whole again for whoever connects anew.</summary>
    public void Mend()
    {
        Interlocked.Exchange(ref _bytesUntilCut, long.MaxValue);
        _losesAnswers = false;
        _down = false;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        _listener.Dispose();
        Cut();
        await _accepting;
        _over.Dispose();
        if (At is UnixDomainSocketEndPoint path) File.Delete(path.ToString());
    }

    private async Task AcceptAsync()
    {
        while (!_over.IsCancellationRequested)
            try
            {
                var caller = await _listener.AcceptAsync(_over.Token);
                if (_down || _losesAnswers) Reset(caller);
                else _ = CarryAsync(caller);
            }
            catch (Exception fault) when (fault is OperationCanceledException or SocketException
                or ObjectDisposedException)
            {
                // Over, or a caller that was gone before it was taken.
            }
    }

    private async Task CarryAsync(Socket caller)
    {
        var server = new Socket(_behind.AddressFamily, SocketType.Stream, _behind is UnixDomainSocketEndPoint
            ? ProtocolType.Unspecified : ProtocolType.Tcp);
        lock (_open)
        {
            _open.Add(caller);
            _open.Add(server);
        }

        try
        {
            await server.ConnectAsync(_behind);
            await Task.WhenAny(CopyAsync(caller, server, fromCaller: true), Delay > TimeSpan.Zero
                ? CopyLateAsync(server, caller) : CopyAsync(server, caller, fromCaller: false));
        }
        catch (SocketException)
        {
            // Nobody behind.
        }

        foreach (var end in (Socket[])[caller, server])
        {
            lock (_open) _open.Remove(end);
            Reset(end);
        }
    }

    private async Task CopyAsync(Socket from, Socket to, bool fromCaller)
    {
        var bytes = new byte[16 * 1024];
        try
        {
            for (int read; (read = await from.ReceiveAsync(bytes)) > 0;)
            {
                // This connection alone: what others still ask must arrive.
                if (!fromCaller && _losesAnswers) return;

                Heard?.Invoke(fromCaller, bytes.AsMemory(0, read));
                var most = fromCaller ? Interlocked.Add(ref _bytesUntilCut, -read) : 0;
                await to.SendAsync(bytes.AsMemory(0, most < 0 ? Math.Max(0, read + (int)most) : read));
                if (most >= 0) continue;

                Cut();
                return;
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Cut from either side.
        }
    }

    private async Task CopyLateAsync(Socket from, Socket to)
    {
        var underWay = Channel.CreateUnbounded<(long Read, byte[] Bytes)>();
        var arriving = Task.Run(async () =>
        {
            await foreach (var (read, bytes) in underWay.Reader.ReadAllAsync())
            {
                if (Delay - Stopwatch.GetElapsedTime(read) is { Ticks: > 0 } left)
                    await Task.Delay(left, TimeProvider.System);
                await to.SendAsync(bytes);
            }
        });
        try
        {
            var bytes = new byte[64 * 1024];
            for (int read; (read = await from.ReceiveAsync(bytes)) > 0;) await underWay.Writer.WriteAsync(
                (Stopwatch.GetTimestamp(), bytes[..read]));
            underWay.Writer.Complete();
            await arriving;
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Cut from either side.
            underWay.Writer.TryComplete();
        }
    }

    private void CutOpen()
    {
        Socket[] open;
        lock (_open)
        {
            open = [.. _open];
            _open.Clear();
        }

        foreach (var end in open) Reset(end);
    }

    // Closed without a goodbye, as a cable that is pulled.
    private static void Reset(Socket end)
    {
        try
        {
            end.LingerState = new LingerOption(true, 0);
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Closed already.
        }

        end.Dispose();
    }
}
