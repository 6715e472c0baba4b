using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.RegularExpressions;
using DeviceRegistry.Client;
using Grpc.Core;
using Grpc.Net.Client;

namespace DeviceRegistry.TestKit;

/// <summary>The real server as a separate process, on free ports.</summary>
public sealed partial class RegistryProcess : IAsyncDisposable
{
    /// <summary>Time limit of a start.</summary>
    public static TimeSpan StartLimit { get; set; } = Patience.Event;

    // As the console logger writes them, as text and as JSON.
    private static readonly string[] ErrorMarks =
        ["fail:", "crit:", "\"LogLevel\":\"Error\"", "\"LogLevel\":\"Critical\""];

    // The server built beside the tests, or the ahead-of-time compiled one that deploy/test.sh names: its start takes a
    // third less time.
    private static readonly string Program = Environment.GetEnvironmentVariable("DEVICEREGISTRY_TEST_SERVER")
        ?? Path.Combine(AppContext.BaseDirectory, "DeviceRegistry.Server.dll");
    private readonly Process _process;
    private readonly List<string> _output = [];
    private readonly List<GrpcChannel> _channels = [];
    private bool _disposed;
    private Dictionary<string, string> _addresses = [];

    private RegistryProcess(Process process, string state)
    {
        _process = process;
        State = state;
    }

    /// <summary>Its data folder.</summary>
    public string State { get; }

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>Its output so far.</summary>
    public string Output
    {
        get
        {
            lock (_output) return string.Join('\n', _output);
        }
    }

    /// <summary>Address of a listener: registrar, attach, web, s13 or s13tls.</summary>
    public IPEndPoint Address(string door) => IPEndPoint.Parse(_addresses[door]);

    /// <summary>Starts a server and waits until it is ready.</summary>
    public static Task<RegistryProcess> StartAsync(string state, params string[] arguments) =>
        StartAsync(state, new Dictionary<string, string>(), arguments);

    /// <summary>Starts a server with additional environment variables and waits until it is ready.</summary>
    public static Task<RegistryProcess> StartAsync(string state, IReadOnlyDictionary<string, string> environment,
        params string[] arguments) =>
        StartAsync(state, environment, [Program], arguments);

    /// <summary>Starts another program that accepts the server's options: its assembly, and the arguments before the
    /// options.</summary>
    public static Task<RegistryProcess> StartHostAsync(string[] program, string state, params string[] arguments) =>
        StartAsync(state, new Dictionary<string, string>(), program, arguments);

    private static async Task<RegistryProcess> StartAsync(string state, IReadOnlyDictionary<string, string> environment,
        string[] program, string[] arguments)
    {
        var server = await LaunchAsync(state, environment, program, arguments);
        using var http = new HttpClient();
        for (var watch = Stopwatch.StartNew(); ;)
        {
            // The server may listen on every address.
            var answer = await http.GetAsync($"http://{IPAddress.Loopback}:{server.Address("web").Port}/readyz");
            if (answer.IsSuccessStatusCode) return server;
            if (watch.Elapsed > StartLimit) throw new InvalidOperationException(
                $"The server is not ready: {await answer.Content.ReadAsStringAsync()}\n{server.Output}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    /// <summary>Starts a server and waits until it listens; it need not be ready.</summary>
    public static Task<RegistryProcess> LaunchAsync(string state, params string[] arguments) =>
        LaunchAsync(state, new Dictionary<string, string>(), [Program], arguments);

    private static async Task<RegistryProcess> LaunchAsync(
        string state, IReadOnlyDictionary<string, string> environment, string[] program, string[] arguments)
    {
        Directory.CreateDirectory(state);
        var addressFile = Path.Combine(state, $"addresses-{Guid.NewGuid():N}.json");
        var start = new ProcessStartInfo("dotnet",
        [
            .. program, "--state", state, "--registrar-port", "0", "--attach-port", "0", "--web-port", "0",
            "--s13-port", "0", "--s13-tls-port", "0", "--address-file", addressFile,

            // No checkpoints at unpredictable times; tests of checkpoints enable them.
            "--checkpoint-entries", "0", "--checkpoint-seconds", "0", .. arguments,
        ])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };

        // Only arguments configure the server: the cluster of the test run must not reach it through the environment.
        foreach (var name in start.Environment.Keys.Where(k =>
            k.StartsWith("DEVICEREGISTRY_", StringComparison.Ordinal)).ToList()) start.Environment.Remove(name);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var server = new RegistryProcess(Process.Start(start)!, state);
        server._process.OutputDataReceived += server.Keep;
        server._process.ErrorDataReceived += server.Keep;
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        for (var watch = Stopwatch.StartNew(); !File.Exists(addressFile);)
        {
            // Also waits for the end of its output.
            if (server._process.HasExited) await server._process.WaitForExitAsync();
            if (server._process.HasExited
                || watch.Elapsed > StartLimit) throw new InvalidOperationException(
                $"The server did not start:\n{server.Output}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        server._addresses = JsonSerializer.Deserialize<Dictionary<string, string>>(
            await File.ReadAllTextAsync(addressFile))!;
        return server;
    }

    /// <summary>A channel to a listener with an identity of the server's data folder; null for no
    /// certificate.</summary>
    public GrpcChannel Channel(string door, string? identity) =>
        Channel(door, identity is null ? null : Certificate(identity));

    /// <summary>Calls to the registrar as a person who signs drafts and approvals.</summary>
    public CallInvoker Signer(string identity) => Signer(Certificate(identity));

    /// <summary>Calls to the registrar as the person of a certificate, who signs drafts and approvals.</summary>
    public CallInvoker Signer(X509Certificate2 certificate) =>
        new OrderSigner(Channel("registrar", certificate).CreateCallInvoker(), certificate);

    /// <summary>The certificate of an identity, with its key.</summary>
    public X509Certificate2 Certificate(string identity) =>
        X509Certificate2.CreateFromPemFile(Path.Combine(State, "certs", identity + ".pem"),
            Path.Combine(State, "certs", identity + ".key"));

    /// <summary>A channel to a listener with any certificate. It repeats checks that an overloaded node rejected; see
    /// <see cref="OverloadRetry"/>.</summary>
    public GrpcChannel Channel(string door, X509Certificate2? certificate) =>
        Channel(Address(door).Port, Handler(certificate), OverloadRetry.Options());

    /// <summary>A channel to any port that leads to this server. It repeats no call.</summary>
    public GrpcChannel Channel(int port, X509Certificate2? certificate, bool manyConnections = false)
    {
        var handler = Handler(certificate);
        handler.EnableMultipleHttp2Connections = manyConnections;
        return Channel(port, handler, new GrpcChannelOptions());
    }

    private GrpcChannel Channel(int port, SocketsHttpHandler handler, GrpcChannelOptions options)
    {
        (options.HttpHandler, options.DisposeHttpClient) = (handler, true);
        var channel = GrpcChannel.ForAddress($"https://localhost:{port}", options);
        lock (_channels) _channels.Add(channel);
        return channel;
    }

    /// <summary>An HTTP handler that trusts only this server's certificate.</summary>
    public SocketsHttpHandler Handler(X509Certificate2? certificate)
    {
        var root = X509Certificate2.CreateFromPem(File.ReadAllText(Path.Combine(State, "certs", "root.pem")));
        var tls = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { root }, RevocationMode = X509RevocationMode.NoCheck
            },
        };
        if (certificate is not null) tls.ClientCertificates = [certificate];
        return new SocketsHttpHandler { SslOptions = tls };
    }

    /// <summary>Whether the test expects this server to log errors. If not, an error in the log fails the test at
    /// disposal.</summary>
    public bool MayLogErrors { get; set; }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGSTOP: the server keeps its connections and does nothing.</summary>
    public Task PauseAsync() => SignalAsync("STOP");

    /// <summary>SIGCONT.</summary>
    public Task ResumeAsync() => SignalAsync("CONT");

    /// <summary>Sends SIGTERM and returns the exit code. Resumes a paused server first, which could not react
    /// otherwise.</summary>
    public async Task<int> StopAsync()
    {
        await SignalAsync("TERM");
        await SignalAsync("CONT");
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;

        _disposed = true;
        lock (_channels)
            foreach (var channel in _channels) channel.Dispose();
        if (!_process.HasExited) await StopAsync();
        _process.Dispose();
        if (!MayLogErrors && ErrorMarks.Any(mark => Output.Contains(mark, StringComparison.Ordinal)))
            throw new InvalidOperationException($"The server logged an unexpected error:\n{Output}");
        if (LikeAnIdentity().Match(Output) is { Success: true } found)
            throw new InvalidOperationException(
                $"The server wrote {found.Value}, which may be somebody's IMEI or IMSI:\n{Output}");
    }

    private async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill",
            ["-" + signal, _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    // Without letters on either side: a match inside a hash or a folder name is not an identity.
    [GeneratedRegex("(?<![0-9A-Za-z])[0-9]{14,16}(?![0-9A-Za-z])")]
    private static partial Regex LikeAnIdentity();

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null) return;

        lock (_output) _output.Add(line.Data);
    }
}
