namespace DeviceRegistry.Diameter;

/// <summary>CER, DWR or DPR (RFC 6733 §5.3 to §5.5), as a view of the message bytes.</summary>
public ref struct BaseRequest
{
    private ReadOnlySpan<byte> _avps;

    public ReadOnlySpan<byte> OriginHost { get; private set; }

    public ReadOnlySpan<byte> OriginRealm { get; private set; }

    /// <summary>Reads the AVPs of a request of this command. Rejects a request without the AVPs that its grammar
    /// requires: a peer whose incomplete CER gets 2001 would notice the error too late.</summary>
    public static bool TryRead(uint command, ReadOnlySpan<byte> avps, out BaseRequest request, out RequestError fault)
    {
        request = new BaseRequest { _avps = avps };
        fault = default;
        bool address = false, vendor = false, product = false, cause = false;
        var reader = new AvpReader(avps);
        AvpRead read;
        Avp avp;
        while ((read = reader.Read(out avp)) is AvpRead.Avp)
        {
            if (!AvpRules.TakeOther(avp, default, out fault)) return false;

            switch (avp.Code)
            {
                case AvpCode.OriginHost or AvpCode.OriginRealm when avp.Data.IsEmpty:
                    fault = RequestError.Of(ResultCode.InvalidAvpValue, avp);
                    return false;
                case AvpCode.OriginHost when !request.OriginHost.IsEmpty:
                case AvpCode.OriginRealm when !request.OriginRealm.IsEmpty:
                    fault = RequestError.Of(ResultCode.AvpOccursTooManyTimes, avp);
                    return false;
                case AvpCode.OriginHost:
                    request.OriginHost = avp.Data;
                    break;
                case AvpCode.OriginRealm:
                    request.OriginRealm = avp.Data;
                    break;
                default:
                    address |= avp.Code is AvpCode.HostIpAddress;
                    vendor |= avp.Code is AvpCode.VendorId;
                    product |= avp.Code is AvpCode.ProductName;
                    cause |= avp.Code is AvpCode.DisconnectCause;
                    break;
            }
        }

        fault = read is AvpRead.Malformed ? RequestError.BadLength(avp.Code)
            : request.OriginHost.IsEmpty ? RequestError.Missing(AvpCode.OriginHost)
            : request.OriginRealm.IsEmpty ? RequestError.Missing(AvpCode.OriginRealm)
            : command is Command.CapabilitiesExchange && !address ? RequestError.Missing(AvpCode.HostIpAddress)
            : command is Command.CapabilitiesExchange && !vendor ? RequestError.Missing(AvpCode.VendorId)
            : command is Command.CapabilitiesExchange && !product ? RequestError.Missing(AvpCode.ProductName)
            : command is Command.DisconnectPeer && !cause ? RequestError.Missing(AvpCode.DisconnectCause)
            : default;
        return fault.Code is ResultCode.None;
    }

    /// <summary>Whether a CER advertises an application, or the relay application. Searches the top level and every
    /// Vendor-Specific-Application-Id, including the last one.</summary>
    public readonly bool Offers(uint application) => Offers(_avps, application, nested: true);

    private static bool Offers(ReadOnlySpan<byte> avps, uint application, bool nested)
    {
        var reader = new AvpReader(avps);
        while (reader.Read(out var avp) is AvpRead.Avp)
        {
            var found = avp.Code switch
            {
                AvpCode.AuthApplicationId or AvpCode.AcctApplicationId =>
                    avp.Data.Length is 4 && (avp.Number == application || avp.Number is DiameterApplication.Relay),
                AvpCode.VendorSpecificApplicationId => nested && Offers(avp.Data, application, nested: false),
                _ => false,
            };
            if (found) return true;
        }

        return false;
    }
}

/// <summary>Rules for AVPs that the request does not use.</summary>
internal static class AvpRules
{
    /// <summary>Rejects an unknown AVP with the M bit, and a known AVP of invalid length. Ignores all other
    /// AVPs.</summary>
    public static bool TakeOther(scoped in Avp avp, AvpCode within, out RequestError fault)
    {
        fault = AvpCatalogue.TypeOf(avp.Code) is AvpType.Unknown
            ? avp.IsMandatory ? RequestError.Of(ResultCode.AvpUnsupported, avp, within) : default
            : AvpCatalogue.Fits(avp.Code, avp.Data.Length) ? default : RequestError.BadLength(avp.Code, within);
        return fault.Code is ResultCode.None;
    }
}
