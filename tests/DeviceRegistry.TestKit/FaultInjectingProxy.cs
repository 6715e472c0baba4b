using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace DeviceRegistry.TestKit;

/// <summary>A proxy that forwards bytes between its clients and a real server until the test injects a fault.</summary>
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

    /// <summary>Address that clients connect to.</summary>
    public EndPoint At { get; }

    /// <summary>Delay of the server's bytes on connections accepted from now on, whatever their number: latency, not
    /// bandwidth.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Receives every byte that passes and whether the client sent it. Set it before the first connection.
    /// Bytes of several connections are mixed, so use one connection at a time.</summary>
    public Action<bool, ReadOnlyMemory<byte>>? Heard { get; set; }

    /// <summary>Whether the proxy is cut and not repaired yet.</summary>
    public bool IsDown => _down;

    /// <summary>A proxy for a TCP port.</summary>
    public static FaultInjectingProxy To(IPEndPoint server) => new(new IPEndPoint(IPAddress.Loopback, 0), server);

    /// <summary>A proxy for PostgreSQL's Unix socket; <paramref name="folder"/> is the host of the connection
    /// string.</summary>
    public static FaultInjectingProxy ToPostgres(string sockets, string folder, TimeSpan delay = default) =>
        new(new UnixDomainSocketEndPoint(Path.Combine(folder, ".s.PGSQL.5432")),
            new UnixDomainSocketEndPoint(Path.Combine(sockets, ".s.PGSQL.5432")))
        { Delay = delay };

    /// <summary>Cuts every connection, and every new one, until the proxy is repaired.</summary>
    public void Cut()
    {
        _down = true;
        CutOpen();
    }

    /// <summary>Cuts every connection after this many more bytes from clients, in the middle of a message.</summary>
    public void CutAfter(long bytes) => Interlocked.Exchange(ref _bytesUntilCut, bytes);

    /// <summary>From now on requests arrive and answers are lost: each connection is cut at its first answer, and new
    /// connections at once.</summary>
    public void LoseAnswers() => _losesAnswers = true;

    /// <summary>Repairs the proxy for new connections.</summary>
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
                // The proxy ended, or the client disconnected before it was accepted.
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
            // No server behind the proxy.
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
                // Cut this connection only: requests on others must still arrive.
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
            // One side closed the connection.
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
            // One side closed the connection.
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

    // Closes with RST and no FIN, like a connection that breaks.
    private static void Reset(Socket end)
    {
        try
        {
            end.LingerState = new LingerOption(true, 0);
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Already closed.
        }

        end.Dispose();
    }
}
