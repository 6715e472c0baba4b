using System.Diagnostics;
using System.Globalization;
using DeviceRegistry.Attach.Interfaces.S13;
using DeviceRegistry.Contracts.V1;

namespace DeviceRegistry.Attach.Tests.S13;

/// <summary>The messages that the node writes, decoded by Wireshark.</summary>
[CancelAfter(Patience.TestMs)]
[Category("RealClient")]
public sealed class TsharkTests
{
    private const uint ThreeGpp = DiameterAvp.ThreeGpp;

    [Test]
    public async Task Wireshark_decodes_every_message_of_the_node_without_an_error(
        CancellationToken ct)
    {
        await using var world = await S13World.StartAsync(unknown: UnknownAnswer.Unknown);
        await using var mme = await world.OpenAsync(ct);
        var good = DiameterMessage.Ecr(S13World.White, "01", "410010000000001",
            more: DiameterAvp.Group(284, 0, DiameterAvp.Text(280, "dra1.example"), DiameterAvp.Text(33, "state")));
        DiameterMessage[] requests =
        [
            good, DiameterMessage.Ecr(S13World.Black), DiameterMessage.Ecr(S13World.Grey),
            DiameterMessage.Ecr(S13World.Unknown), DiameterMessage.Base(280),
            DiameterMessage.Cer(applications: 16777252),
            good with { Application = 16777251 }, good with { Command = 323 }, good with { Flags = 0xE0 },
            good.Without(283).With(DiameterAvp.Text(283, "elsewhere.example")),
            good.With(DiameterAvp.Text(293, "x.example")),
            good.Without(263), good.Without(277), good.Without(1401, ThreeGpp), good.Without(264),
            good.With(DiameterAvp.Text(263, "mme1;1;1;again")), good.With(new DiameterAvp(278, 0, true, [1])),
            DiameterMessage.Ecr("\n"), DiameterMessage.Base(282),
        ];

        foreach (var request in requests) await mme.AskAsync(request, ct);
        await using var second = await world.OpenAsync(ct, "mme2.opco-a.example");
        world.Pass(33);
        await second.ReceiveAsync(ct);
        var stopping = world.Listener.StopAsync(ct);
        await second.ReceiveAsync(ct);
        await second.DisposeAsync();
        await stopping;

        var pcap = Path.GetTempFileName();
        var capture = new PacketCapture(3868);
        foreach (var message in mme.Received.Concat(second.Received)) capture.Take(fromCaller: false, message);
        capture.Save(pcap);
        var read = await TsharkAsync(pcap, ct);
        File.Delete(pcap);

        RealClients.Did("tshark", read.Count(p => p.Command.Length > 0));
        Assert.That(read, Has.Count.EqualTo(requests.Length + 4));
        Assert.That(read, Has.All.Matches<Packet>(p => p!.Command.Length > 0 && p.Malformed.Length is 0 && !p.HasError),
            string.Join('\n', read));
    }

    private static async Task<IReadOnlyList<Packet>> TsharkAsync(string pcap, CancellationToken ct)
    {
        var start = new ProcessStartInfo("tshark",
            ["-n", "-r", pcap, "-T", "fields", "-e", "diameter.cmd.code", "-e", "_ws.malformed", "-e",
            "_ws.expert.severity", "-e", "_ws.expert.message"])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        try
        {
            var (lines, errors) = (process.StandardOutput.ReadToEndAsync(ct), process.StandardError.ReadToEndAsync(ct));
            await process.WaitForExitAsync(ct);
            return process.ExitCode is 0
                ? [.. (await lines).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))
                    .Select(f => new Packet(f[0], f[1], f[2], f[3]))]
                : throw new AssertionException($"tshark ended with {process.ExitCode}: {await errors}");
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private sealed record Packet(string Command, string Malformed, string Severities, string Messages)
    {
        // PI_ERROR of Wireshark; several severities are separated by commas. Lower severities are warnings: a missing
        // text has an empty example.
        private const int Error = 0x800000;

        public bool HasError => Severities.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Any(s => int.Parse(s, CultureInfo.InvariantCulture) >= Error);
    }
}
