using System.Reflection;
using System.Runtime.Versioning;

namespace DeviceRegistry.System.Tests;

/// <summary>From outside: a client nobody of us wrote, and a newcomer who follows the README.</summary>
[SupportedOSPlatform("linux")]
[CancelAfter(600_000)]
public sealed class OutsideTests
{
    [Test]
    public async Task An_independent_client_calls_every_kind_of_method()
    {
        var (code, output) = await Scripts.RunAsync(Path.Combine(Scripts.Checkout, "tests", "independent-client"), "node",
        [
            "client.js", "--registrar", $"localhost:{Registry.Server.Address("registrar").Port}", "--attach", $"localhost:{Registry.Server.Address("attach").Port}",
            "--certs", Path.Combine(Registry.Server.State, "certs"),
        ]);

        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Match(@"independent client: [1-9]\d* passed, 0 failed"));
    }

    [Test]
    public async Task The_tour_plays_on_a_new_registry_and_again_on_its_data()
    {
        var state = Registry.NewFolder();
        if (Environment.IsPrivilegedProcess) File.SetUnixFileMode(state, (UnixFileMode)Convert.ToInt32("711", 8));
        var environment = new Dictionary<string, string>
        {
            ["DEVICEREGISTRY_STATE"] = state,
            ["DEVICEREGISTRY_REGISTRAR_PORT"] = Scripts.FreePort(),
            ["DEVICEREGISTRY_ATTACH_PORT"] = Scripts.FreePort(),
            ["DEVICEREGISTRY_WEB_PORT"] = Scripts.FreePort(),
        };

        var first = await Scripts.RunAsync(Scripts.Checkout, Path.Combine(Scripts.Checkout, "deploy", "run.sh"), ["--tour"], environment);
        var second = await Scripts.RunAsync(Scripts.Checkout, Path.Combine(Scripts.Checkout, "deploy", "run.sh"), ["--tour"], environment);

        Assert.That(first.Code, Is.Zero, first.Output);
        Assert.That(second.Code, Is.Zero, second.Output);
        Assert.That(first.Output, Does.Contain("denied at attach"));
    }

    [Test]
    public async Task A_production_publish_is_refused_while_a_stand_in_is_resolved()
    {
        var standIn = typeof(Grpc.Core.Metadata).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Contains("stand-in", StringComparison.OrdinalIgnoreCase);

        var (code, output) = await Scripts.RunAsync(Scripts.Checkout, "dotnet",
        [
            "publish", Path.Combine("src", "DeviceRegistry.Server"), "-c", "Release", "-p:ProductionPublish=true", "--disable-build-servers", "-o", Registry.NewFolder(),
        ]);

        Assert.That(code is 0, Is.EqualTo(!standIn), output);
        Assert.That(output.Contains("DR0001", StringComparison.Ordinal), Is.EqualTo(standIn), output);
    }
}
