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

/// <summary>How long a node takes from the start of its process until it says that it is ready, while the registrar is
/// away: from its own snapshot, and beside it, as what one would do without, from its copy of the whole journal. Then
/// the same for a fresh node beside a registrar on this machine: by the feed, and by the registrar's snapshot. All of
/// it real processes.</summary>
/// <remarks>Half of the IMEIs are consecutive serials, half are every fifth or so: one byte of the journal each, in
/// entries of 64 Ki.</remarks>
internal static partial class Restart
{
    public static async Task<int> RunAsync(int millions, int rounds)
    {
        RegistryProcess.StartLimit = TimeSpan.FromMinutes(15);
        await using var cluster = await TestCluster.StartAsync();
        var database = cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, await cluster.CloneAsync());
        var state = Directory.CreateTempSubdirectory("drb").FullName;
        var imeis = millions * 1_000_000L;

        // 1. A journal, and a node that followed all of it and keeps no snapshot.
        List<Started> byFeed = [], replayed = [], restarted = [], bySnapshot = [];
        string written;
        await using (var registrar = await RegistrarAsync(state, database, "0"))
        {
            await ReleaseAsync(database, imeis);
            byFeed.Add(await StartAsync(state, "node-a1", registrar, imeis, "--snapshot-entries", "0"));
            for (var round = 0; round < rounds; round++) replayed.Add(await StartAsync(state, "node-a1", null, imeis));

            // 2. The same node, once it has written one.
            await using var node = await NodeAsync(state, "node-a1", registrar, "--snapshot-entries", "1");
            await UntilAsync(() => node.Output.Contains("is on the disk", StringComparison.Ordinal));
            written = Written().Match(node.Output).Value;
        }

        for (var round = 0; round < rounds; round++) restarted.Add(await StartAsync(state, "node-a1", null, imeis));

        // 3. A registrar that has a snapshot to give, and nodes that have nothing.
        await using (var registrar = await RegistrarAsync(state, database, "1"))
        {
            // Of all of it: while it catches up, it writes some that are smaller.
            await UntilAsync(() => Given().Matches(registrar.Output)
                .Any(m => long.Parse(m.Groups[1].Value,
                CultureInfo.InvariantCulture) >= imeis / JournalEntryRules.ChunkMax));
            for (var round = 0; round < rounds; round++)
            {
                if (Directory.Exists(Path.Combine(state, "nodes", "node-b1"))) Directory.Delete(
                    Path.Combine(state, "nodes", "node-b1"), recursive: true);
                bySnapshot.Add(await StartAsync(state, "node-b1", registrar, imeis));
            }
        }

        Console.WriteLine($"{imeis:N0} IMEIs; {Environment.ProcessorCount} cores; {written}");
        Console.WriteLine(
            "start of the process until it is ready, ms; its CPU time, ms; its resident memory, MB (medians, most):");
        Say("restart from its snapshot", restarted);
        Say("restart from the whole copy (baseline)", replayed);
        Say("fresh node by the registrar's snapshot", bySnapshot);
        Say("fresh node by the feed (baseline)", byFeed);
        Console.WriteLine(
            $"snapshot / copy, medians: {Median(restarted, s => s.Ms) / Median(replayed, s => s.Ms):0.000} of the " +
            $"time, {Median(restarted, s => s.CpuMs) / Median(replayed, s => s.CpuMs):0.000} of the CPU; target for " +
            $"100 million: 5,000 ms");
        Directory.Delete(state, recursive: true);
        return 0;
    }

    private sealed record Started(double Ms, double CpuMs, double ResidentMb);

    private static double Median(List<Started> starts, Func<Started, double> of) =>
        Statistics.Median([.. starts.Select(of)]);

    private static void Say(string what, List<Started> starts) =>
        Console.WriteLine(
            $"  {what,-40} {Median(starts, s => s.Ms),9:N0} {starts.Max(s => s.Ms),9:N0}   CPU " +
            $"{Median(starts, s => s.CpuMs),9:N0}   {Median(starts, s => s.ResidentMb),7:N0} MB   of {starts.Count}");

    private static Task<RegistryProcess> RegistrarAsync(string state, string database, string snapshotEntries) =>
        RegistryProcess.StartAsync(
        state, "--demo", "--roles", "Registrar,Web", "--database", database, "--checkpoint-entries", "1000000",
            "--snapshot-entries", snapshotEntries);

    // A registrar that is not there: what the node has on its disk is all there is.
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
        if (long.Parse(known, CultureInfo.InvariantCulture) != imeis) throw new InvalidOperationException(
            $"the node knows {known} IMEIs");

        using var process = Process.GetProcessById(node.Id);
        return new Started(ms, process.TotalProcessorTime.TotalMilliseconds, process.WorkingSet64 / 1e6);
    }

    // As the registrar journals a release, through the database's own functions.
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
        using var most = new CancellationTokenSource(RegistryProcess.StartLimit);
        while (!isSo()) await Task.Delay(20, most.Token);
    }

    [GeneratedRegex("A snapshot of position.*")]
    private static partial Regex Written();

    [GeneratedRegex("A snapshot of position ([0-9]+), [0-9]+ bytes, is there for nodes that ask")]
    private static partial Regex Given();

    [GeneratedRegex("device_registry_node_devices ([0-9]+)")]
    private static partial Regex Devices();
}
