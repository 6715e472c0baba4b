using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using DeviceRegistry.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>All replies of the N17 interface: TS 29.511 §6.1 for verdicts, causes of TS 29.500 §5.2.7.2 for errors.
/// Each is created once, so that sending it allocates nothing.</summary>
internal sealed class N17Reply
{
    /// <summary>Retry-After in seconds: the overload probe runs every 10 ms, and a client's own timer is
    /// seconds.</summary>
    private const string RetryAfterSeconds = "1";

    // Verdicts (EirResponseData).
    public static readonly N17Reply Whitelisted = new("WHITELISTED");
    public static readonly N17Reply Greylisted = new("GREYLISTED");
    public static readonly N17Reply Blacklisted = new("BLACKLISTED");

    // Open5GS treats a 404 without this body as a failure, not as "unknown".
    public static readonly N17Reply EquipmentUnknown =
        new(404, "Equipment unknown", "By the policy of this operator, equipment of this kind is answered as unknown.",
        "ERROR_EQUIPMENT_UNKNOWN");

    // Client errors.
    public static readonly N17Reply PeiMissing =
        new(400, "Mandatory query parameter missing", "Name the equipment: ?pei=imei- or imeisv- and its digits.",
        "MANDATORY_QUERY_PARAM_MISSING")
        { Parameter = ("query pei", "is missing") };
    public static readonly N17Reply PeiIncorrect =
        new(400, "Mandatory query parameter incorrect",
        "Give pei once, as 1 to 64 printable characters in percent-encoded UTF-8.", "MANDATORY_QUERY_PARAM_INCORRECT")
        {
            Parameter = ("query pei", "is empty, longer than 64 characters, not printable, or given more than once"),
        };

    public static readonly N17Reply InvalidApi =
        new(400, "Invalid API", "This door has n5g-eir-eic in version v1 and nothing else.", "INVALID_API");
    public static readonly N17Reply NoSuchResource =
        new(404, "Resource not found", "The one resource is {apiRoot}/n5g-eir-eic/v1/equipment-status.",
        "RESOURCE_URI_STRUCTURE_NOT_FOUND");
    public static readonly N17Reply MethodNotAllowed =
        new(405, "Method not allowed", "The resource can be asked with GET alone.") { Allow = "GET" };
    public static readonly N17Reply MethodUnknown =
        new(501, "Method not implemented", "The resource can be asked with GET alone.");
    public static readonly N17Reply NotAcceptable =
        new(406, "Not acceptable", "The answer is application/json, and the Accept header admits none of it.");
    public static readonly N17Reply UriTooLong =
        new(414, "URI too long", $"Path and query have {Limits.N17TargetCharsMax} characters at most.");

    // Access tokens (RFC 6750 §3; TS 29.500 §6.7.3).
    public static readonly N17Reply TokenMissing =
        new(401, "Access token missing",
        "Send an access token of the NRF for n5g-eir-eic.")
        { Authenticate = "Bearer realm=\"n5g-eir-eic\"" };
    public static readonly N17Reply TokenInvalid =
        new(401, "Access token invalid",
        "The token was not issued by the NRF, is for somebody else, or is over. Ask the NRF for another.")
        {
            Authenticate = "Bearer realm=\"n5g-eir-eic\", error=\"invalid_token\"",
        };

    public static readonly N17Reply TokenScope =
        new(403, "Insufficient scope",
        "The token is good, but not for n5g-eir-eic.")
        {
            Authenticate =
        "Bearer realm=\"n5g-eir-eic\", error=\"insufficient_scope\", scope=\"n5g-eir-eic\""
        };

    // Server errors; never a verdict, because an AMF may take one for a final answer.
    public static readonly N17Reply CallerTooFast =
        new(429, "Too many requests", "This connection asks more often than the node was configured to answer it.",
        "NF_CONGESTION_RISK")
        { RetryAfter = RetryAfterSeconds };
    public static readonly N17Reply Overloaded =
        new(503, "Congestion", "The node has more to do than it can. Ask another, or again in a moment.",
        "NF_CONGESTION")
        { RetryAfter = RetryAfterSeconds };
    public static readonly N17Reply NotReady =
        new(503, "Not ready", "The node has no knowledge yet. Ask another, or again in a moment.",
        "NF_CONGESTION")
        { RetryAfter = RetryAfterSeconds };
    public static readonly N17Reply Failed =
        new(500, "System failure", "The node failed to answer. Its log says why.", "SYSTEM_FAILURE");

    /// <summary>The body as text.</summary>
    public string Text => Encoding.UTF8.GetString(_body);

    private static readonly StringValues Json = "application/json";
    private static readonly StringValues ProblemJson = "application/problem+json";
    private readonly byte[] _body;

    private N17Reply(string status) =>
        (Status, _body) = (200, JsonSerializer.SerializeToUtf8Bytes(
        new Dictionary<string, string> { ["status"] = status }));

    private N17Reply(int status, string title, string detail, string? cause = null)
    {
        (Status, Cause, _title, _detail) = (status, cause, title, detail);
        _body = Problem();
    }

    private readonly string _title = "";
    private readonly string _detail = "";
    private readonly (string Name, string Reason)? _parameter;

    public int Status { get; }

    /// <summary>Cause of TS 29.500 or TS 29.511; null if neither defines one.</summary>
    public string? Cause { get; }

    private (string Name, string Reason) Parameter
    {
        init
        {
            _parameter = value;
            _body = Problem();
        }
    }

    private StringValues RetryAfter { get; init; }

    private StringValues Allow { get; init; }

    private StringValues Authenticate { get; init; }

    /// <summary>The reply for a decision. This is the only place on N17 that maps verdicts to the lists of TS
    /// 22.016.</summary>
    public static N17Reply Of(in Decision decision) => decision switch
    {
        { UnknownEquipment: true } => EquipmentUnknown,
        { Verdict: Verdict.Deny } => Blacklisted,
        { Verdict: Verdict.Track } => Greylisted,
        _ => Whitelisted,
    };

    /// <summary>The reply to an unauthorized client, with the reason. Allocates; it is not on the path of a
    /// check.</summary>
    public static N17Reply Forbidden(string why) => new(403, "Forbidden", why);

    /// <summary>Writes the reply to the response.</summary>
    public void WriteTo(HttpContext http)
    {
        var response = http.Response;
        response.StatusCode = Status;
        var headers = response.Headers;
        headers.ContentType = Status is 200 ? Json : ProblemJson;
        headers.ContentLength = _body.Length;
        if (Status is not 200)
        {
            if (RetryAfter.Count > 0) headers.RetryAfter = RetryAfter;
            if (Allow.Count > 0) headers.Allow = Allow;
            if (Authenticate.Count > 0) headers.WWWAuthenticate = Authenticate;
            if (HttpMethods.IsHead(http.Request.Method)) return;
        }

        response.BodyWriter.Write(_body);
    }

    // ProblemDetails (TS 29.571).
    private byte[] Problem()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer,
            new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("title", _title);
            json.WriteNumber("status", Status);
            json.WriteString("detail", _detail);
            if (Cause is not null) json.WriteString("cause", Cause);
            if (_parameter is var (name, reason))
            {
                json.WriteStartArray("invalidParams");
                json.WriteStartObject();
                json.WriteString("param", name);
                json.WriteString("reason", reason);
                json.WriteEndObject();
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
