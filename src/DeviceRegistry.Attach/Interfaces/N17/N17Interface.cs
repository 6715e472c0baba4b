using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace DeviceRegistry.Attach.Interfaces.N17;

/// <summary>The N17 door: an AMF asks here for the status of equipment (N5g-eir_EquipmentIdentityCheck, TS 29.511).
/// Works on the bare request, without routing: a check allocates nothing beyond what the transport does.</summary>
/// <remarks>N17 has no emergency flag: an AMF must leave emergency registrations out of the check (README, For
/// operators).</remarks>
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

    /// <summary>Opens nothing: the server leads requests here.</summary>
    public N17Interface(AttachService attach, NodeState node, OverloadDetector load, N17Counters counters,
        N17Options plan,
        TimeProvider time, ILogger<N17Interface> log)
    {
        (_attach, _node, _load, _counters, _time, _log) = (attach, node, load, counters, time, log);
        (_prefix, _rateMax) = (plan.Prefix, plan.RateMax);
        _api = $"{plan.Prefix}/{N17Options.Service}/v1/";
        _path = _api + Resource;
        _tokens = plan.TokenKeys is null ? null : new AccessTokens(plan.TokenKeys, plan.Instance, time);
    }

    /// <summary>Answers a request, whatever it is.</summary>
    public Task AnswerAsync(HttpContext http)
    {
        if (_tokens is not null && !_tokens.Remembers(http.Request.Headers.Authorization)) return JudgeTokenAsync(http,
            _tokens);

        Say(http, Turned(http) ?? AnswerChecked(http));
        return Task.CompletedTask;
    }

    /// <summary>Refuses whoever may not ask, and says why.</summary>
    public void Refuse(HttpContext http, string why) => Say(http, N17Reply.Forbidden(why));

    private async Task JudgeTokenAsync(HttpContext http, AccessTokens tokens)
    {
        N17Reply? refusal;
        try
        {
            refusal = Turned(http) ?? await tokens.RefusalAsync(http.Request.Headers.Authorization);
        }
        catch (Exception fault)
        {
            refusal = Fault(http, fault);
        }

        Say(http, refusal ?? AnswerChecked(http));
    }

    // That equipment is unknown is the operator's answer, counted as every other.
    private void Say(HttpContext http, N17Reply reply)
    {
        if (reply.Status is not 200 && reply != N17Reply.EquipmentUnknown) _counters.Count(reply);
        reply.WriteTo(http);
    }

    // Before anything is looked at: a node that cannot answer in time says so, and never "blacklisted".
    private N17Reply? Turned(HttpContext http) =>
        _load.Sheds() ? N17Reply.Busy
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

    // Whatever it was, it must not become a verdict: a false "blacklisted" disables a SIM.
    private N17Reply Fault(HttpContext http, Exception fault)
    {
        Unexpected(_log, http.TraceIdentifier, fault);
        return N17Reply.Failed;
    }

    private N17Reply AnswerCore(HttpRequest request)
    {
        var (path, query) = (request.Path.Value ?? "", request.QueryString.Value ?? "");
        if (path.Length + query.Length > Limits.N17TargetCharsMax) return N17Reply.UriTooLong;
        if (!path.Equals(_path, StringComparison.Ordinal)) return Elsewhere(path);
        if (!HttpMethods.IsGet(request.Method)) return IsKnown(request.Method) ? N17Reply.MethodNotAllowed
            : N17Reply.MethodUnknown;
        if (!Accepts(request.Headers.Accept)) return N17Reply.NotAcceptable;

        Span<char> peiRoom = stackalloc char[EquipmentQuery.Room];
        Span<char> supiRoom = stackalloc char[EquipmentQuery.Room];
        return EquipmentQuery.Read(query, peiRoom, supiRoom, out var equipment, out var imsi)
            ?? N17Reply.Of(_attach.CheckPresent(CheckInterface.N17, equipment, imsi, emergency: false).Decision);
    }

    // TS 29.500: another API or version is the caller's mistake about us; another resource of this API is one that is
    // not there.
    private N17Reply Elsewhere(string path)
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
        Message = "N17: a check failed by our fault, trace {Trace}; it was answered 500.")]
    private static partial void Unexpected(ILogger log, string trace, Exception fault);
}
