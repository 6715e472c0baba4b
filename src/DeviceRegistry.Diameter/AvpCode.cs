namespace DeviceRegistry.Diameter;

/// <summary>AVPs by vendor (upper 32 bits) and code (lower 32 bits): the same code of another vendor is another AVP
/// (RFC 6733 §4.1).</summary>
public enum AvpCode : ulong
{
    UserName = 1,
    Class = 25,
    SessionTimeout = 27,
    ProxyState = 33,
    AcctSessionId = 44,
    AcctMultiSessionId = 50,
    EventTimestamp = 55,
    AcctInterimInterval = 85,
    HostIpAddress = 257,
    AuthApplicationId = 258,
    AcctApplicationId = 259,
    VendorSpecificApplicationId = 260,
    RedirectHostUsage = 261,
    RedirectMaxCacheTime = 262,
    SessionId = 263,
    OriginHost = 264,
    SupportedVendorId = 265,
    VendorId = 266,
    FirmwareRevision = 267,
    ResultCode = 268,
    ProductName = 269,
    SessionBinding = 270,
    SessionServerFailover = 271,
    MultiRoundTimeOut = 272,
    DisconnectCause = 273,
    AuthRequestType = 274,
    AuthGracePeriod = 276,
    AuthSessionState = 277,
    OriginStateId = 278,
    FailedAvp = 279,
    ProxyHost = 280,
    ErrorMessage = 281,
    RouteRecord = 282,
    DestinationRealm = 283,
    ProxyInfo = 284,
    ReAuthRequestType = 285,
    AccountingSubSessionId = 287,
    AuthorizationLifetime = 291,
    RedirectHost = 292,
    DestinationHost = 293,
    ErrorReportingHost = 294,
    TerminationCause = 295,
    OriginRealm = 296,
    ExperimentalResult = 297,
    ExperimentalResultCode = 298,
    InbandSecurityId = 299,
    E2ESequence = 300,
    Drmp = 301,
    AccountingRecordType = 480,
    AccountingRealtimeRequired = 483,
    AccountingRecordNumber = 485,
    OcSupportedFeatures = 621,
    OcFeatureVector = 622,
    OcOlr = 623,
    SourceId = 649,
    Load = 650,
    SupportedFeatures = (10415UL << 32) | 628,
    FeatureListId = (10415UL << 32) | 629,
    FeatureList = (10415UL << 32) | 630,
    TerminalInformation = (10415UL << 32) | 1401,
    Imei = (10415UL << 32) | 1402,
    SoftwareVersion = (10415UL << 32) | 1403,
    EquipmentStatus = (10415UL << 32) | 1445,
    Meid = (10415UL << 32) | 1471,
}

/// <summary>Data format of an AVP (RFC 6733 §4.2, §4.3).</summary>
public enum AvpType : byte
{
    /// <summary>Not in our dictionary: an error if the M bit is set, otherwise ignored.</summary>
    Unknown,

    /// <summary>OctetString, UTF8String, DiameterIdentity, DiameterURI: any length.</summary>
    Text,

    /// <summary>Four bytes: numbers, enumerations, times.</summary>
    Number,

    /// <summary>Eight bytes.</summary>
    LongNumber,

    /// <summary>An address family of two bytes, then the address.</summary>
    Address,

    /// <summary>Contains AVPs.</summary>
    Grouped,
}

/// <summary>The AVP dictionary: all of RFC 6733 §4.5, so that no AVP of the base protocol is unknown, with routing
/// priority (RFC 7944), overload and load (RFC 7683, 8583), and the part of TS 29.272 that S13 uses.</summary>
public static class AvpCatalogue
{
    public static AvpType TypeOf(AvpCode code) => code switch
    {
        AvpCode.SessionId or AvpCode.OriginHost or AvpCode.OriginRealm or AvpCode.DestinationHost
            or AvpCode.DestinationRealm or AvpCode.UserName
            or AvpCode.Imei or AvpCode.SoftwareVersion or AvpCode.Meid or AvpCode.RouteRecord or AvpCode.ProxyHost
                or AvpCode.ProxyState or AvpCode.ProductName
            or AvpCode.ErrorMessage or AvpCode.ErrorReportingHost or AvpCode.Class or AvpCode.AcctSessionId
                or AvpCode.AcctMultiSessionId or AvpCode.RedirectHost
            or AvpCode.SourceId => AvpType.Text,
        AvpCode.TerminalInformation or AvpCode.VendorSpecificApplicationId or AvpCode.ProxyInfo or AvpCode.FailedAvp
            or AvpCode.ExperimentalResult
            or AvpCode.E2ESequence or AvpCode.SupportedFeatures or AvpCode.OcSupportedFeatures or AvpCode.OcOlr
            or AvpCode.Load => AvpType.Grouped,
        AvpCode.AuthSessionState or AvpCode.AuthApplicationId or AvpCode.AcctApplicationId or AvpCode.VendorId
            or AvpCode.SupportedVendorId or AvpCode.ResultCode
            or AvpCode.OriginStateId or AvpCode.ExperimentalResultCode or AvpCode.EquipmentStatus
                or AvpCode.DisconnectCause or AvpCode.InbandSecurityId
            or AvpCode.FirmwareRevision or AvpCode.SessionTimeout or AvpCode.EventTimestamp
                or AvpCode.AcctInterimInterval or AvpCode.RedirectHostUsage
            or AvpCode.RedirectMaxCacheTime or AvpCode.SessionBinding or AvpCode.SessionServerFailover
                or AvpCode.MultiRoundTimeOut or AvpCode.AuthRequestType
            or AvpCode.AuthGracePeriod or AvpCode.ReAuthRequestType or AvpCode.AuthorizationLifetime
                or AvpCode.TerminationCause or AvpCode.Drmp
            or AvpCode.AccountingRecordType or AvpCode.AccountingRealtimeRequired or AvpCode.AccountingRecordNumber
            or AvpCode.FeatureListId or AvpCode.FeatureList => AvpType.Number,
        AvpCode.AccountingSubSessionId or AvpCode.OcFeatureVector => AvpType.LongNumber,
        AvpCode.HostIpAddress => AvpType.Address,
        _ => AvpType.Unknown,
    };

    /// <summary>Flags of the AVP when sent: V if it has a vendor, M except for the few AVPs that a receiver may ignore
    /// (RFC 6733 §4.5).</summary>
    public static AvpFlags FlagsOf(AvpCode code) =>
        ((ulong)code >> 32 is 0 ? AvpFlags.None : AvpFlags.Vendor) | (code is AvpCode.ProductName
            or AvpCode.FirmwareRevision or AvpCode.ErrorMessage or AvpCode.ErrorReportingHost ? AvpFlags.None
            : AvpFlags.Mandatory);

    /// <summary>Length of the shortest valid data, in bytes.</summary>
    public static int ShortestOf(AvpCode code) => TypeOf(code) switch
    {
        AvpType.Number => 4,
        AvpType.LongNumber => 8,
        AvpType.Address => 6,
        _ => 0,
    };

    /// <summary>Whether the AVP may have data of this length.</summary>
    public static bool Fits(AvpCode code, int bytes) => TypeOf(code) switch
    {
        AvpType.Number => bytes is 4,
        AvpType.LongNumber => bytes is 8,
        AvpType.Address => bytes is >= 6,
        _ => true,
    };
}
