using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DeviceRegistry.Client;

/// <summary>Addresses of the registry, identity of the client, and deadlines.</summary>
public sealed class ClientOptions
{
    /// <summary>Largest number of attach nodes of one client. An operator has two or three; every additional node may
    /// receive hedged requests when the others are slow.</summary>
    public const int AttachNodesMax = 8;

    /// <summary>The registrar, such as https://registrar.example:7443. Null: the program makes no calls to
    /// it.</summary>
    public Uri? Registrar { get; init; }

    /// <summary>The operator's own attach nodes, at most <see cref="AttachNodesMax"/>, all equivalent. Empty: the
    /// program makes no calls to them.</summary>
    public IReadOnlyList<Uri> AttachNodes { get; init; } = [];

    /// <summary>The client certificate with its key. The caller keeps ownership and disposes of it after the
    /// client.</summary>
    public required X509Certificate2 Certificate { get; init; }

    /// <summary>The only root that server certificates may chain to; the client also verifies the host name. The caller
    /// keeps ownership.</summary>
    public required X509Certificate2 Root { get; init; }

    /// <summary>Default deadline of a unary call to the registrar. Long enough to outlast its restart.</summary>
    public TimeSpan RegistrarDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Default deadline of a unary call to the attach nodes. An attach procedure of a network waits no
    /// longer.</summary>
    public TimeSpan AttachDeadline { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Delay after which a call is also sent to the next attach node (hedging); the first successful response
    /// wins. A check takes about a millisecond, so a delay of twenty indicates a fault or a garbage collection. Zero:
    /// call all nodes at once.</summary>
    public TimeSpan HedgingDelay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Largest number of retries of a unary call after UNAVAILABLE or a closed connection, 0 or more; never
    /// past its deadline. The default is limited by the deadline only; an interactive program sets a lower number to
    /// report errors sooner.</summary>
    public int RetriesMax { get; init; } = int.MaxValue;

    /// <summary>Clock of delays and deadlines.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Receives a line for each retry, hedged attempt and timeout (category "Polly"). The default writes
    /// nothing.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Source of the jitter between retries: numbers from 0 to below 1; must be thread-safe.</summary>
    public Func<double> Jitter { get; init; } = Random.Shared.NextDouble;
}
