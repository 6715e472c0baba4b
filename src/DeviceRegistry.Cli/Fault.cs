using System.Security.Authentication;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts;
using Grpc.Core;

namespace DeviceRegistry.Cli;

/// <summary>An error for a tired reader: what failed, its stable code, the fields, and what to do next.</summary>
/// <param name="ExitCode">Exit code of the process.</param>
/// <param name="What">What failed, as a sentence.</param>
/// <param name="Reason">Stable code.</param>
/// <param name="Next">What to do next.</param>
internal sealed record Fault(int ExitCode, string What, string Reason, string Next)
{
    /// <summary>Exit code: the registry refused the call.</summary>
    public const int RefusedCode = 1;

    /// <summary>Exit code: usage error, or a file is missing.</summary>
    public const int UsageCode = 2;

    /// <summary>Exit code: the registry did not answer.</summary>
    public const int UnreachableCode = 3;

    private const int InterruptedCode = 130;
    private const string SafeAgain = "The same command again is safe: a write counts once under its reference.";

    /// <summary>Invalid fields, each with the expected value.</summary>
    public IReadOnlyList<(string Field, string Expected)> Fields { get; init; } = [];

    /// <summary>Lines to print before the fault, such as every invalid line of a file.</summary>
    public IReadOnlyList<string> Lines { get; init; } = [];

    /// <summary>Additional members of the fault's JSON.</summary>
    public JsonObject More { get; init; } = [];

    public static Fault Usage(string what, string next, string reason = "USAGE") => new(UsageCode, what, reason, next);

    /// <summary>The fault of a command interrupted by Ctrl-C.</summary>
    public static Fault Interrupted(string next) => new(InterruptedCode, "Interrupted.", "INTERRUPTED", next);

    /// <summary>Maps an exception to a fault. Returns null for an exception that only a bug of this program can
    /// cause.</summary>
    public static Fault? Of(Exception exception, string address, CancellationToken ct) => exception switch
    {
        CommandException own => own.Fault,
        _ when ct.IsCancellationRequested => Interrupted(SafeAgain),
        RpcException refusal => Of(refusal, address),
        IOException or UnauthorizedAccessException =>
            Usage(exception.Message, "Check the path and its permissions.", "FILE"),
        _ => null,
    };

    /// <summary>Maps a status other than OK to a fault.</summary>
    public static Fault Of(RpcException refusal, string address)
    {
        var cause = Innermost(refusal.Status.DebugException);
        if (cause is AuthenticationException)
            return new Fault(UnreachableCode,
                $"The server at {address} is not believed, or did not believe us: {cause.Message}", "TLS",
                "Check the address, and that --certs has the root of this registry; root.pem of another one does not " +
                "fit.");

        return refusal.StatusCode switch
        {
            StatusCode.Unavailable => new Fault(
                UnreachableCode,
                $"The registry at {address} cannot be reached: {cause?.Message ?? refusal.Status.Detail}",
                "UNAVAILABLE",
                $"Is it running? deploy/run.sh starts it. {SafeAgain}"),
            StatusCode.DeadlineExceeded =>
                new Fault(UnreachableCode, $"The registry at {address} did not answer in time.", "DEADLINE_EXCEEDED",
                $"It may have done it or not. {SafeAgain} --timeout gives it longer."),
            _ => Refused(refusal),
        };
    }

    private static Fault Refused(RpcException refusal)
    {
        var reason = StatusMapping.ReasonOf(refusal) is { Length: > 0 } code ? code
            : StatusMapping.UpperSnake(refusal.StatusCode.ToString());
        return new Fault(RefusedCode, refusal.Status.Detail, reason, NextAfter(reason))
        {
            Fields = [.. StatusMapping.FieldsOf(refusal).Select(f => (f.Field, f.Description))],
        };
    }

    private static string NextAfter(string reason) => reason switch
    {
        "REFERENCE_REUSED" => "Take a new --reference, or send exactly what was sent before to get its answer again.",
        "SECOND_PERSON_REQUIRED" => "Let another person do it; on a demonstration: --as NAME.",
        "WRONG_STATE" =>
            "Look where it stands: dreg batch show N, dreg device show IMEI, dreg order show N, dreg appeal show N, " +
            "dreg change list.",
        "NOT_FOUND" => "Check the number or name. What belongs to another party is not shown.",
        "NOT_ALLOWED" or "PERMISSION_DENIED" => "dreg whoami tells who you are; --as NAME takes another certificate.",
        "BATCH_HAS_INVALID_LINES" => "Mend the lines named above and send the file again under the same reference.",
        "FIELD_INVALID" or "FILE_INVALID" or "INVALID_ARGUMENT" => "Nothing was changed. Mend it and send it again.",
        "UNIT_COUNT_MISMATCH" =>
            "Is the file whole? Give its number of units with --units, or leave that out and it is counted. Then " +
            "send it again under the same reference.",
        "AUTHORIZATION_NOT_FOUND" or "AUTHORIZATION_NOT_IN_FORCE" =>
            "Ask the regulator, or name another with --authorization; dreg authorization list shows yours.",
        "QUOTA_EXCEEDED" =>
            "Send fewer units, name another with --authorization, or ask the regulator for more; dreg authorization " +
            "list shows what is used up.",
        "CHUNK_OUT_OF_ORDER" => "Send the chunk that is wanted; dreg batch register does so by itself.",
        "CHUNK_CONFLICT" =>
            "The file is not what it was when its upload began. Take that back with dreg batch cancel N (dreg batch " +
            "list --state open has its number), and send the file anew.",
        "CHECKSUM_MISMATCH" => "The bytes were changed on their way. Send them again; what came before them stays.",
        "TOO_MANY_UPLOADS" =>
            "Wait until some have ended, or take some back: dreg batch list --state open, dreg batch cancel N.",
        "NODE_BUSY" or "NODE_DRAINING" =>
            "Ask another node of the operator with --attach, or this one again in a moment.",
        "TOO_MANY_DOWNLOADS" => "Ask again in a while; the feed has everything too.",
        "VERIFICATION_IN_PROGRESS" => "Somebody else asked. Ask again when that is done.",
        "UNIT_BLOCKED" => "The order must be lifted first; the regulator finds it with dreg device show IMEI.",
        "SEGMENT_CONFLICT" =>
            "The node's folder was copied, or put back from a backup: one node alone may report under its name, and " +
            "with numbers that were not used before.",
        "RECOVERY_PENDING" => "Two people of the regulator say from where it goes on: dreg journal recover.",
        "REASON_UNKNOWN" or "CLASS_DISABLED" => "Take a reason and class that are valid today: dreg policy show.",
        "APPEAL_DEADLINE_PASSED" => "If it reached whoever hears it earlier, say when with --filed-on.",
        "NOT_THE_DRAFTER" => "Reject it as another person: dreg order reject N.",
        "KEY_IN_USE" => "Make a new key; one that was ever another's is never taken.",
        "CERT_EXPIRED" or "CERT_REVOKED" or "CERT_NOT_REGISTERED" or "CERT_UNTRUSTED" or "CERT_MISSING"
        or "UNAUTHENTICATED" =>
            "Take a certificate that this registry knows: --as, --certs. The regulator registers a new one with dreg " +
                "person put.",
        "INTERNAL" or "UNKNOWN" => $"The registry itself failed; its log says why. {SafeAgain}",
        _ => "",
    };

    private static Exception? Innermost(Exception? exception)
    {
        while (exception?.InnerException is { } inner && exception is not AuthenticationException) exception = inner;
        return exception;
    }
}

/// <summary>A fault found by this program, not by the registry.</summary>
internal sealed class CommandException(Fault fault, Exception? cause = null) : Exception(fault.What, cause)
{
    public Fault Fault => fault;
}
