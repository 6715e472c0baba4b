using System.Runtime.Versioning;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests;

/// <summary>The registry seen from outside: an independent client, and a new user who follows the README.</summary>
[SupportedOSPlatform("linux")]
[CancelAfter(Patience.TestMs)]
public sealed class OutsideTests
{
    [Test]
    public async Task An_independent_client_calls_every_kind_of_method()
    {
        var (code, output) = await Scripts.RunAsync(Path.Combine(Scripts.Checkout, "tests", "independent-client"),
            "node",
        [
            "client.js", "--registrar", $"localhost:{Registry.Server.Address("registrar").Port}", "--attach",
            $"localhost:{Registry.Server.Address("attach").Port}",
            "--certs", Path.Combine(Registry.Server.State, "certs"),
        ]);

        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Match(@"independent client: [1-9]\d* passed, 0 failed"));
    }

    [Test]
    public async Task The_tour_runs_on_a_new_registry_and_again_on_its_data()
    {
        var state = Registry.NewFolder();
        if (Environment.IsPrivilegedProcess) File.SetUnixFileMode(state, (UnixFileMode)Convert.ToInt32("711", 8));
        var environment = new Dictionary<string, string>
        {
            ["DEVICEREGISTRY_STATE"] = state,
            ["DEVICEREGISTRY_REGISTRAR_PORT"] = Scripts.FreePort(),
            ["DEVICEREGISTRY_ATTACH_PORT"] = Scripts.FreePort(),
            ["DEVICEREGISTRY_WEB_PORT"] = Scripts.FreePort(),
            ["DEVICEREGISTRY_N17_PORT"] = Scripts.FreePort(),
            ["DEVICEREGISTRY_S13_PORT"] = Scripts.FreePort(),
            ["DEVICEREGISTRY_S13_TLS_PORT"] = Scripts.FreePort(),
        };

        var first = await Scripts.RunAsync(Scripts.Checkout, Path.Combine(Scripts.Checkout, "deploy", "run.sh"),
            ["--tour"], environment);
        var second = await Scripts.RunAsync(Scripts.Checkout, Path.Combine(Scripts.Checkout, "deploy", "run.sh"),
            ["--tour"], environment);

        Assert.That(first.Code, Is.Zero, first.Output);
        Assert.That(second.Code, Is.Zero, second.Output);
        Assert.That(first.Output, Does.Contain("denied at attach"));
    }

    [Test]
    public async Task A_refused_second_server_leaves_the_database_running()
    {
        var folder = Directory.CreateTempSubdirectory("drc").FullName;
        var user = Environment.IsPrivilegedProcess ? "postgres" : "";
        var places = Registry.Cluster.Places with
        {
            Data = Path.Combine(folder, "data"),
            Sockets = Path.Combine(folder, "s"),
            OsUser = user
        };
        Directory.CreateDirectory(places.Data);
        Directory.CreateDirectory(places.Sockets);
        if (user.Length > 0) await Scripts.RunAsync(folder, "chown", ["-R", user, folder]);
        string[] options = ["--demo", "--pg-bin", places.Binaries, "--pg-data", places.Data, "--pg-socket",
            places.Sockets, "--pg-user", user];
        await using (var first = await RegistryProcess.StartAsync(Registry.NewFolder(), options))
        {
            Assert.That(async () => await RegistryProcess.LaunchAsync(Registry.NewFolder(), options),
                Throws.InvalidOperationException.With.Message.Contains("Another server is using the database"));
            Assert.That((await new PartiesService.PartiesServiceClient(first.Channel("registrar", "regulator-a"))
                .WhoAmIAsync(new WhoAmIRequest())).Actor, Is.EqualTo("regulator-a"));
        }

        Assert.That(File.Exists(Path.Combine(places.Data, "postmaster.pid")), Is.False,
            "the cluster ended with its server");
        Directory.Delete(folder, recursive: true);
    }
}
