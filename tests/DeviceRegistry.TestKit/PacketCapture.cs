using System.Buffers.Binary;

namespace DeviceRegistry.TestKit;

/// <summary>The bytes of one connection as a pcap file of IPv4 and TCP without Ethernet, for a network analyser. Times
/// and checksums are not real; sequence numbers are correct.</summary>
public sealed class PacketCapture
{
    private const int RawIp = 101;
    private const int HeadersLength = 20 + 20;
    private const int SegmentMax = 60_000;
    private const ushort CallerPort = 40_000;
    private readonly Lock _lock = new();
    private readonly MemoryStream _file = new();
    private readonly ushort _port;
    private uint _fromCaller = 1;
    private uint _fromServer = 1;

    /// <summary>A capture of a server on this port.</summary>
    public PacketCapture(ushort port)
    {
        _port = port;
        Span<byte> head = stackalloc byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(head, 0xA1B2C3D4);
        BinaryPrimitives.WriteUInt16LittleEndian(head[4..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(head[6..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(head[16..], 65_535);
        BinaryPrimitives.WriteUInt32LittleEndian(head[20..], RawIp);
        _file.Write(head);
    }

    /// <summary>Records bytes that one side sent.</summary>
    public void Take(bool fromCaller, ReadOnlyMemory<byte> bytes)
    {
        lock (_lock)
            for (var rest = bytes; !rest.IsEmpty; rest = rest[Math.Min(SegmentMax, rest.Length)..]) Segment(fromCaller,
                rest.Span[..Math.Min(SegmentMax, rest.Length)]);
    }

    public void Save(string path)
    {
        lock (_lock) File.WriteAllBytes(path, _file.ToArray());
    }

    private void Segment(bool fromCaller, ReadOnlySpan<byte> payload)
    {
        Span<byte> record = stackalloc byte[16 + HeadersLength];
        var length = HeadersLength + payload.Length;
        BinaryPrimitives.WriteInt32LittleEndian(record[8..], length);
        BinaryPrimitives.WriteInt32LittleEndian(record[12..], length);

        // IPv4 (RFC 791): version and header length, total length, TTL, TCP, addresses.
        var ip = record[16..36];
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)length);
        (ip[8], ip[9]) = (64, 6);
        BinaryPrimitives.WriteUInt32BigEndian(ip[12..], fromCaller ? 0x0A000001u : 0x0A000002u);
        BinaryPrimitives.WriteUInt32BigEndian(ip[16..], fromCaller ? 0x0A000002u : 0x0A000001u);

        // TCP (RFC 9293): ports, sequence number, acknowledgement, header length, PSH and ACK, window.
        var tcp = record[36..];
        BinaryPrimitives.WriteUInt16BigEndian(tcp, fromCaller ? CallerPort : _port);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], fromCaller ? _port : CallerPort);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], fromCaller ? _fromCaller : _fromServer);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[8..], fromCaller ? _fromServer : _fromCaller);
        (tcp[12], tcp[13]) = (0x50, 0x18);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[14..], 65_535);
        _file.Write(record);
        _file.Write(payload);
        if (fromCaller) _fromCaller += (uint)payload.Length;
        else _fromServer += (uint)payload.Length;
    }
}
