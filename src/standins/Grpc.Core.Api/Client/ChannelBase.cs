namespace Grpc.Core;

/// <summary>The way to a server, whatever carries it.</summary>
public abstract class ChannelBase
{
    /// <summary>A channel to that target.</summary>
    protected ChannelBase(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        Target = target;
    }

    /// <summary>Where the channel leads.</summary>
    public string Target { get; }

    /// <summary>Something to make calls with.</summary>
    public abstract CallInvoker CreateCallInvoker();

    /// <summary>Closes the channel.</summary>
    public Task ShutdownAsync() => ShutdownAsyncCore();

    /// <inheritdoc cref="ShutdownAsync" />
    protected virtual Task ShutdownAsyncCore() => Task.CompletedTask;
}
