using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DeviceRegistry.Client;
using Grpc.Core;

namespace DeviceRegistry.Cli;

/// <summary>One run of a command: as whom, to where, for how long, and where its words go.</summary>
internal sealed class Session(ParseResult parse, string identity) : IDisposable
{
    /// <summary>A small question or write.</summary>
    public static readonly TimeSpan Usual = TimeSpan.FromSeconds(30);

    /// <summary>A TAC list of up to 64 MiB over a slow line, and its judgement; a write that changes millions of
    /// units.</summary>
    public static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    /// <summary>Everything there is: a journal of ten million entries at a few thousand a second, a fault report of as
    /// many lines.</summary>
    public static readonly TimeSpan Whole = TimeSpan.FromHours(1);

    // Under two seconds in all: enough for a server that is just restarting, too little to try a person's patience.
    private const int RetriesMax = 3;

    private readonly Dictionary<string, RegistryClient> _clients = [];
    private readonly Dictionary<string, X509Certificate2> _certificates = [];
    private readonly Stack<IDisposable> _owned = [];

    public Output Out { get; } = new(parse.GetValue(GlobalOptions.Json));

    /// <summary>Whose certificate is shown.</summary>
    public string Name =>
        parse.GetValue(GlobalOptions.As) is { Length: > 0 } typed ? typed
        : Environment.GetEnvironmentVariable(GlobalOptions.AsVariable) is { Length: > 0 } set ? set
        : identity;

    /// <summary>How long the command may take, where that was typed.</summary>
    public TimeSpan? Timeout =>
        parse.GetValue(GlobalOptions.Timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>The address used last, for the words of a fault.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Calls to the registrar.</summary>
    public CallInvoker Registrar => ClientOf(Name, GlobalOptions.Registrar).Registrar;

    /// <summary>Calls to the registrar that sign what the caller drafts or approves.</summary>
    public CallInvoker Signing => new OrderSigner(Registrar, _certificates[Name]);

    /// <summary>Calls to the attach nodes.</summary>
    public CallInvoker Attach => AttachAs(Name);

    /// <summary>Calls to the attach nodes as somebody else.</summary>
    public CallInvoker AttachAs(string name) => ClientOf(name, GlobalOptions.Attach).Attach;

    /// <summary>Calls to the one attach node that is named, for what is asked of a node and not of an
    /// operator.</summary>
    public CallInvoker AttachNode => !parse.GetValue(GlobalOptions.Attach)!.Contains(',') ? Attach
        : throw new CommandException(Fault.Usage("--attach names several nodes.", "Name the one that is meant."));

    /// <summary>The one root that certificates are believed by.</summary>
    public X509Certificate2 Root
    {
        get
        {
            var root = ClientIdentity.LoadRoot(parse.GetValue(GlobalOptions.Certs)!);
            _owned.Push(root);
            return root;
        }
    }

    /// <summary>Signs with the caller's own key.</summary>
    public T Sign<T>(Func<ECDsa, T> sign)
    {
        using var identity = ClientIdentity.Load(parse.GetValue(GlobalOptions.Certs)!, Name);
        using var key = identity.Certificate.GetECDsaPrivateKey()
            ?? throw new CommandException(
                Fault.Usage($"The key of {Name} is no ECDSA key, and cannot sign.",
                "Ask the regulator for a P-256 certificate.", "CERT_MISSING"));
        return sign(key);
    }

    /// <summary>A call's deadline: what was typed, or what is usual for it.</summary>
    public CallOptions Within(TimeSpan usual, CancellationToken ct) =>
        new(deadline: TimeProvider.System.GetUtcNow().UtcDateTime + (Timeout ?? usual), cancellationToken: ct);

    public void Dispose()
    {
        // Each client before the certificates it shows.
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
