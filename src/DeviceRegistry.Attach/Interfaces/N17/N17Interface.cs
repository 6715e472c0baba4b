using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>The N17 interface: an AMF queries the status of equipment (N5g-eir_EquipmentIdentityCheck, TS 29.511).
/// Works on the HTTP request without routing, so a check allocates nothing beyond what the transport does.</summary>
/// <remarks>N17 has no emergency flag: an AMF must not send checks for emergency registrations (README.md,
/// N17).</remarks>
public sealed partial class N17Interface
{
    private const string Resource = "equipment-status";
    private readonly AttachService _attach;
    private readonly NodeState _node;
    private readonly OverloadDetector _load;
    private readonly N17Counters _counters;
    private readonly AccessTokens? _tokens;
    private readonly TimeProvider _time;
    private readonly ILogger<N17Interface> _log;
    private readonly string _prefix;
    private readonly string _api;
    private readonly string _path;
    private readonly int _rateMax;

    /// <summary>Opens no listener; the server passes requests to <see cref="AnswerAsync"/>.</summary>
    public N17Interface(AttachService attach, NodeState node, OverloadDetector load, N17Counters counters,
        N17Options options,
        TimeProvider time, ILogger<N17Interface> log)
    {
        (_attach, _node, _load, _counters, _time, _log) = (attach, node, load, counters, time, log);
        (_prefix, _rateMax) = (options.Prefix, options.RateMax);
        _api = $"{options.Prefix}/{N17Options.Service}/v1/";
        _path = _api + Resource;
        _tokens = options.TokenKeys is null ? null : new AccessTokens(options.TokenKeys, options.Instance, time);
    }

    /// <summary>Answers any request.</summary>
    public Task AnswerAsync(HttpContext http)
    {
        if (_tokens is not null && !_tokens.IsCached(http.Request.Headers.Authorization)) return CheckTokenAsync(http,
            _tokens);

        Send(http, UnavailableReply(http) ?? AnswerChecked(http));
        return Task.CompletedTask;
    }

    /// <summary>Rejects an unauthorized client with the reason.</summary>
    public void Refuse(HttpContext http, string why) => Send(http, N17Reply.Forbidden(why));

    private async Task CheckTokenAsync(HttpContext http, AccessTokens tokens)
    {
        N17Reply? refusal;
        try
        {
            refusal = UnavailableReply(http) ?? await tokens.RefusalAsync(http.Request.Headers.Authorization);
        }
        catch (Exception fault)
        {
            refusal = Fault(http, fault);
        }

        Send(http, refusal ?? AnswerChecked(http));
    }

    // "Equipment unknown" is a verdict of the operator's policy, counted as every other.
    private void Send(HttpContext http, N17Reply reply)
    {
        if (reply.Status is not 200 && reply != N17Reply.EquipmentUnknown) _counters.Count(reply);
        reply.WriteTo(http);
    }

    // Checked before the request is read: a node that cannot answer in time returns an error, and never "blacklisted".
    private N17Reply? UnavailableReply(HttpContext http) =>
        _load.ShouldShed() ? N17Reply.Overloaded
        : !_node.IsReady ? N17Reply.NotReady
        : _rateMax > 0 && !BudgetOf(http).TryTake(_rateMax, _time) ? N17Reply.CallerTooFast
        : null;

    private N17Reply AnswerChecked(HttpContext http)
    {
        try
        {
            return AnswerCore(http.Request);
        }
        catch (Exception fault)
        {
            return Fault(http, fault);
        }
    }

    // An internal error must not become a verdict: a false "blacklisted" disables a SIM.
    private N17Reply Fault(HttpContext http, Exception fault)
    {
        InternalError(_log, http.TraceIdentifier, fault);
        return N17Reply.Failed;
    }

    private N17Reply AnswerCore(HttpRequest request)
    {
        var (path, query) = (request.Path.Value ?? "", request.QueryString.Value ?? "");
        if (path.Length + query.Length > Limits.N17TargetCharsMax) return N17Reply.UriTooLong;
        if (!path.Equals(_path, StringComparison.Ordinal)) return WrongPath(path);
        if (!HttpMethods.IsGet(request.Method)) return IsKnown(request.Method) ? N17Reply.MethodNotAllowed
            : N17Reply.MethodUnknown;
        if (!Accepts(request.Headers.Accept)) return N17Reply.NotAcceptable;

        Span<char> peiBuffer = stackalloc char[EquipmentQuery.BufferChars];
        Span<char> supiBuffer = stackalloc char[EquipmentQuery.BufferChars];
        return EquipmentQuery.Read(query, peiBuffer, supiBuffer, out var equipment, out var imsi)
            ?? N17Reply.Of(_attach.CheckPresent(CheckInterface.N17, equipment, imsi, emergency: false).Decision);
    }

    // TS 29.500: another API or version is INVALID_API; another resource of this API does not exist.
    private N17Reply WrongPath(string path)
    {
        if (path.StartsWith(_api, StringComparison.Ordinal)
            || !path.StartsWith(_prefix, StringComparison.Ordinal)) return N17Reply.NoSuchResource;

        return path[_prefix.Length..].Split('/', 4) is ["", { Length: > 0 }, ['v', >= '0' and <= '9', ..], ..]
            ? N17Reply.InvalidApi : N17Reply.NoSuchResource;
    }

    private static bool IsKnown(string method) =>
        HttpMethods.IsHead(method) || HttpMethods.IsPost(method) || HttpMethods.IsPut(method)
            || HttpMethods.IsPatch(method) || HttpMethods.IsDelete(method)
        || HttpMethods.IsOptions(method) || HttpMethods.IsTrace(method) || HttpMethods.IsConnect(method);

    // RFC 9110 §12.5.1, as far as one media type needs it: any range that admits application/json, unless its weight is
    // zero. No header admits everything.
    private static bool Accepts(StringValues accept)
    {
        if (accept.Count is 0) return true;

        for (var i = 0; i < accept.Count; i++)
            for (ReadOnlySpan<char> rest = accept[i]; !rest.IsEmpty;)
            {
                var end = rest.IndexOf(',');
                var range = (end < 0 ? rest : rest[..end]).Trim();
                rest = end < 0 ? default : rest[(end + 1)..];
                if (Admits(range)) return true;
            }

        return false;
    }

    private static bool Admits(ReadOnlySpan<char> range)
    {
        var semicolon = range.IndexOf(';');
        var type = (semicolon < 0 ? range : range[..semicolon]).TrimEnd();
        if (!type.Equals("application/json", StringComparison.OrdinalIgnoreCase) && type is not "*/*"
            && !type.Equals("application/*", StringComparison.OrdinalIgnoreCase)) return false;

        for (var rest = semicolon < 0 ? default : range[(semicolon + 1)..]; !rest.IsEmpty;)
        {
            var end = rest.IndexOf(';');
            var parameter = (end < 0 ? rest : rest[..end]).Trim();
            rest = end < 0 ? default : rest[(end + 1)..];
            if (parameter is ['q' or 'Q', '=', ..]) return parameter[2..].ContainsAnyExcept("0.");
        }

        return true;
    }

    private static ConnectionRateLimiter BudgetOf(HttpContext http) =>
        (ConnectionRateLimiter)http.Features.Get<IConnectionItemsFeature>()!.Items[ConnectionRateLimiter.Item]!;

    [LoggerMessage(EventId = 3033, Level = LogLevel.Error,
        Message = "Internal error in an N17 check, trace {Trace}; answered 500")]
    private static partial void InternalError(ILogger log, string trace, Exception fault);
}
