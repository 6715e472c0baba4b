using DeviceRegistry.Core;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using RpcStatus = Google.Rpc.Status;

namespace DeviceRegistry.Contracts;

/// <summary>The only conversion between errors and gRPC status. Details are a google.rpc.Status in the trailer
/// grpc-status-details-bin.</summary>
public static class StatusMapping
{
    public const string Domain = "deviceregistry.v1";

    /// <summary>Largest message sent; a longer one is truncated, so that no peer's input fills a trailer.</summary>
    private const int MessageMax = 512;

    /// <summary>The stable reason code of an error: its name in upper snake case, such as REFERENCE_REUSED.</summary>
    public static string CodeOf(RegistryError error) => UpperSnake(error.ToString());

    public static string UpperSnake(string name) =>
        string.Concat(name.Select((c, i) => i > 0 && char.IsUpper(c) ? $"_{c}" : char.ToUpperInvariant(c).ToString()));

    /// <summary>The status of a caller's error.</summary>
    public static RpcException ToRpc(RegistryException fault)
    {
        var message = Cut(fault.Message);
        var code = StatusOf(fault.Error);
        var details = new RpcStatus { Code = (int)code, Message = message };
        details.Details.Add(Any.Pack(new ErrorInfo { Reason = CodeOf(fault.Error), Domain = Domain }));
        if (fault.Field.Length > 0)
        {
            var violation = new BadRequest.Types.FieldViolation
            {
                Field = fault.Field,
                Description = Cut($"expected {fault.Expected}")
            };
            details.Details.Add(Any.Pack(new BadRequest { FieldViolations = { violation } }));
        }

        if (fault.RetryAfter is { } after) details.Details.Add(
            Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(after) }));
        return details.ToRpcException();
    }

    /// <summary>Error of a request whose bytes are not a valid message.</summary>
    public static RegistryException MalformedRequest() =>
        new(RegistryError.FieldInvalid, "The bytes of the request are no message of this method. Nothing was changed.",
            "request", "a message as the contract has it");

    /// <summary>Retry delay in a status, 0 to 1 day; null if it has none or another.</summary>
    public static TimeSpan? RetryAfterOf(RpcException refusal) =>
        // The delay is untrusted: ToTimeSpan throws on one that is not normalized.
        Details<RetryInfo>(refusal).FirstOrDefault()?.RetryDelay is
        { Seconds: >= 0 and <= 86_400, Nanos: >= 0 and < 1_000_000_000 } delay ? delay.ToTimeSpan() : null;

    /// <summary>Reason code in a status, or empty.</summary>
    public static string ReasonOf(RpcException refusal) => Details<ErrorInfo>(refusal).FirstOrDefault()?.Reason ?? "";

    /// <summary>Invalid fields in a status, with the expected values.</summary>
    public static IReadOnlyList<BadRequest.Types.FieldViolation> FieldsOf(RpcException refusal) =>
        [.. Details<BadRequest>(refusal).SelectMany(d => d.FieldViolations)];

    private static StatusCode StatusOf(RegistryError error) => error switch
    {
        RegistryError.FieldInvalid or RegistryError.FileInvalid or RegistryError.BatchHasInvalidLines
            or RegistryError.ChecksumMismatch
            or RegistryError.UnitCountMismatch => StatusCode.InvalidArgument,
        RegistryError.ReferenceReused or RegistryError.KeyInUse or RegistryError.ChunkConflict
        or RegistryError.SegmentConflict => StatusCode.AlreadyExists,
        RegistryError.NotFound => StatusCode.NotFound,
        RegistryError.CertMissing or RegistryError.CertUntrusted or RegistryError.CertExpired
        or RegistryError.CertRevoked
            or RegistryError.CertNotRegistered => StatusCode.Unauthenticated,
        RegistryError.NotAllowed => StatusCode.PermissionDenied,
        RegistryError.TooManyUploads or RegistryError.TooManyDownloads or RegistryError.VerificationInProgress
        or RegistryError.NodeBusy => StatusCode.ResourceExhausted,
        RegistryError.NodeDraining => StatusCode.Unavailable,
        _ => StatusCode.FailedPrecondition,
    };

    // The trailer is untrusted: details that cannot be parsed are ignored.
    private static List<T> Details<T>(RpcException refusal)
        where T : class, IMessage<T>, new()
    {
        if (refusal.Trailers.GetRpcStatus(ignoreParseError: true) is not { } status) return [];

        try
        {
            return [.. status.Details.Where(any => any.Is(new T().Descriptor)).Select(any => any.Unpack<T>())];
        }
        catch (InvalidProtocolBufferException)
        {
            return [];
        }
    }

    // Never truncates between the halves of a surrogate pair.
    private static string Cut(string text)
    {
        if (text.Length <= MessageMax) return text;

        var end = char.IsHighSurrogate(text[MessageMax - 2]) ? MessageMax - 2 : MessageMax - 1;
        return text[..end] + "…";
    }
}
