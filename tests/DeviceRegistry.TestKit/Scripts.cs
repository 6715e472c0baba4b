using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace DeviceRegistry.TestKit;

/// <summary>Runs the programs that people and other systems run, as processes, in the checkout.</summary>
public static class Scripts
{
    /// <summary>The folder of the solution.</summary>
    public static string Checkout { get; } = FindCheckout();

    /// <summary>Runs a program to its end with an empty standard input. Returns its exit code and all its
    /// output.</summary>
    public static async Task<(int Code, string Output)> RunAsync(
        string folder, string program,
        IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder, RedirectStandardOutput = true,
            RedirectStandardError = true, RedirectStandardInput = true
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await errors);
    }

    /// <summary>Runs dreg against a server, with the certificates of its state folder.</summary>
    public static Task<(int Code, string Output)> DregAsync(
        RegistryProcess server, params IEnumerable<string> arguments) => DregAsync(
        [
            .. arguments, "--certs", Path.Combine(server.State, "certs"), "--registrar",
            $"https://localhost:{server.Address("registrar").Port}",
        ]);

    /// <summary>Runs dreg: the published one if DEVICEREGISTRY_TEST_DREG names its folder (deploy/test.sh sets it),
    /// otherwise the one built beside the tests.</summary>
    public static Task<(int Code, string Output)> DregAsync(params IEnumerable<string> arguments) =>
        Environment.GetEnvironmentVariable("DEVICEREGISTRY_TEST_DREG") is not { Length: > 0 } published
            || !Directory.Exists(published) ? RunAsync(Checkout, "dotnet", [BuiltDreg, .. arguments])
        : Path.Combine(published, "dreg") is var native && File.Exists(native) ? RunAsync(Checkout, native, arguments)
        : RunAsync(Checkout, "dotnet", [Path.Combine(published, "dreg.dll"), .. arguments]);

    /// <summary>The dreg built beside the tests, which needs the runtime.</summary>
    public static string BuiltDreg { get; } =
        Path.Combine(Checkout, "src", "DeviceRegistry.Cli", "bin", "Release", "net10.0", "dreg.dll");

    /// <summary>A port that was free a moment ago.</summary>
    public static string FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    private static string FindCheckout()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "DeviceRegistry.sln"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}
