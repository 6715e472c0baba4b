using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

// DeviceRegistry.NrfStub PORT HEARTBEAT-SECONDS
// The parts of an NRF that a 5G-EIR and an AMF need (TS 29.510), in memory, over HTTP/2 with prior knowledge only. It
// rejects what an NRF rejects. It removes a node after twenty missed heartbeats (an NRF: two), because a busy machine
// may miss some. GET /calls returns its requests and answers, one a line.
var (port, heartbeat) = (int.Parse(args[0], CultureInfo.InvariantCulture),
    int.Parse(args[1], CultureInfo.InvariantCulture));
var listed = new ConcurrentDictionary<string, (JsonObject Profile, DateTimeOffset LastHeartbeat)>();
var calls = new ConcurrentQueue<string>();

var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.ConfigureKestrel(kestrel =>
    kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http2));
var app = builder.Build();

app.MapPut("/nnrf-nfm/v1/nf-instances/{id}", async (string id, HttpRequest request) =>
{
    var body = request.ContentType == "application/json" ? await JsonNode.ParseAsync(request.Body) as JsonObject : null;
    if (body is null || FaultOf(id, body) is not null) return Logged(request,
        Problem(400, body is null ? "application/json" : FaultOf(id, body)!), 400);

    var known = listed.ContainsKey(id);
    body["heartBeatTimer"] = heartbeat;
    listed[id] = (body, TimeProvider.System.GetUtcNow());
    return Logged(request, Results.Text(body.ToJsonString(), "application/json", statusCode: known ? 200 : 201), known
        ? 200 : 201);
});
app.MapPatch("/nnrf-nfm/v1/nf-instances/{id}", async (string id, HttpRequest request) =>
{
    var patch = request.ContentType == "application/json-patch+json"
        ? await JsonNode.ParseAsync(request.Body) as JsonArray : null;
    if (patch is not [JsonObject change] || change["op"]?.ToString() != "replace"
        || change["path"]?.ToString() != "/nfStatus") return Logged(request,
        Problem(400, "application/json-patch+json"),
        400);
    if (!listed.TryGetValue(id, out var known) || IsSilent(known.LastHeartbeat)) return Logged(request,
        Problem(404, "no such instance"), 404);

    known.Profile["nfStatus"] = change["value"]!.ToString();
    listed[id] = (known.Profile, TimeProvider.System.GetUtcNow());
    return Logged(request, Results.NoContent(), 204);
});
app.MapDelete("/nnrf-nfm/v1/nf-instances/{id}", (string id, HttpRequest request) =>
    listed.TryRemove(id, out _) ? Logged(request, Results.NoContent(), 204)
        : Logged(request, Problem(404, "no such instance"), 404));
app.MapGet("/nnrf-disc/v1/nf-instances", (HttpRequest request) => Results.Text(new JsonObject
{
    ["validityPeriod"] = heartbeat,
    ["nfInstances"] = new JsonArray(
        [.. listed.Values.Where(l => !IsSilent(l.LastHeartbeat) && Fits(l.Profile, request.Query))
        .Select(l => l.Profile.DeepClone())]),
}.ToJsonString(), "application/json"));
app.MapGet("/calls", () => string.Concat(calls.Select(c => c + "\n")));
await app.RunAsync();

// The parts of a profile that an Open5GS NRF and AMF require.
static string? FaultOf(string id, JsonObject profile)
{
    if (profile["nfInstanceId"]?.ToString() != id || !Guid.TryParse(id, out _)) return "nfInstanceId";
    if (profile["nfType"]?.ToString() != "5G_EIR") return "nfType";
    if (profile["nfStatus"]?.ToString() is not ("REGISTERED" or "SUSPENDED" or "UNDISCOVERABLE")) return "nfStatus";
    if (profile["ipv4Addresses"] is not JsonArray { Count: > 0 } && profile["fqdn"] is null) return "ipv4Addresses";
    if (profile["nfServiceList"] is not JsonObject { Count: > 0 } services) return "nfServiceList";

    foreach (var (key, service) in services)
        if (service?["serviceInstanceId"]?.ToString() != key || service["serviceName"]?.ToString() != "n5g-eir-eic"
            || service["scheme"]?.ToString() is not ("http" or "https")
            || service["nfServiceStatus"]?.ToString() != "REGISTERED"
            || service["versions"]?[0]?["apiVersionInUri"]?.ToString() != "v1"
            || service["versions"]?[0]?["apiFullVersion"] is null
            || service["ipEndPoints"]?[0]?["port"] is null) return $"nfServiceList/{key}";

    return null;
}

static bool Fits(JsonObject profile, IQueryCollection asked) =>
    profile["nfStatus"]?.ToString() == "REGISTERED" && profile["nfType"]?.ToString() == asked["target-nf-type"]
        .ToString()
    && (asked["service-names"].Count is 0 || profile["nfServiceList"]!.AsObject()
    .Any(s => s.Value!["serviceName"]!.ToString() == asked["service-names"].ToString()));

static IResult Problem(int status, string what) =>
    Results.Text(new JsonObject { ["status"] = status, ["detail"] = what }.ToJsonString(), "application/problem+json",
        statusCode: status);

bool IsSilent(DateTimeOffset last) => TimeProvider.System.GetUtcNow() - last > TimeSpan.FromSeconds(20 * heartbeat);

IResult Logged(HttpRequest request, IResult result, int status)
{
    calls.Enqueue($"{request.Method} {status} {request.Path}");
    return result;
}
