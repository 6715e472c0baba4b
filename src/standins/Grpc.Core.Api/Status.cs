namespace Grpc.Core;

/// <summary>How a call ended: a code, a text for a human, and on the client the exception that caused it.</summary>
public readonly struct Status
{
    /// <summary>The call went well.</summary>
    public static readonly Status DefaultSuccess = new(StatusCode.OK, "");

    /// <summary>The call was cancelled and nobody said more about it.</summary>
    public static readonly Status DefaultCancelled = new(StatusCode.Cancelled, "");

    private readonly string? _detail;

    /// <summary>A status as it travels: code and text.</summary>
    public Status(StatusCode statusCode, string detail) : this(statusCode, detail, null)
    {
    }

    /// <summary>A status with the local exception behind it. The exception never travels.</summary>
    public Status(StatusCode statusCode, string detail, Exception? debugException)
    {
        StatusCode = statusCode;
        _detail = detail;
        DebugException = debugException;
    }

    /// <summary>The kind of outcome.</summary>
    public StatusCode StatusCode { get; }

    /// <summary>The text beside the code; empty for <c>default</c>, never null.</summary>
    public string Detail => _detail ?? "";

    /// <summary>The local cause, if one is known. Not sent over the wire.</summary>
    public Exception? DebugException { get; }

    /// <inheritdoc />
    public override string ToString() => DebugException is null
        ? $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\")"
        : $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\", DebugException=\"{DebugException}\")";
}
