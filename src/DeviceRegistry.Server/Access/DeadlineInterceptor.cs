using Grpc.Core;
using Grpc.Core.Interceptors;

namespace DeviceRegistry.Server.Access;

/// <summary>Cancels a call before the caller's deadline, by a margin, so that the true cause reaches the caller in
/// time. Refuses at once a call with too little time left.</summary>
/// <remarks>On the registrar's listener only: an attach node answers from memory in less time than the
/// margin.</remarks>
internal sealed class DeadlineInterceptor(TimeProvider time) : Interceptor
{
    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        !Applies(context) ? continuation(request, context)
            : RunWithDeadlineAsync(context, bounded => continuation(request, bounded));

    /// <inheritdoc/>
    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        !Applies(context) ? continuation(requestStream, context)
            : RunWithDeadlineAsync(context, bounded => continuation(requestStream, bounded));

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        !Applies(context) ? continuation(requestStream, responseStream, context)
            : RunWithDeadlineAsync(context, async bounded =>
        {
            await continuation(requestStream, responseStream, bounded);
            return true;
        });

    private static bool Applies(ServerCallContext context) =>
        context.Deadline != DateTime.MaxValue && Listeners.KindOf(context.GetHttpContext()) is ListenerKind.Registrar;

    private async Task<T> RunWithDeadlineAsync<T>(ServerCallContext context, Func<ServerCallContext, Task<T>> work)
    {
        var left = context.Deadline - time.GetUtcNow().UtcDateTime;
        if (left < Limits.TimeLeftMin) throw TooLate("There was too little time left to begin. Nothing was changed.");

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        // key under which gRPC looks for the HttpContext in a foreign ServerCallContext
        context.UserState["__HttpContext"] = context.GetHttpContext();
        var margin = left / 10 < Limits.DeadlineMarginMax ? left / 10 : Limits.DeadlineMarginMax;
        deadline.CancelAfter(left < Limits.DeadlineMax ? left - margin : Limits.DeadlineMax);
        try
        {
            return await work(new CancellableCallContext(context, deadline.Token));
        }
        catch (Exception fault) when (fault is not RpcException && deadline.IsCancellationRequested
            && !context.CancellationToken.IsCancellationRequested)
        {
            throw TooLate(
                "It was not done within your deadline. Send the same call again, with more time: if it was done " +
                "after all, you get its answer.");
        }
    }

    private static RpcException TooLate(string why) => new(new Status(StatusCode.DeadlineExceeded, why));
}
