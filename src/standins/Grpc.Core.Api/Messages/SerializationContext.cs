using System.Buffers;

namespace Grpc.Core;

/// <summary>Where a message is written to. Either one array, or a length and then a buffer.</summary>
public abstract class SerializationContext
{
    /// <summary>The whole message, as one array.</summary>
    public virtual void Complete(byte[] payload) => throw new NotImplementedException();

    /// <summary>The buffer to write into; end with <see cref="Complete()" />.</summary>
    public virtual IBufferWriter<byte> GetBufferWriter() => throw new NotImplementedException();

    /// <summary>Says beforehand how many bytes will come. Optional.</summary>
    public virtual void SetPayloadLength(int payloadLength) => throw new NotImplementedException();

    /// <summary>The buffer holds the whole message now.</summary>
    public virtual void Complete() => throw new NotImplementedException();
}
