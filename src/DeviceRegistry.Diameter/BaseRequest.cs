namespace DeviceRegistry.Diameter;

/// <summary>What peers say of themselves: CER, DWR or DPR (RFC 6733 §5.3 to §5.5), as it lies in its message.</summary>
public ref struct BaseRequest
{
    private ReadOnlySpan<byte> _avps;

    /// <summary>Who says it.</summary>
    public ReadOnlySpan<byte> OriginHost { get; private set; }

    /// <summary>Of which realm.</summary>
    public ReadOnlySpan<byte> OriginRealm { get; private set; }

    /// <summary>Reads the AVPs of a request of this command. One that lacks what its grammar asks for is not believed:
    /// peers that answer such a CER with 2001 find out later.</summary>
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

    /// <summary>Whether a CER advertises an application, or takes all as a relay does. They are found at the top and
    /// inside every Vendor-Specific-Application-Id, the last one too.</summary>
    public readonly bool Offers(uint application) => Offers(_avps, application, deeper: true);

    private static bool Offers(ReadOnlySpan<byte> avps, uint application, bool deeper)
    {
        var reader = new AvpReader(avps);
        while (reader.Read(out var avp) is AvpRead.Avp)
        {
            var found = avp.Code switch
            {
                AvpCode.AuthApplicationId or AvpCode.AcctApplicationId =>
                    avp.Data.Length is 4 && (avp.Number == application || avp.Number is DiameterApplication.Relay),
                AvpCode.VendorSpecificApplicationId => deeper && Offers(avp.Data, application, deeper: false),
                _ => false,
            };
            if (found) return true;
        }

        return false;
    }
}

/// <summary>What holds of every AVP that a request is not read for.</summary>
internal static class AvpRules
{
    /// <summary>Unknown and mandatory is refused; known, its length must fit. Everything else is passed over.</summary>
    public static bool TakeOther(scoped in Avp avp, AvpCode within, out RequestError fault)
    {
        fault = AvpCatalogue.TypeOf(avp.Code) is AvpType.Unknown
            ? avp.IsMandatory ? RequestError.Of(ResultCode.AvpUnsupported, avp, within) : default
            : AvpCatalogue.Fits(avp.Code, avp.Data.Length) ? default : RequestError.BadLength(avp.Code, within);
        return fault.Code is ResultCode.None;
    }
}
