using System.Buffers.Binary;
using System.Text;

namespace DeviceRegistry.TestKit;

/// <summary>One AVP as a value.</summary>
public sealed record DiameterAvp(uint Code, uint Vendor, bool Mandatory, byte[] Data)
{
    /// <summary>Vendor id of 3GPP.</summary>
    public const uint ThreeGpp = 10415;

    /// <summary>A text AVP of the base protocol or of 3GPP.</summary>
    public static DiameterAvp Text(uint code, string text, uint vendor = 0) =>
        new(code, vendor, true, Encoding.UTF8.GetBytes(text));

    /// <summary>An Unsigned32 AVP.</summary>
    public static DiameterAvp Number(uint code, uint number, uint vendor = 0)
    {
        var data = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(data, number);
        return new DiameterAvp(code, vendor, true, data);
    }

    /// <summary>A Grouped AVP.</summary>
    public static DiameterAvp Group(uint code, uint vendor, params IEnumerable<DiameterAvp> inner) =>
        new(code, vendor, true, [.. inner.SelectMany(a => a.ToBytes())]);

    public string AsText => Encoding.UTF8.GetString(Data);

    public uint AsNumber => BinaryPrimitives.ReadUInt32BigEndian(Data);

    public IReadOnlyList<DiameterAvp> Inner => DiameterMessage.AvpsOf(Data);

    /// <summary>Encodes the AVP, padded.</summary>
    public byte[] ToBytes()
    {
        var head = Vendor is 0 ? 8 : 12;
        var bytes = new byte[(head + Data.Length + 3) / 4 * 4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Code);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), (uint)(head + Data.Length));
        bytes[4] = (byte)((Vendor is 0 ? 0 : 0x80) | (Mandatory ? 0x40 : 0));
        if (Vendor is not 0) BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), Vendor);
        Data.CopyTo(bytes, head);
        return bytes;
    }
}

/// <summary>A Diameter message as a value: a simple reference implementation (RFC 6733 §3, §4), written independently
/// of the codec under test.</summary>
public sealed record DiameterMessage(byte Flags, uint Command, uint Application, uint HopByHop, uint EndToEnd,
    IReadOnlyList<DiameterAvp> Avps)
{
    private static int _numbers;

    /// <summary>An ME-Identity-Check-Request as an MME sends it, with R and P set. Every part can be replaced, or left
    /// out with null.</summary>
    public static DiameterMessage Ecr(string? imei, string? software = null, string? imsi = null,
        string? host = "mme1.opco-a.example", string realm = "opco-a.example", params IEnumerable<DiameterAvp> more)
    {
        var number = (uint)Interlocked.Increment(ref _numbers);
        var terminal = new List<DiameterAvp>();
        if (imei is not null) terminal.Add(DiameterAvp.Text(1402, imei, DiameterAvp.ThreeGpp));
        if (software is not null) terminal.Add(DiameterAvp.Text(1403, software, DiameterAvp.ThreeGpp));
        List<DiameterAvp> avps =
        [
            DiameterAvp.Text(263, $"{host};{number};1;s13"),
            DiameterAvp.Group(260, 0, DiameterAvp.Number(266, DiameterAvp.ThreeGpp), DiameterAvp.Number(258, 16777252)),
            DiameterAvp.Number(277, 1), DiameterAvp.Text(264, host!), DiameterAvp.Text(296, realm),
            DiameterAvp.Text(283, "opco-a.example"),
            DiameterAvp.Group(1401, DiameterAvp.ThreeGpp, terminal),
        ];
        if (imsi is not null) avps.Add(DiameterAvp.Text(1, imsi));
        return new DiameterMessage(0xC0, 324, 16777252, number, number * 7, [.. avps, .. more]);
    }

    /// <summary>A Capabilities-Exchange-Request that advertises these applications.</summary>
    public static DiameterMessage Cer(string host = "mme1.opco-a.example", string realm = "opco-a.example",
        params IEnumerable<uint> applications)
    {
        var number = (uint)Interlocked.Increment(ref _numbers);
        return new DiameterMessage(0x80, 257, 0, number, number,
        [
            DiameterAvp.Text(264, host), DiameterAvp.Text(296, realm), new(257, 0, true, [0, 1, 127, 0, 0, 1]),
            DiameterAvp.Number(266, 0), new(269, 0, false, "test"u8.ToArray()),
            .. applications.Select(a =>
                DiameterAvp.Group(260, 0, DiameterAvp.Number(266, DiameterAvp.ThreeGpp), DiameterAvp.Number(258, a))),
        ]);
    }

    /// <summary>A request with command code 280 (DWR) or 282 (DPR).</summary>
    public static DiameterMessage Base(uint command, string host = "mme1.opco-a.example",
        string realm = "opco-a.example")
    {
        var number = (uint)Interlocked.Increment(ref _numbers);
        var avps = new List<DiameterAvp> { DiameterAvp.Text(264, host), DiameterAvp.Text(296, realm) };
        if (command is 282) avps.Add(DiameterAvp.Number(273, 0));
        return new DiameterMessage(0x80, command, 0, number, number, avps);
    }

    /// <summary>The first AVP with this code and vendor; null if there is none.</summary>
    public DiameterAvp? this[uint code, uint vendor = 0] =>
        Avps.FirstOrDefault(a => a.Code == code && a.Vendor == vendor);

    /// <summary>Result-Code, or the Experimental-Result-Code.</summary>
    public uint Result => this[268]?.AsNumber ?? this[297]!.Inner.Single(a => a.Code is 298).AsNumber;

    /// <summary>Equipment-Status.</summary>
    public uint? Status => this[1445, DiameterAvp.ThreeGpp]?.AsNumber;

    /// <summary>A copy without this AVP.</summary>
    public DiameterMessage Without(uint code, uint vendor = 0) =>
        this with { Avps = [.. Avps.Where(a => a.Code != code || a.Vendor != vendor)] };

    /// <summary>A copy with more AVPs.</summary>
    public DiameterMessage With(params DiameterAvp[] more) => this with { Avps = [.. Avps, .. more] };

    /// <summary>Encodes the message.</summary>
    public byte[] ToBytes()
    {
        byte[] avps = [.. Avps.SelectMany(a => a.ToBytes())];
        var head = new byte[20];
        BinaryPrimitives.WriteUInt32BigEndian(head, 0x01000000 | (uint)(20 + avps.Length));
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(4), ((uint)Flags << 24) | Command);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(8), Application);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(12), HopByHop);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(16), EndToEnd);
        return [.. head, .. avps];
    }

    /// <summary>Decodes one whole message. Throws if the bytes are invalid.</summary>
    public static DiameterMessage Parse(byte[] bytes)
    {
        var first = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        if (first != (0x01000000 | (uint)bytes.Length)) throw new FormatException(
            $"version and length are {first:x8} of {bytes.Length} bytes");

        return new DiameterMessage(
            bytes[4], BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(4)) & 0xffffff,
            BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(8)),
            BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(12)),
            BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(16)), AvpsOf(bytes[20..]));
    }

    /// <summary>Decodes AVPs. Throws if the bytes are invalid.</summary>
    public static IReadOnlyList<DiameterAvp> AvpsOf(byte[] bytes)
    {
        var avps = new List<DiameterAvp>();
        for (var at = 0; at < bytes.Length;)
        {
            var second = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at + 4));
            var (flags, length) = (second >> 24, (int)(second & 0xffffff));
            var head = (flags & 0x80) is 0 ? 8 : 12;

            // Reserved bits must be zero, except in Proxy-Info, which is echoed unchanged.
            if (length < head || ((flags & 0x1f) is not 0
                && BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at)) is not 284)) throw new FormatException(
                $"AVP of length {length} and flags {flags:x2}");

            avps.Add(new DiameterAvp(
                BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at)), head is 8 ? 0
                : BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at + 8)), (flags & 0x40) is not 0,
                bytes[(at + head)..(at + length)]));
            var padded = (length + 3) / 4 * 4;
            if (bytes.AsSpan(at + length, padded - length)
                .ContainsAnyExcept((byte)0)) throw new FormatException("padding that is not zero");

            at += padded;
        }

        return avps;
    }
}
