using Grpc.Core;
using Polly;
using Polly.Timeout;

namespace DeviceRegistry.Client;

/// <summary>A successful response, and the index of the node that sent it.</summary>
internal sealed record Answer(object Message, Metadata Headers, Metadata Trailers, int Node);

/// <summary>Runs unary calls through a pipeline. The first attempt goes to the node that responded last, each further
/// attempt to the next of the equivalent nodes. Streaming calls go unchanged to the node that responded last, because a
/// stream cannot be replayed.</summary>
internal sealed class ResilientInvoker(IReadOnlyList<CallInvoker> nodes, ResiliencePipeline<Answer> pipeline,
    TimeSpan usualDeadline, TimeProvider time) : ForwardingInvoker
{
    private volatile int _lastResponder;

    /// <inheritdoc/>
    private protected override CallInvoker Next => nodes[_lastResponder];

    /// <inheritdoc/>
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method,
        string? host, CallOptions options, TRequest request)
    {
        // Not disposed: it has no timer and no link, and the caller may cancel the call at any time.
        var cancellation = new CancellationTokenSource();
        var answer = ExecuteAsync(method, host,
            options.WithDeadline(options.Deadline ?? time.GetUtcNow().UtcDateTime + usualDeadline), request,
            cancellation);
        return new AsyncUnaryCall<TResponse>(
            MessageAsync<TResponse>(answer), call =>
            HeadersOf(call), call => StatusOf(call), call => TrailersOf(call), _ => cancellation.Cancel(), answer);
    }

    private async Task<Answer> ExecuteAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request,
        CancellationTokenSource cancellation)
        where TRequest : class
        where TResponse : class
    {
        using var link = options.CancellationToken.UnsafeRegister(static end => ((CancellationTokenSource)end!)
            .Cancel(), cancellation);
        var context = ResilienceContextPool.Shared.Get(cancellation.Token);
        context.Properties.Set(Resilience.Deadline, options.Deadline!.Value);
        var turn = _lastResponder - 1;
        RpcException? last = null;
        try
        {
            var answer = await pipeline.ExecuteAsync(
                async attempt =>
                {
                    var node = Interlocked.Increment(ref turn) % nodes.Count;
                    using var call = nodes[node].AsyncUnaryCall(method, host,
                        options.WithCancellationToken(attempt.CancellationToken), request);
                    try
                    {
                        var message = await call.ResponseAsync;
                        return new Answer(message, await call.ResponseHeadersAsync, call.GetTrailers(), node);
                    }
                    catch (RpcException) when (attempt.CancellationToken.IsCancellationRequested)
                    {
                        // The pipeline cancelled this attempt; it recognises its own cancellation by this exception.
                        throw new OperationCanceledException(attempt.CancellationToken);
                    }
                    catch (RpcException fault) when (Resilience.IsConnectTimeout(fault))
                    {
                        throw last = new RpcException(new Status(StatusCode.Unavailable,
                            "The connection could not be established in time.", fault));
                    }
                    catch (RpcException fault) when (fault.StatusCode is not StatusCode.DeadlineExceeded)
                    {
                        last = fault;
                        throw;
                    }
                },
                context);
            _lastResponder = answer.Node;
            return answer;
        }
        catch (Exception) when (cancellation.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Cancelled, "The caller gave the call up."));
        }
        catch (RpcException fromServer) when (fromServer.StatusCode is StatusCode.DeadlineExceeded
            && fromServer.Status.Detail.Length > 0)
        {
            throw;                                              // status from the server, received before the deadline
        }
        catch (Exception late) when (late is TimeoutRejectedException
            or RpcException { StatusCode: StatusCode.DeadlineExceeded })
        {
            var why = last is null ? ""
                : $" The last attempt that ended did so with {last.StatusCode}: {last.Status.Detail}";
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, $"There was no answer by the deadline.{why}",
                last ?? late));
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private static async Task<TResponse> MessageAsync<TResponse>(Task<Answer> answer) =>
        (TResponse)(await answer).Message;

    private static async Task<Metadata> HeadersOf(object call) => (await (Task<Answer>)call).Headers;

    private static Status StatusOf(object call) => (Task<Answer>)call switch
    {
        { IsCompletedSuccessfully: true } => Status.DefaultSuccess,
        { IsFaulted: true } failed when failed.Exception!.InnerException is RpcException fault => fault.Status,
        _ => throw new InvalidOperationException("The call has not ended."),
    };

    private static Metadata TrailersOf(object call) => (Task<Answer>)call switch
    {
        { IsCompletedSuccessfully: true } ended => ended.Result.Trailers,
        { IsFaulted: true } failed when failed.Exception!.InnerException is RpcException fault => fault.Trailers,
        _ => throw new InvalidOperationException("The call has not ended."),
    };
}
