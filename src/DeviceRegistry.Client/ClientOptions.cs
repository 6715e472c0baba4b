using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DeviceRegistry.Client;

/// <summary>Where the registry is, who asks, and how long an answer may take.</summary>
public sealed class ClientOptions
{
    /// <summary>Most attach nodes of one client. An operator has two or three; each one more is asked too when the
    /// others are slow.</summary>
    public const int AttachNodesMax = 8;

    /// <summary>The registrar, such as https://registrar.example:7443. Null: this program makes no calls to
    /// it.</summary>
    public Uri? Registrar { get; init; }

    /// <summary>The operator's own attach nodes, at most <see cref="AttachNodesMax"/>, all equal. Empty: this program
    /// asks none.</summary>
    public IReadOnlyList<Uri> AttachNodes { get; init; } = [];

    /// <summary>The certificate to show, with its key. The caller keeps it, and disposes of it after the
    /// client.</summary>
    public required X509Certificate2 Certificate { get; init; }

    /// <summary>The one root that servers are believed by; their host name is checked too. The caller keeps
    /// it.</summary>
    public required X509Certificate2 Root { get; init; }

    /// <summary>Deadline of a unary call to the registrar that brings none of its own. Long enough to sit out its
    /// restart.</summary>
    public TimeSpan RegistrarDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Deadline of a unary call to the attach nodes that brings none of its own. A network's attach waits no
    /// longer.</summary>
    public TimeSpan AttachDeadline { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long one attach node may take before the next is asked as well; the first good answer counts. A
    /// check takes about a millisecond, so that a pause of twenty is a fault or a collection. Zero: all are asked at
    /// once.</summary>
    public TimeSpan HedgingDelay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How often a unary call that meets UNAVAILABLE or a closed connection is made again before the caller
    /// hears of it, 0 or more; never past its deadline. The default is as often as the deadline allows; a person at a
    /// keyboard wants to know sooner.</summary>
    public int RetriesMax { get; init; } = int.MaxValue;

    /// <summary>The clock of delays and deadlines.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Receives a line for each retry, hedged attempt and timeout (category "Polly"). The default writes
    /// nothing.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Source of the jitter between retries: numbers from 0 to below 1, from any thread.</summary>
    public Func<double> Jitter { get; init; } = Random.Shared.NextDouble;
}
