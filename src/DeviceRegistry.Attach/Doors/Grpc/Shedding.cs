using DeviceRegistry.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace DeviceRegistry.Attach.Doors.Grpc;

/// <summary>Says "busy" to checks that the node has no time for, before anything of them is read: RESOURCE_EXHAUSTED with the time to ask again. It costs a tenth of an
/// answer, so that a flood leaves time for those that are answered.</summary>
internal static class Shedding
{
    /// <summary>First of everything that looks at a request.</summary>
    public static void Use(IApplicationBuilder app, LoadGauge load)
    {
        var busy = StatusMapping.ToRpc(LoadGauge.Busy());
        var (status, message) = (busy.StatusCode.ToString("D"), Uri.EscapeDataString(busy.Status.Detail));
        var details = busy.Trailers.Select(t => KeyValuePair.Create(t.Key, Convert.ToBase64String(t.ValueBytes))).ToList();

        Task Refuse(HttpContext http)
        {
            var headers = http.Response.Headers;
            headers.ContentType = "application/grpc";
            headers["grpc-status"] = status;
            headers["grpc-message"] = message;
            foreach (var (name, value) in details) headers[name] = value;
            return Task.CompletedTask;
        }

        async Task CountAsync(HttpContext http, RequestDelegate next)
        {
            try
            {
                await next(http);
            }
            finally
            {
                load.CallEnds();
            }
        }

        app.Use(next => http => !http.Request.Path.Value!.StartsWith(CheckServiceBase.PathStart, StringComparison.Ordinal) ? next(http)
            : load.CallBegins() ? CountAsync(http, next)
            : Refuse(http));
    }
}
