using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace DeviceRegistry.TestKit;

/// <summary>A simple Diameter peer: it sends what the test gives it, byte by byte if required, and keeps every message
/// it received.</summary>
public sealed class DiameterClient : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly Stream _stream;
    private readonly List<byte[]> _received = [];

    private DiameterClient(Socket socket, Stream stream) => (_socket, _stream) = (socket, stream);

    /// <summary>Every message received, as bytes.</summary>
    public IReadOnlyList<byte[]> Received => _received;

    /// <summary>Local address and port.</summary>
    public IPEndPoint Local => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>Connects; over TLS if required, with or without a certificate.</summary>
    public static async Task<DiameterClient> ConnectAsync(IPEndPoint server, CancellationToken ct, bool tls = false,
        X509Certificate2? certificate = null)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server, ct);
        if (!tls) return new DiameterClient(socket, new NetworkStream(socket, ownsSocket: true));

        var secured = new SslStream(new NetworkStream(socket, ownsSocket: true));
        await secured.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost", RemoteCertificateValidationCallback = (_, shown, _, _) =>
                    shown is not null, ClientCertificates = certificate is null ? [] : [certificate],
            },
            ct);
        return new DiameterClient(socket, secured);
    }

    /// <summary>Connects and completes the capabilities exchange.</summary>
    public static async Task<DiameterClient> OpenAsync(IPEndPoint server, CancellationToken ct,
        string host = "mme1.opco-a.example", string realm = "opco-a.example")
    {
        var client = await ConnectAsync(server, ct);
        var answer = await client.AskAsync(DiameterMessage.Cer(host, realm, 16777252), ct);
        return answer.Result is 2001 ? client : throw new InvalidOperationException($"not taken: {answer.Result}");
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct) =>
        await _stream.WriteAsync(bytes, ct);

    public Task SendAsync(DiameterMessage message, CancellationToken ct) => SendAsync(message.ToBytes(), ct);

    /// <summary>Sends a message and returns the next one received.</summary>
    public async Task<DiameterMessage> AskAsync(DiameterMessage message, CancellationToken ct)
    {
        await SendAsync(message, ct);
        return await ReceiveAsync(ct)
            ?? throw new EndOfStreamException("the connection was closed instead of an answer");
    }

    /// <summary>The next message; null if the connection was closed.</summary>
    public async Task<DiameterMessage?> ReceiveAsync(CancellationToken ct)
    {
        try
        {
            var head = new byte[4];
            await _stream.ReadExactlyAsync(head, ct);
            var bytes = new byte[BinaryPrimitives.ReadUInt32BigEndian(head) & 0xffffff];
            head.CopyTo(bytes, 0);
            await _stream.ReadExactlyAsync(bytes.AsMemory(4), ct);
            _received.Add(bytes);
            return DiameterMessage.Parse(bytes);
        }
        catch (Exception closed) when (closed is EndOfStreamException
            or IOException { InnerException: SocketException })
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _socket.Dispose();
    }
}
