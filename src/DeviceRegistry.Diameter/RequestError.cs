namespace DeviceRegistry.Diameter;

/// <summary>What is wrong with a request, and which AVP says so: the contents of Failed-AVP (RFC 6733 §7.5).</summary>
/// <remarks>An AVP that is there is shown as it came. One that is missing, or whose length cannot be, is shown by an
/// example: its head with the shortest data of its type, all zeros. One inside Terminal-Information is shown inside
/// it.</remarks>
public readonly ref struct RequestError
{
    private RequestError(ResultCode code, AvpCode failed, ReadOnlySpan<byte> whole, AvpCode within)
    {
        (Code, Failed, Within) = (code, failed, within);
        Whole = whole;
    }

    /// <summary>What is wrong; <see cref="ResultCode.None"/>: nothing.</summary>
    public ResultCode Code { get; }

    /// <summary>The AVP; default: it is no AVP's fault.</summary>
    public AvpCode Failed { get; }

    /// <summary>The AVP as it came; empty: an example of it is to be shown.</summary>
    public ReadOnlySpan<byte> Whole { get; }

    /// <summary>The group it is in; default: none.</summary>
    public AvpCode Within { get; }

    /// <summary>A fault of no AVP.</summary>
    public static RequestError Of(ResultCode code) => new(code, default, [], default);

    /// <summary>It lacks an AVP.</summary>
    public static RequestError Missing(AvpCode code) => new(ResultCode.MissingAvp, code, [], default);

    /// <summary>An AVP has a length that cannot be.</summary>
    public static RequestError BadLength(AvpCode code, AvpCode within = default) =>
        new(ResultCode.InvalidAvpLength, code, [], within);

    /// <summary>An AVP is wrong in another way.</summary>
    public static RequestError Of(ResultCode code, scoped in Avp avp, AvpCode within = default) =>
        new(code, avp.Code, avp.Whole, within);
}
