using System.Buffers.Binary;

namespace DeviceRegistry.Diameter;

/// <summary>Flags of a message (RFC 6733 §3). The lower four bits are reserved: sent as zero, ignored on
/// receipt.</summary>
[Flags]
public enum CommandFlags : byte
{
    None = 0,
    Retransmitted = 0x10,
    Error = 0x20,
    Proxiable = 0x40,
    Request = 0x80,
}

/// <summary>Result of framing the next bytes of a connection.</summary>
public enum FramingResult : byte
{
    /// <summary>A complete message.</summary>
    Whole,

    /// <summary>The beginning of a message. TCP is a byte stream: a read may end anywhere.</summary>
    Incomplete,

    /// <summary>Another version: 5011. The start of the next message is unknown.</summary>
    BadVersion,

    /// <summary>Invalid length: below the header size, not a multiple of four, or above the maximum: 5015. The start of
    /// the next message is unknown.</summary>
    BadLength,
}

/// <summary>Header of a Diameter message.</summary>
/// <remarks>RFC 6733 §3, bytes: version 1 · length 3 (including the header) · flags 1 · command 3 · application 4 ·
/// hop-by-hop 4 · end-to-end 4.</remarks>
public readonly record struct DiameterHeader(int Length, CommandFlags Flags, uint Command, uint Application,
    uint HopByHop, uint EndToEnd)
{
    /// <summary>Size of the header in bytes.</summary>
    public const int Size = 20;

    private const byte Version = 1;

    /// <summary>Whether the message is a request.</summary>
    public bool IsRequest => (Flags & CommandFlags.Request) != 0;

    /// <summary>Reads the header at the start of the received bytes and checks whether the message is complete. Returns
    /// <see cref="FramingResult.Incomplete"/> until the whole header is there, because an error answer needs its
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

    /// <summary>Writes the header; <see cref="Length"/> must be the length of the message.</summary>
    public void Write(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt32BigEndian(into, ((uint)Version << 24) | (uint)Length);
        BinaryPrimitives.WriteUInt32BigEndian(into[4..], ((uint)Flags << 24) | Command);
        BinaryPrimitives.WriteUInt32BigEndian(into[8..], Application);
        BinaryPrimitives.WriteUInt32BigEndian(into[12..], HopByHop);
        BinaryPrimitives.WriteUInt32BigEndian(into[16..], EndToEnd);
    }
}
