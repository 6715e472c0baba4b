using System.Buffers;
using System.Text.Unicode;

namespace DeviceRegistry.Diameter;

/// <summary>ME-Identity-Check-Request (TS 29.272 §7.2.19), as a view of the message bytes. Read in one pass, which ends
/// at the first error.</summary>
/// <remarks>Accepts variations between peers that lose no information: AVPs in any order, known AVPs without M bit, any
/// Vendor-Specific-Application-Id (the message header decides), no User-Name, no Software-Version. Terminal-Information
/// without IMEI means that the network does not know the identity. That is not a protocol error: the grammar has the
/// IMEI in brackets.</remarks>
public ref struct EquipmentCheckRequest
{
    /// <summary>Largest number of characters of an identity that is not an IMEI.</summary>
    public const int EquipmentMax = 64;

    /// <summary>Largest number of digits of an IMSI (TS 23.003 §2.2).</summary>
    public const int ImsiMax = 15;

    // Largest number of bytes of a text identity: UTF-8 has up to four bytes per character.
    private const int EquipmentBytesMax = 4 * EquipmentMax;
    private const int ImeiDigits = 14;
    private const int SoftwareVersionDigits = 2;
    private const int ImsiMin = 5;

    private Avp _imei;
    private ReadOnlySpan<byte> _softwareVersion;
    private ReadOnlySpan<byte> _userName;
    private Seen _seen;

    [Flags]
    private enum Seen
    {
        None = 0,
        SessionId = 1,
        AuthSessionState = 2,
        OriginHost = 4,
        OriginRealm = 8,
        DestinationRealm = 16,
        TerminalInformation = 32,
        Required = 63,
        DestinationHost = 64,
        UserName = 128,
        Application = 256,
        Imei = 512,
        SoftwareVersion = 1024,
        ProxyInfo = 2048,
    }

    /// <summary>Session-Id, echoed first in the answer.</summary>
    public ReadOnlySpan<byte> SessionId { get; private set; }

    /// <summary>Originator of the request, possibly an MME behind an agent.</summary>
    public ReadOnlySpan<byte> OriginHost { get; private set; }

    /// <summary>Destination host; empty: any node that serves the realm.</summary>
    public ReadOnlySpan<byte> DestinationHost { get; private set; }

    /// <summary>Destination realm.</summary>
    public ReadOnlySpan<byte> DestinationRealm { get; private set; }

    /// <summary>Whether the request contains Vendor-Specific-Application-Id; the answer then contains it too.</summary>
    public readonly bool NamesApplication => (_seen & Seen.Application) != 0;

    /// <summary>Whether the request contains Proxy-Info, which the answer echoes.</summary>
    public readonly bool HasProxyInfo => (_seen & Seen.ProxyInfo) != 0;

    /// <summary>Reads the AVPs of a request.</summary>
    public static bool TryRead(ReadOnlySpan<byte> avps, out EquipmentCheckRequest request, out RequestError fault)
    {
        request = default;
        fault = default;
        var reader = new AvpReader(avps);
        AvpRead read;
        Avp avp;
        while ((read = reader.Read(out avp)) is AvpRead.Avp)
            if (!request.Take(avp, out fault)) return false;

        fault = read is AvpRead.Malformed ? RequestError.BadLength(avp.Code) : MissingOf(request._seen);
        return fault.Code is ResultCode.None;
    }

    /// <summary>Writes the identity as text to a buffer of at least <see cref="EquipmentMax"/> characters and returns
    /// its length. 14 digits with a Software-Version of two digits become an IMEISV of 16. Returns 0 without an
    /// identity, and -1 with the error to answer if the identity is not a valid text (empty, not UTF-8, over 64
    /// characters, control characters).</summary>
    public readonly int Equipment(scoped Span<char> buffer, out RequestError fault)
    {
        fault = default;
        if ((_seen & Seen.Imei) is 0) return 0;

        // The decision table validates the identity; this method only checks that it is a text.
        if (_imei.Data.Length is 0 or > EquipmentBytesMax
            || Utf8.ToUtf16(_imei.Data, buffer[..EquipmentMax], out _, out var chars,
            replaceInvalidSequences: false) is not OperationStatus.Done
            || !IsPrintable(buffer[..chars]))
        {
            fault = RequestError.Of(ResultCode.InvalidAvpValue, _imei, AvpCode.TerminalInformation);
            return -1;
        }

        if (chars is not ImeiDigits || _softwareVersion.Length is not SoftwareVersionDigits || !IsDigits(_imei.Data)
            || !IsDigits(_softwareVersion)) return chars;

        (buffer[chars], buffer[chars + 1]) = ((char)_softwareVersion[0], (char)_softwareVersion[1]);
        return chars + SoftwareVersionDigits;
    }

    /// <summary>Writes the subscriber's digits to a buffer of at least <see cref="ImsiMax"/> characters and returns
    /// their number. 0: no IMSI or an invalid one; the check then uses the equipment alone.</summary>
    public readonly int Imsi(scoped Span<char> buffer)
    {
        if (_userName.Length is < ImsiMin or > ImsiMax || !IsDigits(_userName)) return 0;

        for (var i = 0; i < _userName.Length; i++) buffer[i] = (char)_userName[i];
        return _userName.Length;
    }

    private bool Take(scoped in Avp avp, out RequestError fault)
    {
        switch (avp.Code)
        {
            case AvpCode.SessionId:
                SessionId = avp.Data;
                return MarkSeen(Seen.SessionId, avp, out fault);
            case AvpCode.AuthSessionState when avp.Data.Length is 4 && avp.Number > 1:
                fault = RequestError.Of(ResultCode.InvalidAvpValue, avp);
                return false;
            case AvpCode.AuthSessionState:
                return MarkSeen(Seen.AuthSessionState, avp, out fault);
            case AvpCode.OriginHost:
                OriginHost = avp.Data;
                return MarkSeen(Seen.OriginHost, avp, out fault);
            case AvpCode.OriginRealm:
                return MarkSeen(Seen.OriginRealm, avp, out fault);
            case AvpCode.DestinationRealm:
                DestinationRealm = avp.Data;
                return MarkSeen(Seen.DestinationRealm, avp, out fault);
            case AvpCode.DestinationHost:
                DestinationHost = avp.Data;
                return MarkSeen(Seen.DestinationHost, avp, out fault);
            case AvpCode.UserName:
                _userName = avp.Data;
                return MarkSeen(Seen.UserName, avp, out fault);
            case AvpCode.VendorSpecificApplicationId:
                return MarkSeen(Seen.Application, avp, out fault);
            case AvpCode.TerminalInformation:
                return MarkSeen(Seen.TerminalInformation, avp, out fault) && TakeTerminal(avp.Data, out fault);
            case AvpCode.ProxyInfo:
                _seen |= Seen.ProxyInfo;
                fault = default;
                return true;
            default:
                return AvpRules.TakeOther(avp, default, out fault);
        }
    }

    private bool TakeTerminal(ReadOnlySpan<byte> avps, out RequestError fault)
    {
        var reader = new AvpReader(avps);
        AvpRead read;
        Avp avp;
        while ((read = reader.Read(out avp)) is AvpRead.Avp)
        {
            var valid = avp.Code switch
            {
                AvpCode.Imei => MarkSeen(Seen.Imei, avp, out fault, AvpCode.TerminalInformation),
                AvpCode.SoftwareVersion => MarkSeen(Seen.SoftwareVersion, avp, out fault, AvpCode.TerminalInformation),
                _ => AvpRules.TakeOther(avp, AvpCode.TerminalInformation, out fault),
            };
            if (!valid) return false;

            if (avp.Code is AvpCode.Imei) _imei = avp;
            else if (avp.Code is AvpCode.SoftwareVersion) _softwareVersion = avp.Data;
        }

        fault = read is AvpRead.Malformed ? RequestError.BadLength(avp.Code, AvpCode.TerminalInformation) : default;
        return read is AvpRead.End;
    }

    private bool MarkSeen(Seen avpSeen, scoped in Avp avp, out RequestError fault, AvpCode within = default)
    {
        fault = !AvpCatalogue.Fits(avp.Code, avp.Data.Length) ? RequestError.BadLength(avp.Code, within)
            : (_seen & avpSeen) != 0 ? RequestError.Of(ResultCode.AvpOccursTooManyTimes, avp, within)
            : default;
        _seen |= avpSeen;
        return fault.Code is ResultCode.None;
    }

    private static RequestError MissingOf(Seen seen) =>
        (seen & Seen.Required) is Seen.Required ? default
        : RequestError.Missing(
            (seen & Seen.SessionId) is 0 ? AvpCode.SessionId
            : (seen & Seen.AuthSessionState) is 0 ? AvpCode.AuthSessionState
            : (seen & Seen.OriginHost) is 0 ? AvpCode.OriginHost
            : (seen & Seen.OriginRealm) is 0 ? AvpCode.OriginRealm
            : (seen & Seen.DestinationRealm) is 0 ? AvpCode.DestinationRealm
            : AvpCode.TerminalInformation);

    private static bool IsPrintable(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
            if (char.IsControl(c)) return false;
        return true;
    }

    private static bool IsDigits(ReadOnlySpan<byte> text) => text.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0;
}
