using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Client;
using Grpc.Core;

namespace DeviceRegistry.Cli;

/// <summary>One run of a command: identity, addresses, deadlines and output.</summary>
internal sealed class Session(ParseResult parse, string identity) : IDisposable
{
    /// <summary>Timeout of a small read or write.</summary>
    public static readonly TimeSpan Usual = TimeSpan.FromSeconds(30);

    /// <summary>Timeout of a TAC list of up to 64 MiB over a slow line with its validation, or of a write that changes
    /// millions of units.</summary>
    public static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    /// <summary>Timeout of a read of everything: a journal of ten million entries at a few thousand a second, or an
    /// error report of as many lines.</summary>
    public static readonly TimeSpan Whole = TimeSpan.FromHours(1);

    // Under two seconds in all: enough for a server that is restarting, and short enough for a person who waits.
    private const int RetriesMax = 3;

    private readonly Dictionary<string, RegistryClient> _clients = [];
    private readonly Dictionary<string, X509Certificate2> _certificates = [];
    private readonly Stack<IDisposable> _owned = [];

    public Output Out { get; } = new(parse.GetValue(GlobalOptions.Json));

    /// <summary>Name of the client certificate.</summary>
    public string Name =>
        parse.GetValue(GlobalOptions.As) is { Length: > 0 } typed ? typed
        : Environment.GetEnvironmentVariable(GlobalOptions.AsVariable) is { Length: > 0 } set ? set
        : identity;

    /// <summary>Value of --timeout; null if it was not given.</summary>
    public TimeSpan? Timeout =>
        parse.GetValue(GlobalOptions.Timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>The address used last, for error messages.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Invokes calls at the registrar.</summary>
    public CallInvoker Registrar => ClientOf(Name, GlobalOptions.Registrar).Registrar;

    /// <summary>Invokes calls at the registrar and signs what the caller drafts or approves.</summary>
    public CallInvoker Signing => new OrderSigner(Registrar, _certificates[Name]);

    /// <summary>Invokes calls at the attach nodes.</summary>
    public CallInvoker Attach => AttachAs(Name);

    /// <summary>Invokes calls at the attach nodes with another identity.</summary>
    public CallInvoker AttachAs(string name) => ClientOf(name, GlobalOptions.Attach).Attach;

    /// <summary>Invokes calls at the one configured attach node, for requests to a node and not to an operator. Throws
    /// a usage fault if several nodes are configured.</summary>
    public CallInvoker AttachNode => !parse.GetValue(GlobalOptions.Attach)!.Contains(',') ? Attach
        : throw new CommandException(Fault.Usage("--attach names several nodes.", "Name the one that is meant."));

    /// <summary>The only root that certificates are verified against.</summary>
    public X509Certificate2 Root
    {
        get
        {
            var root = ClientIdentity.LoadRoot(parse.GetValue(GlobalOptions.Certs)!);
            _owned.Push(root);
            return root;
        }
    }

    /// <summary>Signs with the caller's private key.</summary>
    public T Sign<T>(Func<ECDsa, T> sign)
    {
        using var identity = ClientIdentity.Load(parse.GetValue(GlobalOptions.Certs)!, Name);
        using var key = identity.Certificate.GetECDsaPrivateKey()
            ?? throw new CommandException(
                Fault.Usage($"The key of {Name} is no ECDSA key, and cannot sign.",
                "Ask the regulator for a P-256 certificate.", "CERT_MISSING"));
        return sign(key);
    }

    /// <summary>Call options with a deadline: --timeout if given, else <paramref name="usual"/>.</summary>
    public CallOptions Within(TimeSpan usual, CancellationToken ct) =>
        new(deadline: TimeProvider.System.GetUtcNow().UtcDateTime + (Timeout ?? usual), cancellationToken: ct);

    public void Dispose()
    {
        // Dispose each client before the certificates that it uses.
        while (_owned.TryPop(out var owned)) owned.Dispose();
    }

    private RegistryClient ClientOf(string name, Option<string> usedNow)
    {
        Address = parse.GetValue(usedNow)!;
        if (_clients.TryGetValue(name, out var client)) return client;

        var identity = ClientIdentity.Load(parse.GetValue(GlobalOptions.Certs)!, name);
        _owned.Push(identity);
        _certificates[name] = identity.Certificate;
        client = new RegistryClient(new ClientOptions
        {
            Registrar = AddressOf(parse.GetValue(GlobalOptions.Registrar)!),
            AttachNodes = [.. parse.GetValue(GlobalOptions.Attach)!.Split(',', StringSplitOptions.TrimEntries)
                .Select(AddressOf)],
            Certificate = identity.Certificate,
            Root = identity.Root,
            RetriesMax = RetriesMax,
        });
        _owned.Push(client);
        return _clients[name] = client;
    }

    private static Uri AddressOf(string typed) =>
        Uri.TryCreate(typed, UriKind.Absolute, out var address) && address.Scheme == Uri.UriSchemeHttps
            ? address
            : throw new CommandException(Fault.Usage(
                $"{typed} is no address of a registry.",
                "Give one such as https://localhost:7443 with --registrar or --attach."));
}
