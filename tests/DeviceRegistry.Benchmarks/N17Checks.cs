using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace DeviceRegistry.Benchmarks;

/// <summary>CPU time of the server for a check at the N17 interface. Baseline: a GET of a fixed body of the same size
/// from a bare Kestrel on the same machine. h2load sends to both in turn.</summary>
internal static partial class N17Checks
{
    private const int StreamsPerConnection = 20;

    public static Benchmark Benchmark { get; } = new("n17",
        "CPU of an attach node for an N17 request, beside a GET of a fixed body from a bare Kestrel.",
        [new("requests", "requests of a round", 100_000, 10_000, 1_000),
            new("rounds", "interleaved rounds", 7, 3, 1)],
        ["postgres", "h2load"],
        values => WorkFolder.WithAsync(state => RunAsync(values[0], values[1], state)));

    private static async Task RunAsync(int requests, int rounds, string state)
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var registrar = await RegistryProcess.StartAsync(state, "--demo", "--roles", "Registrar,Web",
            "--database", cluster.Server.ConnectionString(RegistryDatabase.ServiceRole, await cluster.CloneAsync()));
        await using var node = await RegistryProcess.StartAsync(state, "--roles", "Attach,Web", "--registrar",
            $"https://localhost:{registrar.Address("registrar").Port}", "--n17-port", "0");
        using var plain = StartPlain();
        try
        {
            var port = (await plain.StandardOutput.ReadLineAsync())!;
            var path = "/n5g-eir-eic/v1/equipment-status?pei=imeisv-8665070400405301&supi=imsi-999700000021309";
            var (check, baseline) = ($"http://{node.Address("n17")}{path}", $"http://127.0.0.1:{port}{path}");
            Console.WriteLine(
                $"{StreamsPerConnection} streams a connection; CPU of the server process, µs a request (medians)");
            foreach (var connections in (int[])[4, 32])
            {
                // Warm up both, long enough for full optimization.
                for (var i = 0; i < 2; i++) (_, _) =
                    (await AskAsync(check, requests, connections), await AskAsync(baseline, requests, connections));

                Figure checks = new($"N17 request, {connections} connections: node CPU"),
                    plains = new($"plain GET, {connections} connections: Kestrel CPU");
                for (var round = 0; round < rounds; round++)
                {
                    checks.Add(await CostAsync(node.Id, check, requests, connections));
                    plains.Add(await CostAsync(plain.Id, baseline, requests, connections));
                }

                var ratio = Figure.Ratio(checks, plains);
                Console.WriteLine(
                    $"  {connections,2} connections: check {checks.Median:0.0}   plain GET (baseline) " +
                    $"{plains.Median:0.0}   ratio {ratio.Median:0.00} ({ratio.Min:0.00} to {ratio.Max:0.00}), " +
                    $"target 1.25");
            }
        }
        finally
        {
            plain.Kill();
        }
    }

    /// <summary>The baseline: a bare Kestrel that answers every GET with a body as long as a check's. Runs until it is
    /// killed; prints its port.</summary>
    public static async Task<int> ServePlainAsync()
    {
        var body = """{"status":"WHITELISTED"}"""u8.ToArray();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        await using var app = builder.Build();
        app.Run(http =>
        {
            http.Response.ContentType = "application/json";
            http.Response.ContentLength = body.Length;
            return http.Response.Body.WriteAsync(body).AsTask();
        });
        await app.StartAsync();
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        Console.WriteLine(new Uri(addresses.First()).Port);
        await app.WaitForShutdownAsync();
        return 0;
    }

    private static Process StartPlain() => Process.Start(
        new ProcessStartInfo("dotnet",
            [typeof(N17Checks).Assembly.Location, "n17-plain"])
        { RedirectStandardOutput = true })!;

    private static async Task<double> CostAsync(int process, string url, int requests, int connections)
    {
        var before = ServerCpu.Of(process);
        var answered = await AskAsync(url, requests, connections);
        return (ServerCpu.Of(process) - before) * 1e6 / answered;
    }

    // An overloaded machine rejects a few checks with a retry time. More than one in a hundred would invalidate the
    // measurement.
    private static async Task<int> AskAsync(string url, int requests, int connections)
    {
        var output = await Timing.ProgramAsync("h2load", "-n", $"{requests}", "-c", $"{connections}", "-m",
            $"{StreamsPerConnection}", url);
        var answered = Answered().Match(output) is { Success: true } found
            ? int.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
        return answered >= requests * 0.99 ? answered
            : throw new FigureException(url, $"{answered} of {requests} requests were answered 2xx");
    }

    [GeneratedRegex(@"status codes: (\d+) 2xx")]
    private static partial Regex Answered();
}
