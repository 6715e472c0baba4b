namespace DeviceRegistry.Server;

/// <summary>What the server as a whole takes and waits for. Limits of the registrar's and the node's own inputs are in
/// their rooms.</summary>
internal static class Limits
{
    /// <summary>Connections at once, all doors together. An idle TLS connection holds about 50 KB: 100 MB. A nation has
    /// hundreds of nodes and people; each keeps one or two.</summary>
    public const int ConnectionsMax = 2_000;

    /// <summary>Calls at once on a connection; more wait in the client. 200 checks of 0.2 ms are far more than a
    /// connection can carry, and 16 waiting uploads leave room for the rest.</summary>
    public const int StreamsPerConnectionMax = 200;

    /// <summary>Bytes of all headers of a call: method, deadline and trace are under 1 KB; a standard client may add 8
    /// KB of its own.</summary>
    public const int HeadersBytesMax = 16 * 1024;

    /// <summary>Bytes of a message received: the largest legal one is a chunk of 1 MiB of a file, plus 16 bytes of
    /// framing. A larger chunk up to here is refused in our words, anything beyond by gRPC's.</summary>
    public const int MessageBytesMax = 1024 * 1024 + 64 * 1024;

    /// <summary>Bytes a second that a request or an answer must move on average once it moves. 240 is Kestrel's own; a
    /// modem of 1990 does ten times that, so what is slower is stuck or means harm. Streams of gRPC have their own
    /// limits of time instead.</summary>
    public const double BytesPerSecondLeast = 240;

    /// <summary>How long it may move less.</summary>
    public static readonly TimeSpan SlowMost = TimeSpan.FromSeconds(5);

    /// <summary>How long a connection may be silent before the server asks whether its peer is there.</summary>
    public static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(30);

    /// <summary>How long the peer may take to answer that: one that lost its power is let go after 40 s in
    /// all.</summary>
    public static readonly TimeSpan PingAnswerMost = TimeSpan.FromSeconds(10);

    /// <summary>How long TLS may take to be agreed on.</summary>
    public static readonly TimeSpan HandshakeMost = TimeSpan.FromSeconds(10);

    /// <summary>How long calls may go on once the server was told to stop: a batch of 100,000 units takes some 20 s on
    /// two busy cores.</summary>
    public static readonly TimeSpan StopMost = TimeSpan.FromSeconds(30);

    /// <summary>What is kept of a caller's time for the way back, at most; a tenth of it where that is less. Cancelling
    /// a statement and rolling back are two round trips, a few ms; 0.2 s in a process that never did it
    /// before.</summary>
    public static readonly TimeSpan MarginMost = TimeSpan.FromMilliseconds(500);

    /// <summary>Time a call at the registrar's door must have left to be begun: a write is five round trips to the
    /// database, about 2 ms; ten times that.</summary>
    public static readonly TimeSpan TimeLeftLeast = TimeSpan.FromMilliseconds(20);

    /// <summary>The longest deadline that is kept: nobody waits for the second day of a call, and timers end at 49
    /// days.</summary>
    public static readonly TimeSpan DeadlineMost = TimeSpan.FromDays(1);

    /// <summary>How long a node waits for a connection to the registrar, and for a sign of life on a silent one: two
    /// heartbeats and a round trip.</summary>
    public static readonly TimeSpan RegistrarAnswerMost = TimeSpan.FromSeconds(5);

    /// <summary>How often a watcher of health is looked after: four times a second, what a load balancer can act
    /// on.</summary>
    public static readonly TimeSpan HealthEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>How long reading the instruments may take; it takes about a millisecond.</summary>
    public static readonly TimeSpan MetricsReadMost = TimeSpan.FromSeconds(5);

    /// <summary>How often the instruments are sent to a collector: 6 × about 20 KB a minute.</summary>
    public static readonly TimeSpan MetricsEvery = TimeSpan.FromSeconds(10);

    /// <summary>How long a collector may take to answer; it holds up nothing but what is sent to it.</summary>
    public static readonly TimeSpan CollectorAnswerMost = TimeSpan.FromSeconds(5);

    /// <summary>How long a server that stops waits for the collector to take the rest, for spans and again for
    /// instruments.</summary>
    public static readonly TimeSpan CollectorFarewellMost = TimeSpan.FromSeconds(2);
}
