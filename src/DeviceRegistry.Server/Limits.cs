namespace DeviceRegistry.Server;

/// <summary>Limits and timeouts of the whole server. Limits of the inputs of the registrar and of the node are in their
/// own projects.</summary>
internal static class Limits
{
    /// <summary>Concurrent connections of all listeners together. An idle TLS connection takes about 50 KB: 100 MB. A
    /// country has hundreds of nodes and people, and each keeps one or two connections.</summary>
    public const int ConnectionsMax = 2_000;

    /// <summary>Concurrent calls on one connection; further calls wait in the client. 200 checks of 0.2 ms are far more
    /// than a connection can carry, and 16 waiting uploads leave streams for other calls.</summary>
    public const int StreamsPerConnectionMax = 200;

    /// <summary>Bytes of all headers of a call. Method, deadline and trace take under 1 KB; a standard client may add 8
    /// KB of its own.</summary>
    public const int HeadersBytesMax = 16 * 1024;

    /// <summary>Bytes of a received message. The largest valid message is a file chunk of 1 MiB plus 16 bytes of
    /// framing. The registrar rejects larger chunks up to this limit with an error of its own; gRPC rejects anything
    /// beyond.</summary>
    public const int MessageBytesMax = 1024 * 1024 + 64 * 1024;

    /// <summary>Minimum average rate of a request or response body, in bytes per second. 240 is Kestrel's default; a
    /// modem of 1990 reaches ten times that, so a slower peer is stuck or malicious. gRPC streams have their own time
    /// limits instead.</summary>
    public const double BytesPerSecondMin = 240;

    /// <summary>Grace period before <see cref="BytesPerSecondMin"/> applies.</summary>
    public static readonly TimeSpan DataRateGracePeriod = TimeSpan.FromSeconds(5);

    /// <summary>Idle time of a connection before the server sends an HTTP/2 keep-alive ping.</summary>
    public static readonly TimeSpan KeepAlivePingDelay = TimeSpan.FromSeconds(30);

    /// <summary>Timeout of the ping: a peer that lost its power is disconnected after 40 s in all.</summary>
    public static readonly TimeSpan KeepAlivePingTimeout = TimeSpan.FromSeconds(10);

    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How long running calls may continue after the server was asked to stop. A batch of 100,000 units takes
    /// some 20 s on two busy cores.</summary>
    public static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Largest margin subtracted from a caller's deadline; the margin is a tenth of the time left where that
    /// is less. Cancelling a statement and rolling back are two round trips, a few ms; 0.2 s in a process that never
    /// did it before.</summary>
    public static readonly TimeSpan DeadlineMarginMax = TimeSpan.FromMilliseconds(500);

    /// <summary>Time that a call to the registrar must have left to be started: a write is five round trips to the
    /// database, about 2 ms; the limit is ten times that.</summary>
    public static readonly TimeSpan TimeLeftMin = TimeSpan.FromMilliseconds(20);

    /// <summary>Longest deadline that the server enforces: no client waits longer than a day for a call, and timers end
    /// at 49 days.</summary>
    public static readonly TimeSpan DeadlineMax = TimeSpan.FromDays(1);

    /// <summary>How long a node waits for a connection to the registrar, and for a keep-alive answer on an idle one:
    /// two heartbeats and a round trip.</summary>
    public static readonly TimeSpan RegistrarTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Interval at which the status of health watchers is updated: four times a second, which a load balancer
    /// can act on.</summary>
    public static readonly TimeSpan HealthInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>Timeout of reading the metrics, which takes about a millisecond.</summary>
    public static readonly TimeSpan MetricsReadTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Interval of the export of metrics to a collector: 6 × about 20 KB a minute.</summary>
    public static readonly TimeSpan MetricsInterval = TimeSpan.FromSeconds(10);

    /// <summary>Timeout of an export to a collector. A slow collector delays only the export.</summary>
    public static readonly TimeSpan CollectorTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long a stopping server waits for the collector to accept the last spans, and again for the last
    /// metrics.</summary>
    public static readonly TimeSpan CollectorFlushTimeout = TimeSpan.FromSeconds(2);
}
