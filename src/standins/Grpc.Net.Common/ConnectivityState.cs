namespace Grpc.Core;

/// <summary>What a channel is doing about its connection.</summary>
public enum ConnectivityState
{
    /// <summary>Not connected, nobody asked.</summary>
    Idle,

    /// <summary>Connecting.</summary>
    Connecting,

    /// <summary>Connected.</summary>
    Ready,

    /// <summary>Failed, and will try again.</summary>
    TransientFailure,

    /// <summary>Closed for good.</summary>
    Shutdown,
}
