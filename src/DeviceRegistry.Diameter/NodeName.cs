using System.Net;
using System.Text;

namespace DeviceRegistry.Diameter;

/// <summary>Diameter identity of a node, and builder of every message it sends. Immutable; the AVPs at the end of each
/// answer are encoded once.</summary>
public sealed class NodeName
{
    private static readonly byte[] Product = "Device Registry"u8.ToArray();

    // Vendor-Specific-Application-Id of S13; an S13 answer contains it if the request did.
    private static readonly byte[] Application =
        Build((ref MessageWriter w) => WriteApplication(ref w, DiameterApplication.S13));
    private readonly byte[] _origin;
    private readonly uint _stateId;

    /// <summary>Takes Origin-Host, Origin-Realm, and a number that grows with each start of the process
    /// (Origin-State-Id, RFC 6733 §8.16).</summary>
    public NodeName(string host, string realm, uint stateId)
    {
        (Host, Realm) = (Encoding.ASCII.GetBytes(host), Encoding.ASCII.GetBytes(realm));
        _stateId = stateId;
        _origin = Build((ref MessageWriter w) =>
        {
            w.Write(AvpCode.OriginHost, Host);
            w.Write(AvpCode.OriginRealm, Realm);
        });
    }

    private delegate void WriteAvps(ref MessageWriter writer);

    /// <summary>Origin-Host.</summary>
    public byte[] Host { get; }

    /// <summary>Origin-Realm.</summary>
    public byte[] Realm { get; }

    /// <summary>Error of a request's destination; None: the request is for this node. Compares names
    /// case-insensitively, like host names.</summary>
    public ResultCode FaultOfDestination(ReadOnlySpan<byte> host, ReadOnlySpan<byte> realm) =>
        !Ascii.EqualsIgnoreCase(realm, Realm) ? ResultCode.RealmNotServed
        : !host.IsEmpty && !Ascii.EqualsIgnoreCase(host, Host) ? ResultCode.UnableToDeliver
        : ResultCode.None;

    /// <summary>ECA with a status: Result-Code 2001 and Equipment-Status.</summary>
    public int Status(
        Span<byte> into, in DiameterHeader header, in EquipmentCheckRequest request, ReadOnlySpan<byte> avps,
        EquipmentStatus status)
    {
        var writer = BeginCheck(into, header, request);
        writer.Write(AvpCode.ResultCode, (uint)ResultCode.Success);
        writer.Write(AvpCode.AuthSessionState, 1);
        writer.WriteWhole(_origin);
        writer.Write(AvpCode.EquipmentStatus, (uint)status);
        return EndCheck(writer, request, avps);
    }

    /// <summary>ECA for unknown equipment: Experimental-Result 5422, neither Result-Code nor Equipment-Status, E bit
    /// clear (TS 29.272 §7.4.3).</summary>
    public int Unknown(
        Span<byte> into, in DiameterHeader header, in EquipmentCheckRequest request, ReadOnlySpan<byte> avps)
    {
        var writer = BeginCheck(into, header, request);
        var result = writer.Open(AvpCode.ExperimentalResult);
        writer.Write(AvpCode.VendorId, Vendor.ThreeGpp);
        writer.Write(AvpCode.ExperimentalResultCode, ExperimentalResult.EquipmentUnknown);
        writer.Close(result);
        writer.Write(AvpCode.AuthSessionState, 1);
        writer.WriteWhole(_origin);
        return EndCheck(writer, request, avps);
    }

    /// <summary>Error answer: Session-Id if the request had one, result code, own identity, Error-Message, Failed-AVP
    /// and Proxy-Info (RFC 6733 §7.2). For a truncated request it echoes the AVPs before the truncation. A CEA without
    /// the E bit must contain all AVPs of a CEA (§7.1.5), which is why it needs the local address.</summary>
    public int Refuse(
        Span<byte> into, in DiameterHeader header, ReadOnlySpan<byte> avps, in RequestError fault,
        ReadOnlySpan<byte> words = default, IPAddress? local = null)
    {
        var writer = MessageWriter.Answer(into, header, fault.Code);
        EchoFirst(ref writer, avps, AvpCode.SessionId);
        writer.Write(AvpCode.ResultCode, (uint)fault.Code);
        if (header.Application is DiameterApplication.S13
            && (uint)fault.Code / 1000 is not 3) writer.Write(AvpCode.AuthSessionState, 1);
        writer.WriteWhole(_origin);
        if (local is not null && (uint)fault.Code / 1000 is not 3) WriteSelf(ref writer, local);
        if (!words.IsEmpty) writer.Write(AvpCode.ErrorMessage, words);
        writer.WriteFailed(fault);
        EchoProxies(ref writer, avps);
        return writer.End();
    }

    /// <summary>CEA 2001: own identity, local address, S13, and the additional applications that this peer requires.
    /// Never the relay application.</summary>
    public int Capabilities(
        Span<byte> into, in DiameterHeader header, IPAddress local, IReadOnlyList<uint> alsoAdvertised)
    {
        var writer = MessageWriter.Answer(into, header, ResultCode.Success);
        writer.Write(AvpCode.ResultCode, (uint)ResultCode.Success);
        writer.WriteWhole(_origin);
        WriteSelf(ref writer, local);
        writer.Write(AvpCode.OriginStateId, _stateId);
        writer.Write(AvpCode.SupportedVendorId, Vendor.ThreeGpp);
        writer.Write(AvpCode.InbandSecurityId, 0);
        WriteApplication(ref writer, DiameterApplication.S13);
        foreach (var application in alsoAdvertised) WriteApplication(ref writer, application);
        return writer.End();
    }

    /// <summary>DWA or DPA 2001.</summary>
    public int Agree(Span<byte> into, in DiameterHeader header)
    {
        var writer = MessageWriter.Answer(into, header, ResultCode.Success);
        writer.Write(AvpCode.ResultCode, (uint)ResultCode.Success);
        writer.WriteWhole(_origin);
        if (header.Command is Command.DeviceWatchdog) writer.Write(AvpCode.OriginStateId, _stateId);
        return writer.End();
    }

    /// <summary>DWR.</summary>
    public int Watchdog(Span<byte> into, uint number)
    {
        var writer = MessageWriter.Request(into, Command.DeviceWatchdog, DiameterApplication.Common, CommandFlags.None,
            number, number);
        writer.WriteWhole(_origin);
        writer.Write(AvpCode.OriginStateId, _stateId);
        return writer.End();
    }

    /// <summary>DPR.</summary>
    public int Disconnect(Span<byte> into, uint number, DisconnectCause cause)
    {
        var writer = MessageWriter.Request(into, Command.DisconnectPeer, DiameterApplication.Common, CommandFlags.None,
            number, number);
        writer.WriteWhole(_origin);
        writer.Write(AvpCode.DisconnectCause, (uint)cause);
        return writer.End();
    }

    private static MessageWriter BeginCheck(Span<byte> into, in DiameterHeader header, in EquipmentCheckRequest request)
    {
        var writer = MessageWriter.Answer(into, header, ResultCode.Success);
        writer.Write(AvpCode.SessionId, request.SessionId);
        if (request.NamesApplication) writer.WriteWhole(Application);
        return writer;
    }

    private static int EndCheck(MessageWriter writer, in EquipmentCheckRequest request, ReadOnlySpan<byte> avps)
    {
        if (request.HasProxyInfo) EchoProxies(ref writer, avps);
        return writer.End();
    }

    private static void EchoFirst(ref MessageWriter writer, ReadOnlySpan<byte> avps, AvpCode code)
    {
        var reader = new AvpReader(avps);
        while (reader.Read(out var avp) is AvpRead.Avp)
        {
            if (avp.Code != code) continue;

            writer.Write(code, avp.Data);
            return;
        }
    }

    // Unchanged and in order, because agents route the answer by them (RFC 6733 §6.2).
    private static void EchoProxies(ref MessageWriter writer, ReadOnlySpan<byte> avps)
    {
        var reader = new AvpReader(avps);
        while (reader.Read(out var avp) is AvpRead.Avp)
            if (avp.Code is AvpCode.ProxyInfo) writer.WriteWhole(avp.Whole);
    }

    private static void WriteApplication(ref MessageWriter writer, uint application)
    {
        var group = writer.Open(AvpCode.VendorSpecificApplicationId);
        writer.Write(AvpCode.VendorId, Vendor.ThreeGpp);
        writer.Write(AvpCode.AuthApplicationId, application);
        writer.Close(group);
    }

    private static void WriteSelf(ref MessageWriter writer, IPAddress local)
    {
        WriteAddress(ref writer, local);
        writer.Write(AvpCode.VendorId, 0);
        writer.Write(AvpCode.ProductName, Product);
    }

    // Family 1 or 2, then the address (RFC 6733 §4.3.1).
    private static void WriteAddress(ref MessageWriter writer, IPAddress address)
    {
        Span<byte> data = stackalloc byte[2 + 16];
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        plain.TryWriteBytes(data[2..], out var bytes);
        (data[0], data[1]) = (0, (byte)(bytes is 4 ? 1 : 2));
        writer.Write(AvpCode.HostIpAddress, data[..(2 + bytes)]);
    }

    private static byte[] Build(WriteAvps write)
    {
        var buffer = new byte[DiameterHeader.Size + 1024];
        var writer = MessageWriter.Request(buffer, 0, 0, CommandFlags.None, 0, 0);
        write(ref writer);
        return buffer[DiameterHeader.Size..writer.End()];
    }
}
