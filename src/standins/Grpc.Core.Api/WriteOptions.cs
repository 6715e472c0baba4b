namespace Grpc.Core;

/// <summary>Wishes for one write. The numbers are the public API's.</summary>
[Flags]
public enum WriteFlags
{
    /// <summary>The message may wait in a buffer.</summary>
    BufferHint = 0x1,

    /// <summary>The message is not to be compressed.</summary>
    NoCompress = 0x2,
}

/// <summary>The write flags a stream or a call carries.</summary>
public class WriteOptions(WriteFlags flags = 0)
{
    /// <summary>No wishes.</summary>
    public static readonly WriteOptions Default = new();

    /// <summary>The wishes.</summary>
    public WriteFlags Flags { get; } = flags;
}
