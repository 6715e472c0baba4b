using Grpc.Core;

namespace DeviceRegistry.Grpc.Tests.Calls;

/// <summary>The service behind every test of this project. It does what its proto says.</summary>
internal sealed class ProbeService : Probe.ProbeBase
{
    private readonly TaskCompletionSource _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _waitCancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Done when a call of Wait has reached the service.</summary>
    public Task Waiting => _waiting.Task;

    /// <summary>Done when the service has learned that nobody waits for Wait any more.</summary>
    public Task WaitCancelled => _waitCancelled.Task;

    public override async Task<Text> Echo(Text request, ServerCallContext context)
    {
        var headers = new Metadata();
        foreach (var entry in context.RequestHeaders.Where(entry => entry.Key.StartsWith("probe-", StringComparison.Ordinal)))
        {
            headers.Add(entry);
            context.ResponseTrailers.Add(entry);
        }

        await context.WriteResponseHeadersAsync(headers);
        return request;
    }

    public override async Task<Text> Join(IAsyncStreamReader<Text> requestStream, ServerCallContext context)
    {
        var texts = new List<string>();
        while (await requestStream.MoveNext()) texts.Add(requestStream.Current.Text_);
        return new Text { Text_ = string.Join(' ', texts) };
    }

    public override async Task Split(Text request, IServerStreamWriter<Text> responseStream, ServerCallContext context)
    {
        foreach (var word in request.Text_.Split(' '))
        {
            if (word == "fail") throw new RpcException(new Status(StatusCode.Aborted, "asked to"));
            await responseStream.WriteAsync(new Text { Text_ = word }, context.CancellationToken);
        }
    }

    public override async Task Shout(
        IAsyncStreamReader<Text> requestStream, IServerStreamWriter<Text> responseStream, ServerCallContext context)
    {
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(new Text { Text_ = request.Text_.ToUpperInvariant() });
        }
    }

    public override Task<Text> Fail(Failure request, ServerCallContext context) => throw new RpcException(
        new Status((StatusCode)request.Code, request.Detail),
        new Metadata { { "probe-reason", "asked to" }, { "probe-raw-bin", new byte[] { 0, 255, 128 } } });

    public override Task<Text> Stumble(Text request, ServerCallContext context) =>
        throw new InvalidOperationException("a secret");

    public override async Task<Text> Wait(Text request, ServerCallContext context)
    {
        _waiting.SetResult();
        try
        {
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        }
        finally
        {
            _waitCancelled.SetResult();
        }

        return request;
    }
}
