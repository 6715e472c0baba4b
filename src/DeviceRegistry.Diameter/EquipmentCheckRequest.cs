using System.Buffers;
using System.Text.Unicode;

namespace DeviceRegistry.Diameter;

/// <summary>ME-Identity-Check-Request as it lies in its message (TS 29.272 §7.2.19). Read in one pass; the first thing
/// that is wrong is told.</summary>
/// <remarks>Liberal where peers differ and nothing is lost: AVPs in any order, M unset on known ones, whatever
/// Vendor-Specific-Application-Id says (the head of the message counts), no User-Name, no Software-Version.
/// Terminal-Information without IMEI is a network that knows no identity, which is no protocol error: the grammar has
/// it in brackets.</remarks>
public ref struct EquipmentCheckRequest
{
    /// <summary>Characters of an identity that is no IMEI, at most.</summary>
    public const int EquipmentMax = 64;

    /// <summary>Digits of an IMSI, at most (TS 23.003 §2.2).</summary>
    public const int ImsiMax = 15;

    // Characters of a text identity that are looked at in a message: UTF-8 has up to four bytes for each.
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

    /// <summary>Session-Id, to be echoed first.</summary>
    public ReadOnlySpan<byte> SessionId { get; private set; }

    /// <summary>Who asked first, an MME behind an agent perhaps.</summary>
    public ReadOnlySpan<byte> OriginHost { get; private set; }

    /// <summary>Whom it is for; empty: whoever serves the realm.</summary>
    public ReadOnlySpan<byte> DestinationHost { get; private set; }

    /// <summary>Realm it is for.</summary>
    public ReadOnlySpan<byte> DestinationRealm { get; private set; }

    /// <summary>It says which application it is of, so the answer does.</summary>
    public readonly bool NamesApplication => (_seen & Seen.Application) != 0;

    /// <summary>Agents left their marks, to be echoed.</summary>
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

    /// <summary>Writes the identity as text, 14 digits with a Software-Version of two as the 16 of an IMEISV, where
    /// there is room for <see cref="EquipmentMax"/> characters, and gives their number. None at all is the empty text.
    /// -1: no text that can be one (empty, not UTF-8, over 64 characters, unprintable), with the fault to
    /// answer.</summary>
    public readonly int Equipment(scoped Span<char> room, out RequestError fault)
    {
        fault = default;
        if ((_seen & Seen.Imei) is 0) return 0;

        // An identity is judged by whoever decides; here only whether it is a text.
        if (_imei.Data.Length is 0 or > EquipmentBytesMax
            || Utf8.ToUtf16(_imei.Data, room[..EquipmentMax], out _, out var chars,
            replaceInvalidSequences: false) is not OperationStatus.Done
            || !IsPrintable(room[..chars]))
        {
            fault = RequestError.Of(ResultCode.InvalidAvpValue, _imei, AvpCode.TerminalInformation);
            return -1;
        }

        if (chars is not ImeiDigits || _softwareVersion.Length is not SoftwareVersionDigits || !IsDigits(_imei.Data)
            || !IsDigits(_softwareVersion)) return chars;

        (room[chars], room[chars + 1]) = ((char)_softwareVersion[0], (char)_softwareVersion[1]);
        return chars + SoftwareVersionDigits;
    }

    /// <summary>Writes the subscriber's digits where there is room for <see cref="ImsiMax"/> characters, and gives
    /// their number. 0: none were sent, or something that is no IMSI, and the answer goes by the equipment
    /// alone.</summary>
    public readonly int Imsi(scoped Span<char> room)
    {
        if (_userName.Length is < ImsiMin or > ImsiMax || !IsDigits(_userName)) return 0;

        for (var i = 0; i < _userName.Length; i++) room[i] = (char)_userName[i];
        return _userName.Length;
    }

    private bool Take(scoped in Avp avp, out RequestError fault)
    {
        switch (avp.Code)
        {
            case AvpCode.SessionId:
                SessionId = avp.Data;
                return Once(Seen.SessionId, avp, out fault);
            case AvpCode.AuthSessionState when avp.Data.Length is 4 && avp.Number > 1:
                fault = RequestError.Of(ResultCode.InvalidAvpValue, avp);
                return false;
            case AvpCode.AuthSessionState:
                return Once(Seen.AuthSessionState, avp, out fault);
            case AvpCode.OriginHost:
                OriginHost = avp.Data;
                return Once(Seen.OriginHost, avp, out fault);
            case AvpCode.OriginRealm:
                return Once(Seen.OriginRealm, avp, out fault);
            case AvpCode.DestinationRealm:
                DestinationRealm = avp.Data;
                return Once(Seen.DestinationRealm, avp, out fault);
            case AvpCode.DestinationHost:
                DestinationHost = avp.Data;
                return Once(Seen.DestinationHost, avp, out fault);
            case AvpCode.UserName:
                _userName = avp.Data;
                return Once(Seen.UserName, avp, out fault);
            case AvpCode.VendorSpecificApplicationId:
                return Once(Seen.Application, avp, out fault);
            case AvpCode.TerminalInformation:
                return Once(Seen.TerminalInformation, avp, out fault) && TakeTerminal(avp.Data, out fault);
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
            var good = avp.Code switch
            {
                AvpCode.Imei => Once(Seen.Imei, avp, out fault, AvpCode.TerminalInformation),
                AvpCode.SoftwareVersion => Once(Seen.SoftwareVersion, avp, out fault, AvpCode.TerminalInformation),
                _ => AvpRules.TakeOther(avp, AvpCode.TerminalInformation, out fault),
            };
            if (!good) return false;

            if (avp.Code is AvpCode.Imei) _imei = avp;
            else if (avp.Code is AvpCode.SoftwareVersion) _softwareVersion = avp.Data;
        }

        fault = read is AvpRead.Malformed ? RequestError.BadLength(avp.Code, AvpCode.TerminalInformation) : default;
        return read is AvpRead.End;
    }

    private bool Once(Seen what, scoped in Avp avp, out RequestError fault, AvpCode within = default)
    {
        fault = !AvpCatalogue.Fits(avp.Code, avp.Data.Length) ? RequestError.BadLength(avp.Code, within)
            : (_seen & what) != 0 ? RequestError.Of(ResultCode.AvpOccursTooManyTimes, avp, within)
            : default;
        _seen |= what;
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
