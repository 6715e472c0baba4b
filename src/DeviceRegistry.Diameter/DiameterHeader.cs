using System.Buffers.Binary;

namespace DeviceRegistry.Diameter;

/// <summary>Bits of a message (RFC 6733 §3). The lower four are reserved: sent as zero, ignored when
/// received.</summary>
[Flags]
public enum CommandFlags : byte
{
    None = 0,
    Retransmitted = 0x10,
    Error = 0x20,
    Proxiable = 0x40,
    Request = 0x80,
}

/// <summary>What the next bytes of a connection are.</summary>
public enum FramingResult : byte
{
    /// <summary>A whole message.</summary>
    Whole,

    /// <summary>The beginning of one. A connection is a stream of bytes: where one read ends means nothing.</summary>
    Incomplete,

    /// <summary>Of another version: 5011. Where the next message begins cannot be known.</summary>
    BadVersion,

    /// <summary>Of a length that cannot be: below its header, no multiple of four, or over what is taken: 5015. Where
    /// the next message begins cannot be known.</summary>
    BadLength,
}

/// <summary>The head of a message.</summary>
/// <remarks>RFC 6733 §3, bytes: version 1 · length 3, the head included · flags 1 · command 3 · application 4 ·
/// hop-by-hop 4 · end-to-end 4.</remarks>
public readonly record struct DiameterHeader(int Length, CommandFlags Flags, uint Command, uint Application,
    uint HopByHop, uint EndToEnd)
{
    /// <summary>Bytes of it.</summary>
    public const int Size = 20;

    private const byte Version = 1;

    /// <summary>It asks.</summary>
    public bool IsRequest => (Flags & CommandFlags.Request) != 0;

    /// <summary>Reads the head at the beginning of what has come, and says whether the whole message is there. Not
    /// before all of the head has come is anything said of it, for the answer to a bad one needs its
    /// identifiers.</summary>
    public static FramingResult TryRead(ReadOnlySpan<byte> bytes, int lengthMax, out DiameterHeader header)
    {
        header = default;
        if (bytes.Length < Size) return FramingResult.Incomplete;

        var (first, second) = (BinaryPrimitives.ReadUInt32BigEndian(bytes),
            BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]));
        var length = (int)(first & 0xffffff);
        header = new DiameterHeader(
            length, (CommandFlags)(second >> 24), second & 0xffffff, BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]), BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]));
        if (first >> 24 != Version) return FramingResult.BadVersion;
        if (length < Size || length % 4 is not 0 || length > lengthMax) return FramingResult.BadLength;

        return length <= bytes.Length ? FramingResult.Whole : FramingResult.Incomplete;
    }

    /// <summary>Writes the head, of a message that is this long.</summary>
    public void Write(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt32BigEndian(into, ((uint)Version << 24) | (uint)Length);
        BinaryPrimitives.WriteUInt32BigEndian(into[4..], ((uint)Flags << 24) | Command);
        BinaryPrimitives.WriteUInt32BigEndian(into[8..], Application);
        BinaryPrimitives.WriteUInt32BigEndian(into[12..], HopByHop);
        BinaryPrimitives.WriteUInt32BigEndian(into[16..], EndToEnd);
    }
}
