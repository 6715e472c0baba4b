using System.Text;
using DeviceRegistry.Contracts;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace DeviceRegistry.Attach.Interfaces.Grpc;

/// <summary>Rejects checks of an overloaded node before the request is read: RESOURCE_EXHAUSTED with a retry delay. A
/// rejection costs a tenth of an answer, so under a flood the node has time to answer other checks.</summary>
/// <remarks>An unauthorized caller is rejected here and does not count as a concurrent call, so that unauthorized
/// callers cannot overload the node.</remarks>
internal static class LoadSheddingMiddleware
{
    /// <summary>Adds the middleware. It must be the first.</summary>
    public static void Use(IApplicationBuilder app, OverloadDetector load,
        Func<HttpContext, string, RpcException?> refusalOf)
    {
        var overloaded = new Refusal(StatusMapping.ToRpc(OverloadDetector.Overloaded()));
        app.Use(next => http =>
        {
            var path = http.Request.Path.Value!;
            if (!path.StartsWith(CheckServiceBinding.PathStart, StringComparison.Ordinal)) return next(http);
            if (!load.CallBegins()) return overloaded.Send(http);
            if (refusalOf(http, path) is not { } why) return CountAsync(http, next, load);

            load.CallEnds();
            return new Refusal(why).Send(http);
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

    /// <summary>A gRPC status as headers, without a message.</summary>
    private sealed class Refusal(RpcException why)
    {
        private readonly string _status = why.StatusCode.ToString("D");
        private readonly string _message = Escape(why.Status.Detail);
        private readonly KeyValuePair<string, string>[] _details =
            [.. why.Trailers.Select(t => KeyValuePair.Create(t.Key, Convert.ToBase64String(t.ValueBytes)))];

        public Task Send(HttpContext http)
        {
            var headers = http.Response.Headers;
            headers.ContentType = "application/grpc";
            headers["grpc-status"] = _status;
            headers["grpc-message"] = _message;
            foreach (var (name, value) in _details) headers[name] = value;
            return Task.CompletedTask;
        }

        // Percent-encoding of gRPC (PROTOCOL-HTTP2, Status-Message): printable ASCII except '%' is not encoded. Clients
        // do not decode more than that.
        private static string Escape(string text) =>
            string.Concat(Encoding.UTF8.GetBytes(text)
                .Select(b => b is >= 0x20 and <= 0x7E and not (byte)'%' ? ((char)b).ToString() : $"%{b:X2}"));
    }
}
