using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.Benchmarks;

/// <summary>CPU cost of a check through S13. Baselines: a GET of Redis, and freeDiameter that answers the same requests
/// from an empty handler. Measures the CPU time of the answering process (/proc/PID/stat) with the same client, the
/// same connections and the same number in flight on each, one after another in each round. Then Redis's own client,
/// and the latency at half of the highest rate with one request in flight per connection, where each check is a
/// separate message.</summary>
internal static class S13
{
    private const int Prepared = 512;
    private const int WaitMs = 30_000;
    private static readonly (int Peers, int InFlight)[] Cells =
        [.. new[] { 1, 4, 32 }.SelectMany(_ => new[] { 1, 16, 64 }, (peers, flight) => (peers, flight))];

    public static Benchmark Benchmark { get; } = new("s13",
        "CPU of an attach node for an S13 request, beside freeDiameter with an empty handler and GET of Redis.",
        [new("rounds", "interleaved rounds", 5, 3, 1), new("ms", "milliseconds of each run", 1_000, 100, 50)],
        ["postgres", "redis-server", "redis-benchmark", "freeDiameterd", "gcc"],
        values => WorkFolder.WithAsync(folder => RunAsync(values[0], values[1], folder)));

    private static async Task RunAsync(int rounds, int ms, string folder)
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var server = await RegistryProcess.StartAsync(
            Path.Combine(folder, "state"), "--demo", "--database",
            cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, await cluster.CloneAsync()));
        var ports = (Redis: int.Parse(Scripts.FreePort(), CultureInfo.InvariantCulture),
            Free: int.Parse(Scripts.FreePort(), CultureInfo.InvariantCulture));
        using var redis = Quiet("redis-server", "--port", $"{ports.Redis}", "--save", "", "--appendonly", "no",
            "--bind", "127.0.0.1");
        using var free = (await FreeDiameter.BuildAsync(folder))
            .Answer("eir-f.opco-a.example", "opco-a.example", ports.Free);
        try
        {
            Target[] systems =
            [
                new("S13", server.Id, server.Address("s13"), IsRedis: false),
                new("Redis GET", redis.Id, new IPEndPoint(IPAddress.Loopback, ports.Redis), IsRedis: true),
                new("freeDiameter", free.Id, new IPEndPoint(IPAddress.Loopback, ports.Free), IsRedis: false),
            ];
            free.BeginOutputReadLine();
            free.BeginErrorReadLine();
            foreach (var system in systems) await UntilItListensAsync(system.Address);
            Fill(systems[1]);
            Console.WriteLine(
                $"CPU of the server in µs an operation, medians of {rounds} interleaved rounds of {ms} ms; in " +
                $"brackets operations/s");
            Console.WriteLine(
                $"{"peers",5} {"in flight",9}   {string.Join("   ", systems.Select(s => $"{s.Name,20}"))}   " +
                $"{"S13/Redis",9} {"S13/free",9}");
            var best = 0.0;
            foreach (var (peers, flight) in Cells)
            {
                Figure[] Of(string what) => [.. systems.Select(s =>
                    new Figure($"{s.Name}, {peers} peers × {flight} in flight: {what}"))];
                var (cpus, rates) = (Of("server CPU"), Of("rate"));
                for (var round = 0; round <= rounds; round++)
                    for (var i = 0; i < systems.Length; i++)
                    {
                        var run = Measure(systems[i], peers, flight, ms);
                        if (round is 0) continue;                                                   // warm up

                        cpus[i].Add(run.Cpu);
                        rates[i].Add(run.Rate);
                    }

                var cpu = cpus.Select(c => c.Median).ToArray();
                var rate = rates.Select(r => r.Median).ToArray();
                if (flight is 1) best = Math.Max(best, rate[0]);
                Console.WriteLine(
                    $"{peers,5} {flight,9}   {string.Join("   ", cpu.Zip(rate, (c, r) => $"{c,8:0.00} ({r,9:0})"))}  " +
                    $" {cpu[0] / cpu[1],9:0.00} {cpu[0] / cpu[2],9:0.00}");
            }

            foreach (var (clients, pipeline) in new[] { (1, 1), (16, 1), (64, 1), (1, 16), (4, 16),
                (32, 16) }) await OwnClientAsync(redis.Id, ports.Redis, clients, pipeline);
            Latency(systems[0], peers: 4, best / 2, ms * 5);
        }
        finally
        {
            if (!redis.HasExited) redis.Kill();
            if (!free.HasExited) free.Kill();
        }
    }

    // Each connection has a thread, which sends a number of requests at once, receives as many answers, and repeats.
    private static (double Cpu, double Rate) Measure(Target system, int peers, int flight, int ms)
    {
        var connections = Enumerable.Range(0, peers).Select(i => Connect(system, $"bench{i}.opco-a.example")).ToList();
        var batches = connections.Select((_, i) => Batches(system, i, flight)).ToList();
        var done = new long[peers];
        var stop = false;
        using var start = new Barrier(peers + 1);
        var threads = connections.Select((socket, i) => new Thread(() =>
        {
            var buffer = new byte[256 * 1024];
            start.SignalAndWait();
            for (var n = 0; !Volatile.Read(ref stop); n++)
            {
                socket.Send(batches[i][n % batches[i].Length]);
                Take(socket, system, buffer, flight);
                done[i] += flight;
            }
        })).ToList();
        foreach (var thread in threads) thread.Start();
        start.SignalAndWait();
        var (cpu, watch) = (ServerCpu.Of(system.Pid), Stopwatch.StartNew());
        for (; watch.ElapsedMilliseconds < ms || done.Any(d => d is 0);
            Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System).Wait())
            if (watch.ElapsedMilliseconds > ms + WaitMs || threads.Any(t => !t.IsAlive)) throw new FigureException(
                system.Name, $"a connection of {peers} had no answer in {watch.Elapsed}");
        Volatile.Write(ref stop, true);
        foreach (var thread in threads) thread.Join();
        var (spent, seconds) = (ServerCpu.Of(system.Pid) - cpu, watch.Elapsed.TotalSeconds);
        foreach (var socket in connections) Part(system, socket);
        return (spent * 1e6 / done.Sum(), done.Sum() / seconds);
    }

    // One request at each clock interval, whether or not the previous one was answered. Latency counts from the
    // scheduled time of sending.
    private static void Latency(Target system, int peers, double rate, int ms)
    {
        var every = peers / rate * Stopwatch.Frequency;
        var all = new Figure("S13");
        var threads = Enumerable.Range(0, peers).Select(i => new Thread(() =>
        {
            using var socket = Connect(system, $"bench{i}.opco-a.example");
            var (batches, count) = (Batches(system, i, 1), (int)(ms * Stopwatch.Frequency / 1000 / every));
            var latencies = new List<double>(count);
            var begin = Stopwatch.GetTimestamp();
            var taking = new Thread(() =>
            {
                var buffer = new byte[256 * 1024];
                for (var taken = 0; taken < count;)
                {
                    var answers = TakeSome(socket, system, buffer);
                    var now = Stopwatch.GetTimestamp();
                    for (var k = 0; k < answers; k++,
                        taken++) latencies.Add((now - begin - taken * every) * 1000 / Stopwatch.Frequency);
                }
            });
            taking.Start();
            for (var n = 0; n < count; n++)
            {
                while (Stopwatch.GetTimestamp() - begin < n * every) Thread.Yield();
                socket.Send(batches[n % batches.Length]);
            }

            taking.Join();
            lock (all) latencies.ForEach(all.Add);
            Part(system, socket);
        })).ToList();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Console.WriteLine(
            $"S13 at half of its highest rate with one in flight, {rate:0}/s over {peers} peers, milliseconds from " +
            $"when a check was due, client and server on the same cores:");
        Console.WriteLine($"  {all.Distribution()}");
    }

    private static async Task OwnClientAsync(int pid, int port, int clients, int pipeline)
    {
        const int requests = 200_000;
        var cpu = ServerCpu.Of(pid);
        await Timing.ProgramAsync("redis-benchmark", "-p", $"{port}", "-t", "get", "-n", $"{requests}", "-c",
            $"{clients}", "-P", $"{pipeline}", "-q");
        var micros = Figure.Require($"redis-benchmark -c {clients} -P {pipeline}: server CPU",
            (ServerCpu.Of(pid) - cpu) * 1e6 / requests);
        Console.WriteLine(
            $"redis-benchmark -t get -c {clients,-3} -P {pipeline,-3} {micros,8:0.00} " +
            $"microseconds of the server an operation");
    }

    private static Socket Connect(Target system, string host)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(system.Address);
        if (system.IsRedis) return socket;

        socket.Send(DiameterMessage.Cer(host, applications: 16777252).ToBytes());
        Take(socket, system, new byte[4096], 1);
        return socket;
    }

    // Disconnects with DPR, so that neither server reports a lost peer.
    private static void Part(Target system, Socket socket)
    {
        if (!system.IsRedis)
        {
            socket.Send(DiameterMessage.Base(282).ToBytes());
            Take(socket, system, new byte[4096], 1);
        }

        socket.Dispose();
    }

    private static byte[][] Batches(Target system, int peer, int flight) =>
        [.. Enumerable.Range(0, Prepared).Select(n => $"867199{peer % 100:00}{n:000000}").Select(imei => system.IsRedis
            ? Encoding.ASCII.GetBytes($"*2\r\n$3\r\nGET\r\n$14\r\n{imei}\r\n")
            : DiameterMessage.Ecr(imei, "01", "410010000000001", $"bench{peer}.opco-a.example").ToBytes()).Chunk(flight)
                .Where(c => c.Length == flight).Select(c => c.SelectMany(m => m).ToArray())];

    private static void Take(Socket socket, Target system, byte[] buffer, int answers)
    {
        for (var taken = 0; taken < answers;) taken += TakeSome(socket, system, buffer);
    }

    // Reads whole answers only, because at least one is in flight; a partial answer is read to its end.
    private static int TakeSome(Socket socket, Target system, byte[] buffer)
    {
        for (var (at, end, taken) = (0, 0, 0); ;)
        {
            end += socket.Receive(buffer.AsSpan(end)) is var bytes and > 0 ? bytes
                : throw new EndOfStreamException(system.Name);
            while (LengthOf(system, buffer.AsSpan(at, end - at)) is var length and > 0)
            {
                // a watchdog request of the server is not an answer
                if (!system.IsRedis && (buffer[at + 4] & 0x80) is not 0) taken--;
                (at, taken) = (at + length, taken + 1);
            }

            if (at == end) return taken;
        }
    }

    // An answer of Redis is "$1\r
    // 0\r
    // ".
    private static int LengthOf(Target system, ReadOnlySpan<byte> bytes)
    {
        if (system.IsRedis)
        {
            var first = bytes.IndexOf((byte)'\n') + 1;
            var second = first is 0 ? 0 : bytes[first..].IndexOf((byte)'\n') + 1;
            return second is 0 ? 0 : first + second;
        }

        var length = bytes.Length < 4 ? int.MaxValue : (int)(BinaryPrimitives.ReadUInt32BigEndian(bytes) & 0xffffff);
        return length <= bytes.Length ? length : 0;
    }

    // Every key in the requests exists, like every IMEI at the node.
    private static void Fill(Target redis)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(redis.Address);
        var buffer = new byte[64 * 1024];
        foreach (var imei in Enumerable.Range(0, 32)
            .SelectMany(peer => Enumerable.Range(0, Prepared).Select(n => $"867199{peer:00}{n:000000}")))
        {
            socket.Send(Encoding.ASCII.GetBytes($"*3\r\n$3\r\nSET\r\n$14\r\n{imei}\r\n$1\r\n0\r\n"));
            socket.Receive(buffer);
        }
    }

    private static Process Quiet(string program, params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private static async Task UntilItListensAsync(IPEndPoint address)
    {
        for (var watch = Stopwatch.StartNew(); ;
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System))
        {
            try
            {
                using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(address);
                return;
            }
            catch (SocketException) when (watch.Elapsed < TimeSpan.FromSeconds(60))
            {
            }
        }
    }

    private sealed record Target(string Name, int Pid, IPEndPoint Address, bool IsRedis);
}
