using DeviceRegistry.Contracts;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Server.Access;

/// <summary>Reports bytes that are no message of the contract as an error of the caller.</summary>
/// <remarks>Grpc.AspNetCore deserializes a unary request before any interceptor runs and reports a failure as UNKNOWN.
/// Our interceptors never return UNKNOWN, so this middleware rewrites it to INVALID_ARGUMENT.</remarks>
internal static class MalformedRequestMiddleware
{
    private const string GrpcStatus = "grpc-status";

    /// <summary>Rewrites the status of a unary call before the response starts.</summary>
    public static IApplicationBuilder Use(IApplicationBuilder app) => app.Use(next => async http =>
    {
        await next(http);
        var headers = http.Response.Headers;
        if (http.Response.HasStarted || headers[GrpcStatus] != StatusCode.Unknown.ToString("D")) return;

        var refusal = StatusMapping.ToRpc(StatusMapping.MalformedRequest());
        headers[GrpcStatus] = refusal.StatusCode.ToString("D");
        headers["grpc-message"] = Uri.EscapeDataString(refusal.Status.Detail);
        foreach (var detail in refusal.Trailers) headers[detail.Key] = Convert.ToBase64String(detail.ValueBytes);
    });

    /// <summary>Reads a request stream and reports malformed messages in the same way.</summary>
    public sealed class Reader<T>(IAsyncStreamReader<T> stream) : IAsyncStreamReader<T>
    {
        /// <inheritdoc/>
        public T Current => stream.Current;

        /// <inheritdoc/>
        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            try
            {
                return await stream.MoveNext(cancellationToken);
            }
            catch (Exception fault) when (fault is InvalidProtocolBufferException or InvalidDataException)
            {
                throw StatusMapping.MalformedRequest();
            }
            catch (IOException)
            {
                throw new RpcException(new Status(StatusCode.Cancelled, "The connection of the call is gone."));
            }
        }
    }
}
