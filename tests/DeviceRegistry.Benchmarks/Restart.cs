using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Npgsql;

namespace DeviceRegistry.Benchmarks;

/// <summary>Time from the start of a node's process until it reports that it is ready. First without a registrar: from
/// its own snapshot, and as a baseline from its copy of the whole journal. Then a fresh node with a registrar on this
/// machine: by the feed, and by the registrar's snapshot. All are real processes.</summary>
/// <remarks>Half of the IMEIs are consecutive serials, half are about every fifth serial: one byte of the journal each,
/// in entries of 64 Ki.</remarks>
internal static partial class Restart
{
    public static Benchmark Benchmark { get; } = new("restart",
        "Time until an attach node is ready, from a snapshot, beside the whole journal: restarted, and fresh.",
        [new("imeis", "million IMEIs", 10, 1, 1), new("rounds", "interleaved rounds", 5, 3, 1)], ["postgres"],
        values => WorkFolder.WithAsync(folder => RunAsync(values[0], values[1], folder)));

    private static async Task RunAsync(int millions, int rounds, string state)
    {
        RegistryProcess.StartLimit = TimeSpan.FromMinutes(15);
        await using var cluster = await TestCluster.StartAsync();
        var database = cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, await cluster.CloneAsync());
        var imeis = millions * 1_000_000L;
        Starts restarted = new("restart from its snapshot"), replayed = new("restart from the whole copy (baseline)"),
            bySnapshot = new("fresh node by the registrar's snapshot"),
            byFeed = new("fresh node by the feed (baseline)");

        // 1. A journal and two nodes with all of it: one has a snapshot, the other has none. A new node downloads a
        // snapshot if the registrar has one, so the rounds by the feed cannot alternate with those by the snapshot.
        string written;
        await using (var registrar = await RegistrarAsync(state, database, "0"))
        {
            await ReleaseAsync(database, imeis);
            for (var round = 0; round < rounds; round++) byFeed.Add(
                await StartFreshAsync(state, registrar, imeis, "--snapshot-interval-entries", "0"));
            await using var node = await NodeAsync(state, "node-a1", registrar, "--snapshot-interval-entries", "1");
            await UntilAsync(() => node.Output.Contains("Snapshot written at position", StringComparison.Ordinal));
            written = Written().Match(node.Output).Value;
        }

        for (var round = 0; round < rounds; round++)
        {
            restarted.Add(await StartAsync(state, "node-a1", null, imeis));
            replayed.Add(await StartAsync(state, "node-b1", null, imeis, "--snapshot-interval-entries", "0"));
        }

        // 2. A registrar with a snapshot, and nodes without data.
        await using (var registrar = await RegistrarAsync(state, database, "1"))
        {
            // The snapshot of the whole journal: while the registrar catches up, it writes smaller ones.
            await UntilAsync(() => Given().Matches(registrar.Output)
                .Any(m => long.Parse(m.Groups[1].Value,
                CultureInfo.InvariantCulture) >= imeis / JournalEntryRules.ChunkMax));
            for (var round = 0; round < rounds; round++) bySnapshot.Add(
                await StartFreshAsync(state, registrar, imeis));
        }

        Console.WriteLine($"{imeis:N0} IMEIs; {written}");
        Console.WriteLine(
            "start of the process until it is ready, ms (median, maximum); its CPU time, ms; its resident memory, MB:");
        foreach (var starts in (Starts[])[restarted, replayed, bySnapshot, byFeed]) Console.WriteLine(
            $"  {starts.Name,-40} {starts.Ms.Median,9:N0} {starts.Ms.Max,9:N0}   CPU {starts.CpuMs.Median,9:N0}   " +
            $"{starts.ResidentMb.Median,7:N0} MB   of {starts.Ms.Count}");
        Console.WriteLine(
            $"snapshot / copy, medians of the ratios: {Figure.Ratio(restarted.Ms, replayed.Ms).Median:0.000} of the " +
            $"time, {Figure.Ratio(restarted.CpuMs, replayed.CpuMs).Median:0.000} of the CPU; target for 100 million: " +
            $"5,000 ms");
    }

    private sealed record Started(double Ms, double CpuMs, double ResidentMb);

    private sealed class Starts(string name)
    {
        public string Name => name;

        public Figure Ms { get; } = new($"{name}: elapsed");

        public Figure CpuMs { get; } = new($"{name}: CPU");

        public Figure ResidentMb { get; } = new($"{name}: resident memory");

        public void Add(Started started)
        {
            Ms.Add(started.Ms);
            CpuMs.Add(started.CpuMs);
            ResidentMb.Add(started.ResidentMb);
        }
    }

    private static Task<RegistryProcess> RegistrarAsync(string state, string database, string snapshotEntries) =>
        RegistryProcess.StartAsync(
        state, "--demo", "--roles", "Registrar,Web", "--database", database, "--checkpoint-entries", "1000000",
            "--snapshot-interval-entries", snapshotEntries);

    private static Task<Started> StartFreshAsync(string state, RegistryProcess registrar, long imeis,
        params string[] more)
    {
        if (Directory.Exists(Path.Combine(state, "nodes", "node-b1"))) Directory.Delete(
            Path.Combine(state, "nodes", "node-b1"), recursive: true);
        return StartAsync(state, "node-b1", registrar, imeis, more);
    }

    // Without a registrar, the node has only the data on its disk.
    private static Task<RegistryProcess> NodeAsync(string state, string name, RegistryProcess? registrar,
        params string[] more) => RegistryProcess.StartAsync(
        state, ["--roles", "Attach,Web", "--node", name, "--registrar", registrar is null ? "https://localhost:1"
            : $"https://localhost:{registrar.Address("registrar").Port}", .. more]);

    private static async Task<Started> StartAsync(string state, string name, RegistryProcess? registrar, long imeis,
        params string[] more)
    {
        var clock = Stopwatch.StartNew();
        await using var node = await NodeAsync(state, name, registrar, more);
        var ms = clock.Elapsed.TotalMilliseconds;
        using var http = new HttpClient();
        var known = Devices().Match(await http.GetStringAsync($"http://{node.Address("web")}/metrics")).Groups[1].Value;
        if (long.Parse(known, CultureInfo.InvariantCulture) != imeis) throw new FigureException(
            $"start of {name}", $"the node knows {known} IMEIs of {imeis}");

        using var process = Process.GetProcessById(node.Id);
        return new Started(ms, ServerCpu.Of(node.Id) * 1e3, process.WorkingSet64 / 1e6);
    }

    // Journals a release as the registrar does, through the database's own functions.
    private static async Task ReleaseAsync(string database, long imeis)
    {
        await using var source = NpgsqlDataSource.Create(database);
        foreach (var chunk in Imeis(imeis).Chunk(JournalEntryRules.ChunkMax))
        {
            var id = Guid.NewGuid();
            await using var stage = source.CreateCommand("SELECT journal_stage($1, $2, true, 0, $3, '', '{}', '{}')");
            foreach (object value in (object[])[id, (int)JournalKind.ImeisReleased,
                new ImeisReleased { ImeiDeltas =
                { JournalEntryRules.ToDeltas(chunk) } }.ToByteArray()]) stage.Parameters.Add(new() { Value = value });
            await stage.ExecuteNonQueryAsync();
            await using var append = source.CreateCommand("SELECT journal_append(ARRAY[$1])");
            append.Parameters.Add(new() { Value = id });
            await append.ExecuteNonQueryAsync();
        }
    }

    private static IEnumerable<ulong> Imeis(long count)
    {
        var random = new Random(20_261_126);
        var imei = 35_000_000UL * 1_000_000;
        for (var i = 0L; i < count; i++) yield return imei += i < count / 2 ? 1UL : (ulong)random.Next(1, 10);
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        using var most = new CancellationTokenSource(RegistryProcess.StartLimit, TimeProvider.System);
        while (!isSo()) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, most.Token);
    }

    [GeneratedRegex("Snapshot written at position.*")]
    private static partial Regex Written();

    [GeneratedRegex("Snapshot published at position ([0-9]+), [0-9]+ bytes")]
    private static partial Regex Given();

    [GeneratedRegex("device_registry_node_devices\\{\\} ([0-9]+)")]
    private static partial Regex Devices();
}
