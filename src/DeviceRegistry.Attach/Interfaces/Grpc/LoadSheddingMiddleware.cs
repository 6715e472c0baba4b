using System.Text;
using DeviceRegistry.Contracts;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace DeviceRegistry.Attach.Interfaces.Grpc;

/// <summary>Says "busy" to checks that the node has no time for, before anything of them is read: RESOURCE_EXHAUSTED
/// with the time to ask again. It costs a tenth of an answer, so that a flood leaves time for those that are
/// answered.</summary>
/// <remarks>Whoever may not ask is told so here, and keeps no place: strangers must not make the node busy for those
/// who may.</remarks>
internal static class LoadSheddingMiddleware
{
    /// <summary>First of everything that looks at a request.</summary>
    public static void Use(IApplicationBuilder app, OverloadDetector load,
        Func<HttpContext, string, RpcException?> refusalOf)
    {
        var busy = new Refusal(StatusMapping.ToRpc(OverloadDetector.Busy()));
        app.Use(next => http =>
        {
            var path = http.Request.Path.Value!;
            if (!path.StartsWith(CheckServiceBinding.PathStart, StringComparison.Ordinal)) return next(http);
            if (!load.CallBegins()) return busy.Say(http);
            if (refusalOf(http, path) is not { } why) return CountAsync(http, next, load);

            load.CallEnds();
            return new Refusal(why).Say(http);
        });
    }

    private static async Task CountAsync(HttpContext http, RequestDelegate next, OverloadDetector load)
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

    /// <summary>A status without a message, as headers alone.</summary>
    private sealed class Refusal(RpcException why)
    {
        private readonly string _status = why.StatusCode.ToString("D");
        private readonly string _message = Escaped(why.Status.Detail);
        private readonly KeyValuePair<string, string>[] _details =
            [.. why.Trailers.Select(t => KeyValuePair.Create(t.Key, Convert.ToBase64String(t.ValueBytes)))];

        public Task Say(HttpContext http)
        {
            var headers = http.Response.Headers;
            headers.ContentType = "application/grpc";
            headers["grpc-status"] = _status;
            headers["grpc-message"] = _message;
            foreach (var (name, value) in _details) headers[name] = value;
            return Task.CompletedTask;
        }

        // As gRPC has it (PROTOCOL-HTTP2, Status-Message): what is printable ASCII stands for itself, and clients leave
        // more than that as it is.
        private static string Escaped(string text) =>
            string.Concat(Encoding.UTF8.GetBytes(text)
                .Select(b => b is >= 0x20 and <= 0x7E and not (byte)'%' ? ((char)b).ToString() : $"%{b:X2}"));
    }
}
