namespace DeviceRegistry.Diameter;

/// <summary>Error of a request, and the AVP that caused it: the contents of Failed-AVP (RFC 6733 §7.5).</summary>
/// <remarks>A received AVP is echoed unchanged. A missing AVP, or one of invalid length, is represented by an example:
/// its header with the shortest data of its type, all zeros. An AVP inside Terminal-Information is shown inside that
/// group.</remarks>
public readonly ref struct RequestError
{
    private RequestError(ResultCode code, AvpCode failed, ReadOnlySpan<byte> whole, AvpCode within)
    {
        (Code, Failed, Within) = (code, failed, within);
        Whole = whole;
    }

    /// <summary>The result code; <see cref="ResultCode.None"/>: no error.</summary>
    public ResultCode Code { get; }

    /// <summary>The AVP; default: the error concerns no AVP.</summary>
    public AvpCode Failed { get; }

    /// <summary>The AVP as received; empty: show an example.</summary>
    public ReadOnlySpan<byte> Whole { get; }

    /// <summary>The group that contains the AVP; default: none.</summary>
    public AvpCode Within { get; }

    /// <summary>An error that concerns no AVP.</summary>
    public static RequestError Of(ResultCode code) => new(code, default, [], default);

    /// <summary>A required AVP is missing.</summary>
    public static RequestError Missing(AvpCode code) => new(ResultCode.MissingAvp, code, [], default);

    /// <summary>An AVP has an invalid length.</summary>
    public static RequestError BadLength(AvpCode code, AvpCode within = default) =>
        new(ResultCode.InvalidAvpLength, code, [], within);

    /// <summary>An AVP is invalid for another reason.</summary>
    public static RequestError Of(ResultCode code, scoped in Avp avp, AvpCode within = default) =>
        new(code, avp.Code, avp.Whole, within);
}
