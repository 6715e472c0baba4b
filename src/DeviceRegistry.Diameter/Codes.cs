namespace DeviceRegistry.Diameter;

/// <summary>Commands of this node (RFC 6733 §3.1, TS 29.272 §7.2).</summary>
public static class Command
{
    /// <summary>Capabilities exchange, application 0.</summary>
    public const uint CapabilitiesExchange = 257;

    /// <summary>Device watchdog, application 0.</summary>
    public const uint DeviceWatchdog = 280;

    /// <summary>Disconnect peer, application 0.</summary>
    public const uint DisconnectPeer = 282;

    /// <summary>ME identity check, application S13.</summary>
    public const uint EquipmentCheck = 324;
}

/// <summary>Application identifiers (RFC 6733 §2.4, TS 29.272 §7.1.8).</summary>
public static class DiameterApplication
{
    /// <summary>Common messages (base protocol).</summary>
    public const uint Common = 0;

    /// <summary>S13 and S13': the same application for an MME and an SGSN.</summary>
    public const uint S13 = 16777252;

    /// <summary>Relay: accepts every application. This node never advertises it, because it would receive the requests
    /// of every application.</summary>
    public const uint Relay = 0xffffffff;
}

/// <summary>Vendors of AVPs and applications (IANA enterprise numbers).</summary>
public static class Vendor
{
    /// <summary>3GPP.</summary>
    public const uint ThreeGpp = 10415;
}

/// <summary>Result-Code, RFC 6733 §7.1. 3xxx are protocol errors and the only ones with the E bit.</summary>
public enum ResultCode : uint
{
    /// <summary>No error; never sent.</summary>
    None = 0,
    Success = 2001,
    CommandUnsupported = 3001,
    UnableToDeliver = 3002,
    RealmNotServed = 3003,
    TooBusy = 3004,
    ApplicationUnsupported = 3007,
    InvalidHeaderBits = 3008,
    UnknownPeer = 3010,
    AvpUnsupported = 5001,
    InvalidAvpValue = 5004,
    MissingAvp = 5005,
    AvpOccursTooManyTimes = 5009,
    NoCommonApplication = 5010,
    UnsupportedVersion = 5011,
    UnableToComply = 5012,
    InvalidAvpLength = 5014,
    InvalidMessageLength = 5015,
}

/// <summary>Experimental-Result-Code of 3GPP, TS 29.272 §7.4.</summary>
public static class ExperimentalResult
{
    /// <summary>DIAMETER_ERROR_EQUIPMENT_UNKNOWN, §7.4.3.</summary>
    public const uint EquipmentUnknown = 5422;
}

/// <summary>Equipment-Status, TS 29.272 §7.3.51. Sent only with Result-Code 2001.</summary>
public enum EquipmentStatus : uint
{
    Whitelisted = 0,
    Blacklisted = 1,
    Greylisted = 2,
}

/// <summary>Disconnect-Cause, RFC 6733 §5.4.3.</summary>
public enum DisconnectCause : uint
{
    /// <summary>The node restarts; the peer may reconnect.</summary>
    Rebooting = 0,
    Busy = 1,
    DoNotWantToTalkToYou = 2,
}
