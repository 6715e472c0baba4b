using DeviceRegistry.Contracts;
using Google.Protobuf;
using Grpc.Core;

namespace DeviceRegistry.Server.Access;

/// <summary>Bytes that are no message of the contract: the caller's fault, told as such.</summary>
/// <remarks>The one message of a unary call is read before any interceptor sees the call. gRPC has no words for what
/// fails there but those for a fault of ours, UNKNOWN, which the interceptors never leave behind: so it is put right
/// here, on its way out.</remarks>
internal static class MalformedRequestMiddleware
{
    private const string GrpcStatus = "grpc-status";

    /// <summary>Puts the answer to a unary call right.</summary>
    public static IApplicationBuilder Answer(IApplicationBuilder app) => app.Use(next => async http =>
    {
        await next(http);
        var headers = http.Response.Headers;
        if (http.Response.HasStarted || headers[GrpcStatus] != StatusCode.Unknown.ToString("D")) return;

        var refusal = StatusMapping.ToRpc(StatusMapping.MalformedRequest());
        headers[GrpcStatus] = refusal.StatusCode.ToString("D");
        headers["grpc-message"] = Uri.EscapeDataString(refusal.Status.Detail);
        foreach (var detail in refusal.Trailers) headers[detail.Key] = Convert.ToBase64String(detail.ValueBytes);
    });

    /// <summary>The messages of a stream, read by its handler.</summary>
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
