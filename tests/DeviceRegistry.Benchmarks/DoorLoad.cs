using System.Diagnostics;
using DeviceRegistry.Contracts.V1;
using Grpc.Core;

namespace DeviceRegistry.Benchmarks;

/// <summary>A load: the method, the number of connections, and the calls or messages in progress on each.</summary>
internal sealed record Way(string Name, int Connections, int UnderWay, int ChecksEach,
    Func<NodeUnderTest, CallInvoker, int, Func<int>, Action<int>, CancellationToken, Task> AskAsync)
{
    /// <summary>Checks in progress at once.</summary>
    public int Depth => Connections * UnderWay * ChecksEach;

    public static Way Echo(int connections, int underWay) =>
        new("unary echo", connections, underWay, 1, (node, invoker, underWay, next, done, ct) =>
        ByCallsAsync(underWay, done, async () =>
    {
        using var call = invoker.AsyncUnaryCall(NodeHost.Echo.Method, null, new CallOptions(), node.Check(next()));
        await call;
        return 1;
    }, ct));

    public static Way Unary(int connections, int underWay) =>
        new("unary Check", connections, underWay, 1, (node, invoker, underWay, next, done, ct) =>
        ByCallsAsync(underWay, done, async () =>
    {
        await new AttachService.AttachServiceClient(invoker).CheckAsync(node.Check(next()));
        return 1;
    }, ct));

    public static Way Batch(int connections, int checks) =>
        new($"CheckMany of {checks:N0}", connections, 1, checks, async (node, invoker, _, next, done, ct) =>
    {
        var batch = new CheckManyRequest { Checks = { Enumerable.Range(0, checks).Select(_ => node.Check(next())) } };
        await ByCallsAsync(1, done, async () =>
            (await new AttachService.AttachServiceClient(invoker).CheckManyAsync(batch)).Answers.Count, ct);
    });

    public static Way Stream(int connections, int underWay, int checks) =>
        new($"CheckStream, {checks} a message", connections, underWay, checks,
        async (node, invoker, underWay, next, done, ct) =>
    {
        using var stream = new AttachService.AttachServiceClient(invoker).CheckStream(cancellationToken: ct);
        var message = new CheckStreamRequest
        {
            Checks =
            { Enumerable.Range(0, checks).Select(i =>
            new NumberedCheck { Id = (ulong)i, Check = node.Check(next()) }) }
        };
        using var buffer = new SemaphoreSlim(underWay);
        var reading = Task.Run(async () =>
        {
            var open = 0;
            while (await stream.ResponseStream.MoveNext(ct))
            {
                var count = stream.ResponseStream.Current.Answers.Count;
                done(count);
                for (open += count; open >= checks; open -= checks) buffer.Release();
            }
        }, ct);
        try
        {
            while (true)
            {
                await buffer.WaitAsync(ct);
                await stream.RequestStream.WriteAsync(message, ct);
            }
        }
        catch (Exception) when (ct.IsCancellationRequested)
        {
            await reading.ContinueWith(_ => { }, TaskScheduler.Default);
        }
    });

    private static Task ByCallsAsync(int underWay, Action<int> done, Func<Task<int>> call, CancellationToken ct) =>
        Task.WhenAll(Enumerable.Range(0, underWay).Select(_ => Task.Run(async () =>
    {
        while (!ct.IsCancellationRequested) done(await call());
    }, CancellationToken.None)));
}

/// <summary>Sends a load for a while and measures its cost at the node.</summary>
internal static class DoorLoad
{
    private static readonly TimeSpan Warm = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Checks per second, and CPU time of the node per check in µs.</summary>
    public static async Task<(double Rate, double Micros)> MeasureAsync(NodeUnderTest node, Way way, bool tls,
        TimeSpan time)
    {
        using var over = new CancellationTokenSource();
        var (asked, answered) = (0, 0L);
        var asking = Task.WhenAll(Enumerable.Range(0, way.Connections).Select(_ => way.AskAsync(
            node, node.Open(tls).CreateCallInvoker(), way.UnderWay, () =>
            Interlocked.Increment(ref asked), count => Interlocked.Add(ref answered, count), over.Token)));
        while (Interlocked.Read(ref answered) < way.Depth
            && !asking.IsCompleted) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        await Task.Delay(Warm, TimeProvider.System);
        var (cpu, count, watch) = (ServerCpu.Of(node.Node.Id), Interlocked.Read(ref answered), Stopwatch.StartNew());

        // On a busy machine the time alone may be too short: wait for at least as many answers as checks in progress.
        for (; watch.Elapsed < time || Interlocked.Read(ref answered) - count < way.Depth;
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System))
        {
            if (asking.IsCompleted) await asking;
            if (asking.IsCompleted || watch.Elapsed > time + Limit) throw new FigureException(way.Name,
                $"{Interlocked.Read(ref answered) - count} checks were answered in {watch.Elapsed}");
        }

        var (used, made, seconds) = (ServerCpu.Of(node.Node.Id) - cpu, Interlocked.Read(ref answered) - count,
            watch.Elapsed.TotalSeconds);
        await over.CancelAsync();
        await asking;
        node.Close();
        return (made / seconds, used * 1e6 / made);
    }
}
