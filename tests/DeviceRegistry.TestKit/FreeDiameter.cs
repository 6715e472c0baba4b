using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;

namespace DeviceRegistry.TestKit;

/// <summary>The answers that freeDiameter reported. It repeats every request that was answered "too busy".</summary>
public sealed record Asked(int Answered, int White, int Grey, int Black, int Other, int Busy, int Watchdogs);

/// <summary>Debian's freeDiameter with our S13 dictionary as an extension, as an MME that sends checks or as an EIR
/// that answers.</summary>
public sealed partial class FreeDiameter
{
    private readonly string _folder;

    private FreeDiameter(string folder) => _folder = folder;

    /// <summary>Builds the extension in a folder that also holds its files.</summary>
    public static async Task<FreeDiameter> BuildAsync(string folder)
    {
        var source = Path.Combine(Scripts.Checkout, "tests", "freediameter", "s13.c");
        var (code, output) = await Scripts.RunAsync(folder, "gcc",
            ["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", Path.Combine(folder, "s13.fdx"), source]);
        return code is 0 ? new FreeDiameter(folder)
            : throw new InvalidOperationException(
            $"The extension of freeDiameter cannot be built; deploy/test.sh installs gcc and " +
            $"libfreediameter-dev.\n{output}");
    }

    /// <summary>Connects to a server as an MME, sends checks, waits for a watchdog exchange of its own if required,
    /// sends DPR, and ends.</summary>
    public async Task<(Asked Asked, int Code, string Output)> AskAsync(string host, string realm, string peer,
        IPEndPoint server, int checks, bool watchdog, CancellationToken ct)
    {
        using var process = Start(host, realm, $"""
            Port = 0;
            SecPort = 0;
            ConnectPeer = "{peer}" {"{"} ConnectTo = "{server.Address}"; Port = {server.Port}; No_TLS; {"}"};
            """, $"mode=ask;peer={peer};realm={realm};checks={checks};window=64;watchdog={(watchdog ? 1 : 0)}");
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(ct), process.StandardError.ReadToEndAsync(ct));
        try
        {
            await process.WaitForExitAsync(ct);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }

        var said = await output + await errors;
        var numbers = Line().Match(said).Groups.Values.Skip(1)
            .Select(g => int.Parse(g.Value, global::System.Globalization.CultureInfo.InvariantCulture)).ToList();
        return (numbers.Count is 7 ? new Asked(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5],
            numbers[6]) : new Asked(0, 0, 0, 0, 0, 0, 0), process.ExitCode, said);
    }

    /// <summary>An EIR that answers every ECR with WHITELISTED from an empty handler. The caller ends the
    /// process.</summary>
    public Process Answer(string host, string realm, int port) => Start(host, realm, $"""
        Port = {port};
        SecPort = 0;
        """, "mode=answer");

    private Process Start(string host, string realm, string more, string options)
    {
        var (certificate, key, file) =
            (Path.Combine(_folder, "own.pem"), Path.Combine(_folder, "own.key"),
            Path.Combine(_folder, $"{host}-{Guid.NewGuid():N}.conf"));
        using (var own = ECDsa.Create(ECCurve.NamedCurves.nistP256))
        {
            // freeDiameter does not start without a certificate, even over TCP, and the certificate must name the host.
            var request = new CertificateRequest($"CN={host}", own, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(host);
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            using var issued = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1),
                TimeProvider.System.GetUtcNow().AddDays(30));
            File.WriteAllText(certificate, issued.ExportCertificatePem() + "\n");
            File.WriteAllText(key, own.ExportPkcs8PrivateKeyPem() + "\n");
        }

        File.WriteAllText(file, $"""
            Identity = "{host}";
            Realm = "{realm}";
            ListenOn = "127.0.0.1";
            No_SCTP;
            No_IPv6;
            NoRelay;
            TwTimer = 6;
            TcTimer = 1;
            TLS_Cred = "{certificate}", "{key}";
            TLS_CA = "{certificate}";
            {more}
            LoadExtension = "{Path.Combine(_folder, "s13.fdx")}" : "{options}";

            """);
        return Process.Start(new ProcessStartInfo("freeDiameterd", ["-c", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true
        })!;
    }

    [GeneratedRegex(
        @"s13-asked: (\d+) answered, (\d+) white, (\d+) grey, (\d+) black, (\d+) other, (\d+) busy, (\d+) watchdogs")]
    private static partial Regex Line();
}
