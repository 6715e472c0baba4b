using Grpc.Core;
using Polly;
using Polly.Timeout;

namespace DeviceRegistry.Client;

/// <summary>A good answer, and the number of the node that gave it.</summary>
internal sealed record Answer(object Message, Metadata Headers, Metadata Trailers, int Node);

/// <summary>Runs unary calls through a pipeline, each attempt at the next of the equal nodes, the first at the one that
/// answered last. Streaming calls go there as they are: what a stream has said already cannot be said again.</summary>
internal sealed class ResilientInvoker(IReadOnlyList<CallInvoker> nodes, ResiliencePipeline<Answer> pipeline,
    TimeSpan usualDeadline, TimeProvider time) : ForwardingInvoker
{
    private volatile int _answeredLast;

    /// <inheritdoc/>
    private protected override CallInvoker Next => nodes[_answeredLast];

    /// <inheritdoc/>
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method,
        string? host, CallOptions options, TRequest request)
    {
        // Not disposed of: it holds no timer and no link, and the caller may give the call up at any time.
        var givenUp = new CancellationTokenSource();
        var answer = AskAsync(method, host,
            options.WithDeadline(options.Deadline ?? time.GetUtcNow().UtcDateTime + usualDeadline), request, givenUp);
        return new AsyncUnaryCall<TResponse>(
            MessageAsync<TResponse>(answer), call =>
            HeadersOf(call), call => StatusOf(call), call => TrailersOf(call), _ => givenUp.Cancel(), answer);
    }

    private async Task<Answer> AskAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request,
        CancellationTokenSource givenUp)
        where TRequest : class
        where TResponse : class
    {
        using var link = options.CancellationToken.UnsafeRegister(static end => ((CancellationTokenSource)end!)
            .Cancel(), givenUp);
        var context = ResilienceContextPool.Shared.Get(givenUp.Token);
        context.Properties.Set(Resilience.Deadline, options.Deadline!.Value);
        var turn = _answeredLast - 1;
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
                        // The pipeline ended this attempt itself; this is how it knows its own doing.
                        throw new OperationCanceledException(attempt.CancellationToken);
                    }
                    catch (RpcException fault) when (fault.StatusCode is not StatusCode.DeadlineExceeded)
                    {
                        last = fault;
                        throw;
                    }
                },
                context);
            _answeredLast = answer.Node;
            return answer;
        }
        catch (Exception) when (givenUp.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Cancelled, "The caller gave the call up."));
        }
        catch (RpcException told) when (told.StatusCode is StatusCode.DeadlineExceeded && told.Status.Detail.Length > 0)
        {
            throw;                                              // a server's own words, sent before its caller hung up
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
