using DeviceRegistry.Server;
using DeviceRegistry.TestKit;

namespace DeviceRegistry.System.Tests;

/// <summary>The server's options, tested by starting the server.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class OptionsTests
{
    private const string Secret = "not-to-be-told";

    [Test]
    public async Task Help_lists_every_option_with_meaning_default_and_variable()
    {
        var (code, output) = await RunAsync(["--help"]);

        Assert.That(code, Is.Zero, output);
        foreach (var setting in Setting.All) Assert.That(output,
            Does.Contain($"  {setting.Option}\n      {setting.Description}\n      Default: ").And.Contain(
            $"Variable: {setting.Variable}\n"));
    }

    [Test]
    public async Task The_version_is_one_line()
    {
        var (code, output) = await RunAsync(["--version"]);

        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Match(@"^\d+\.\d+\.\d+\S*\n$"));
    }

    [Test]
    public async Task The_printed_configuration_has_sources_and_no_secrets()
    {
        var state = Path.Combine(Registry.NewFolder(), "never-made");

        var (code, output) = await RunAsync(
            ["--print-config", "--state", state, "--demo", "--database",
            $"Host=nowhere.invalid;Username=registry_service;Password={Secret}"],
            new() { ["DEVICEREGISTRY_WEB_PORT"] = "8181", ["DEVICEREGISTRY_NODE"] = "overruled", });

        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Match(@"--web-port +8181  \(environment, DEVICEREGISTRY_WEB_PORT\)"));
        Assert.That(output, Does.Match(@"--demo +True  \(command line\)").And.Match(
            @"--trace-sample-ratio +0\.01  \(default\)"));
        Assert.That(output, Does.Contain("Password=***").And.Not.Contain(Secret));
        Assert.That(Directory.Exists(state), Is.False);
    }

    [Test]
    public async Task The_command_line_overrides_the_environment()
    {
        var (_, output) = await RunAsync(["--print-config", "--database", "Host=h", "--web-port", "8282"],
            new() { ["DEVICEREGISTRY_WEB_PORT"] = "8181" });

        Assert.That(output, Does.Match(@"--web-port +8282  \(command line\)"));
    }

    [Test]
    public async Task All_configuration_errors_are_reported_together()
    {
        var (code, output) = await RunAsync(
            [
                "--database", "Host=h", "--registrar-prot", "1", "--web-port", "many", "--attach-port", "70000",
                "--listen", "everywhere", "--otlp-endpoint", "collector:4318",
                "--trace-sample-ratio", "2", "--log-format", "xml", "--node", "../x", "--address-file",
                "/nowhere/at/all",
            ],
            new() { ["DEVICEREGISTRY_ATACH_PORT"] = "1" });

        Assert.That(code, Is.EqualTo(2), output);
        Assert.That(output, Does.Contain(
            "Unknown option --registrar-prot. The nearest that is known is --registrar-port"));
        Assert.That(output, Does.Contain(
            "Unknown variable DEVICEREGISTRY_ATACH_PORT. The nearest that is known is DEVICEREGISTRY_ATTACH_PORT"));
        Assert.That(output, Does.Contain("--web-port is many").And.Contain(
            "--attach-port must be between 0 and 65535").And.Contain("--listen is everywhere"));
        Assert.That(output, Does.Contain("--otlp-endpoint is no address").And.Contain(
            "--trace-sample-ratio must be between 0 and 1").And.Contain("--log-format is xml"));
        Assert.That(output, Does.Contain("--node is ../x").And.Contain("--address-file is /nowhere/at/all"));
    }

    [TestCase("--web-port and --attach-port", "--attach-port", "8080")]
    [TestCase("--registrar-port and --attach-port", "--attach-port", "7443")]
    [TestCase("--s13-port and --s13-tls-port", "--demo", "--s13-port", "5658")]
    public async Task Two_listeners_on_one_port_are_refused(string listeners, params string[] options)
    {
        var (code, output) = await RunAsync(["--database", "Host=h", .. options]);

        Assert.That(code, Is.EqualTo(2), output);
        Assert.That(listeners.Split(" and "),
            Has.All.Matches<string>(listener => output.Contains(listener!, StringComparison.Ordinal)), output);
        Assert.That(output, Does.Contain("Each door needs a port of its own."));
    }

    [TestCase("0.0.0.0", "is every interface there is")]
    [TestCase("core", "is no IP address")]
    public async Task A_cleartext_listener_needs_one_specific_address(string address, string fault)
    {
        var (code, output) = await RunAsync(["--database", "Host=h", "--attach-cleartext-address", address]);

        Assert.That(code, Is.EqualTo(2), output);
        Assert.That(output, Does.Contain($"--attach-cleartext-address is {address}").And.Contain(fault));
    }

    [Test]
    public async Task An_invalid_diameter_peer_file_is_refused_with_all_its_errors()
    {
        var file = Path.Combine(Registry.NewFolder(), "peers.json");
        await File.WriteAllTextAsync(file,
            """{ "originHost": "eir 1", "originRealm": "example", "peers": [ { "originRealm": "example" } ] }""");

        var (code, output) = await RunAsync(["--database", "Host=h", "--s13-config", file]);

        Assert.That(code, Is.EqualTo(2), output);
        Assert.That(output, Does.Contain("originHost is \"eir 1\"").And.Contain(
            "peers[0]: it has neither addresses nor certificates"));
    }

    [Test]
    public async Task An_invalid_connection_string_is_refused_without_being_quoted()
    {
        var (code, output) = await RunAsync(["--database", $"Hots=h;Passwrd={Secret}"]);

        Assert.That(code, Is.EqualTo(2), output);
        Assert.That(output, Does.Contain("--database is no connection string").And.Not.Contain(Secret));
    }

    [TestCase("DEVICEREGISTRY_REFERENCE_DATA")]
    [TestCase("DEVICEREGISTRY_TEST_DREG")]
    [TestCase("DEVICEREGISTRY_TEST_SEED")]
    [TestCase("DEVICEREGISTRY_TEST_SEQUENCES")]
    [TestCase("DEVICEREGISTRY_TEST_SERVER")]
    public async Task A_variable_of_the_scripts_is_no_error(string variable)
    {
        var (code, output) = await RunAsync(["--print-config", "--database", "Host=h"],
            new() { [variable] = "/somewhere" });

        Assert.That(code, Is.Zero, output);
    }

    private static Task<(int Code, string Output)> RunAsync(
        IEnumerable<string> options, Dictionary<string, string>? environment = null) =>
        Scripts.RunAsync(AppContext.BaseDirectory, "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "DeviceRegistry.Server.dll"), .. options], environment);
}
