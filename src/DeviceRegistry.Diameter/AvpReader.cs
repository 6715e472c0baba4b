using System.Buffers.Binary;

namespace DeviceRegistry.Diameter;

/// <summary>Flags of an AVP (RFC 6733 §4.1). The other bits are reserved and ignored.</summary>
[Flags]
public enum AvpFlags : byte
{
    None = 0,
    Mandatory = 0x40,
    Vendor = 0x80,
}

/// <summary>Result of <see cref="AvpReader.Read"/>.</summary>
public enum AvpRead : byte
{
    /// <summary>An AVP.</summary>
    Avp,

    /// <summary>End of the AVPs, where expected.</summary>
    End,

    /// <summary>Invalid length: shorter than the AVP header, or past the end of the message.</summary>
    Malformed,
}

/// <summary>One AVP, as a view of the message bytes.</summary>
public readonly ref struct Avp
{
    internal Avp(AvpCode code, AvpFlags flags, ReadOnlySpan<byte> whole, ReadOnlySpan<byte> data)
    {
        (Code, Flags) = (code, flags);
        Whole = whole;
        Data = data;
    }

    public AvpCode Code { get; }

    public AvpFlags Flags { get; }

    /// <summary>Header and data, without the padding.</summary>
    public ReadOnlySpan<byte> Whole { get; }

    /// <summary>The data, without the padding.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>Whether a receiver that does not know the AVP must reject the message (M bit).</summary>
    public bool IsMandatory => (Flags & AvpFlags.Mandatory) != 0;

    /// <summary>The data of an AVP of type <see cref="AvpType.Number"/>.</summary>
    public uint Number => BinaryPrimitives.ReadUInt32BigEndian(Data);
}

/// <summary>Reads AVPs without copying (RFC 6733 §4). Verifies every length before using it.</summary>
/// <remarks>Layout: code 4 · flags 1 · length 3 (header and data without padding) · vendor 4 if V is set · data · zeros
/// up to a multiple of four. The last AVP of a group may lack its padding: some stacks exclude it from the length of
/// the group.</remarks>
public ref struct AvpReader(ReadOnlySpan<byte> avps)
{
    private ReadOnlySpan<byte> _rest = avps;

    /// <summary>Reads the next AVP. A malformed AVP has only <see cref="Avp.Code"/> and flags, as far as its header is
    /// there.</summary>
    public AvpRead Read(out Avp avp)
    {
        avp = default;
        var rest = _rest;
        if (rest.IsEmpty) return AvpRead.End;
        if (rest.Length < 8)
        {
            avp = new Avp(rest.Length < 4 ? default : (AvpCode)BinaryPrimitives.ReadUInt32BigEndian(rest),
                AvpFlags.None,
                [], []);
            return AvpRead.Malformed;
        }

        ulong code = BinaryPrimitives.ReadUInt32BigEndian(rest);
        var second = BinaryPrimitives.ReadUInt32BigEndian(rest[4..]);
        var (flags, length, head) = ((AvpFlags)(second >> 24), (int)(second & 0xffffff), 8);
        if ((flags & AvpFlags.Vendor) != 0)
        {
            head = 12;
            if (rest.Length >= head) code |= (ulong)BinaryPrimitives.ReadUInt32BigEndian(rest[8..]) << 32;
        }

        if (length < head || length > rest.Length)
        {
            avp = new Avp((AvpCode)code, flags, [], []);
            return AvpRead.Malformed;
        }

        avp = new Avp((AvpCode)code, flags, rest[..length], rest[head..length]);
        _rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
        return AvpRead.Avp;
    }
}
