using Grpc.Core;
using Grpc.Core.Interceptors;

namespace DeviceRegistry.Server.Access;

/// <summary>Works to the caller's deadline less a margin, so that the true cause gets home before the caller hangs up,
/// and refuses at once what cannot be done in the time left.</summary>
/// <remarks>At the registrar's door only: an attach node answers from memory, in less time than the margin.</remarks>
internal sealed class DeadlineInterceptor(TimeProvider time) : Interceptor
{
    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        !IsKept(context) ? continuation(request, context)
            : WithinAsync(context, inTime => continuation(request, inTime));

    /// <inheritdoc/>
    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        !IsKept(context) ? continuation(requestStream, context)
            : WithinAsync(context, inTime => continuation(requestStream, inTime));

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        !IsKept(context) ? continuation(requestStream, responseStream, context) : WithinAsync(context, async inTime =>
        {
            await continuation(requestStream, responseStream, inTime);
            return true;
        });

    private static bool IsKept(ServerCallContext context) =>
        context.Deadline != DateTime.MaxValue && Doors.Of(context.GetHttpContext()) is Door.Registrar;

    private async Task<T> WithinAsync<T>(ServerCallContext context, Func<ServerCallContext, Task<T>> work)
    {
        var left = context.Deadline - time.GetUtcNow().UtcDateTime;
        if (left < Limits.TimeLeftLeast) throw TooLate("There was too little time left to begin. Nothing was changed.");

        using var near = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        // where gRPC looks for it in a context that is not its own
        context.UserState["__HttpContext"] = context.GetHttpContext();
        var margin = left / 10 < Limits.MarginMost ? left / 10 : Limits.MarginMost;
        near.CancelAfter(left < Limits.DeadlineMost ? left - margin : Limits.DeadlineMost);
        try
        {
            return await work(new CancellableCallContext(context, near.Token));
        }
        catch (Exception fault) when (fault is not RpcException && near.IsCancellationRequested
            && !context.CancellationToken.IsCancellationRequested)
        {
            throw TooLate(
                "It was not done within your deadline. Send the same call again, with more time: if it was done " +
                "after all, you get its answer.");
        }
    }

    private static RpcException TooLate(string why) => new(new Status(StatusCode.DeadlineExceeded, why));
}
