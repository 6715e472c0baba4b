using System.Diagnostics;
using System.Threading.Channels;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Benchmarks;

/// <summary>All devices attach again: checks at a fixed rate that does not wait for answers, by stream with mutual TLS.
/// Measures the latency of an answer from the scheduled time of its check, and the CPU time of node and client. Then
/// the same while the node applies new journal entries.</summary>
internal static class Storm
{
    private const int Connections = 4;
    private const int ChecksEach = 64;

    public static Benchmark Benchmark { get; } = new("storm",
        "Answer times of checks at a rate that does not wait for answers, with and without journal entries beside.",
        [
            new("rate", "checks a second", 75_000, 1_000, 1_000), new("seconds", "seconds of each run", 20, 5, 1),
            new("entries", "journal entries a second beside", 10_000, 100, 100),
        ],
        ["postgres"], values => RunAsync(values[0], values[1], values[2]));

    private static async Task RunAsync(int rate, int seconds, int tail)
    {
        await using var node = await NodeUnderTest.StartAsync(withTail: true);
        await node.Centre.PauseAsync();
        // Warm up.
        await AskAsync(node, rate, Math.Min(3, seconds));
        Console.WriteLine(
            $"{Connections} streams with mutual TLS, messages of up to {ChecksEach}; node and client share the " +
            $"cores; an answer's time counts from when its check was due, {seconds} s each; a tenth of the rate is " +
            $"the baseline:");
        foreach (var asked in (int[])[rate / 10, rate])
            foreach (var entries in (int[])[0, tail])
            {
                var (sent, watch) = (node.Tail!.Sent, Stopwatch.StartNew());
                node.Tail.Rate = entries;
                var measured = await AskAsync(node, asked, seconds);
                node.Tail.Rate = 0;
                var beside = (node.Tail.Sent - sent) / watch.Elapsed.TotalSeconds;
                Print($"{asked:N0} checks/s " +
                    $"asked{(entries > 0 ? $", beside {beside:N0} entries/s of the journal" : "")}", measured,
                    seconds);
            }
    }

    private static void Print(string what, Measured all, int seconds)
    {
        var latencies = new Figure($"{what}: answer time");
        foreach (var micros in all.Latencies) latencies.Add(micros / 1_000.0);
        string At(double q, int samplesMin) => latencies.Count >= samplesMin ? $"{latencies.Quantile(q),6:0.00}"
            : $"not stated (needs {samplesMin:N0} samples)";
        Figure.Require($"{what}: CPU of the node", all.NodeCpu);
        Figure.Require($"{what}: CPU of the client", all.ClientCpu);
        Console.WriteLine(
            $"  {what,-68} {all.Answered / (double)seconds,8:N0}/s answered  p50 {At(0.5, 1)}  p99 {At(0.99, 100)}  " +
            $"p99.9 {At(0.999, 1_000)}  max {latencies.Max,7:0.00} ms of {latencies.Count:N0} messages;"
            + $"  node {all.NodeCpu / seconds:0.00} cores, {all.NodeCpu * 1e6 / all.Answered:0.00} µs a check; " +
                $"client {all.ClientCpu / seconds:0.00} cores");
    }

    private sealed record Measured(List<int> Latencies, long Answered, double NodeCpu, double ClientCpu);

    private static async Task<Measured> AskAsync(NodeUnderTest node, int rate, int seconds)
    {
        // At a low rate a message contains fewer checks, so that messages are sent as often.
        var each = Math.Clamp(rate / 1_000, 1, ChecksEach);
        var messages = (long)rate * seconds / each;
        var due = new long[messages];
        var latencies = new List<int>((int)messages);
        using var over = new CancellationTokenSource();
        var streams = Enumerable.Range(0, Connections)
            .Select(_ => new AttachService.AttachServiceClient(node.Open(tls: true))
            .CheckStream(cancellationToken: over.Token)).ToList();
        var queues = streams.Select(_ => Channel.CreateUnbounded<long>()).ToList();
        var answered = 0L;
        var work = streams.Select((stream, s) => Task.WhenAll(
            Task.Run(async () =>
            {
                var message = new CheckStreamRequest
                {
                    Checks =
                    { Enumerable.Range(0, each).Select(i => new NumberedCheck { Check = node.Check(i * 31 + s) }) }
                };
                await foreach (var m in queues[s].Reader.ReadAllAsync())
                {
                    foreach (var check in message.Checks) check.Id = (ulong)m;
                    await stream.RequestStream.WriteAsync(message);
                }

                await stream.RequestStream.CompleteAsync();
            }),
            Task.Run(async () =>
            {
                while (await stream.ResponseStream.MoveNext(CancellationToken.None))
                {
                    var now = Stopwatch.GetTimestamp();
                    var answers = stream.ResponseStream.Current.Answers;
                    Interlocked.Add(ref answered, answers.Count);
                    lock (latencies)
                        for (var i = 0; i < answers.Count; i += each) latencies.Add(
                            (int)Stopwatch.GetElapsedTime(due[answers[i].Id], now).TotalMicroseconds);
                }
            }))).ToList();

        var (cpu, own) = (ServerCpu.Of(node.Node.Id), ServerCpu.Of(Environment.ProcessId));
        var (began, sent, perMessage) = (Stopwatch.GetTimestamp(), 0L, (double)each / rate * Stopwatch.Frequency);
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        while (sent < messages)
        {
            await tick.WaitForNextTickAsync();
            for (var until = Math.Min(messages,
                (long)((Stopwatch.GetTimestamp() - began) / perMessage)); sent < until; sent++)
            {
                due[sent] = began + (long)(sent * perMessage);
                await queues[(int)(sent % Connections)].Writer.WriteAsync(sent);
            }
        }

        foreach (var queue in queues) queue.Writer.Complete();
        await Task.WhenAll(work);
        if (answered != messages * each) throw new FigureException("checks answered",
            $"{messages * each} were sent and {answered} answered");

        var measured = new Measured(latencies, answered, ServerCpu.Of(node.Node.Id) - cpu,
            ServerCpu.Of(Environment.ProcessId) - own);
        foreach (var stream in streams) stream.Dispose();
        node.Close();
        return measured;
    }
}
