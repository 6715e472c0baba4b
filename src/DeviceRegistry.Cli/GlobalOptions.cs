using System.CommandLine;
using DeviceRegistry.Client;

namespace DeviceRegistry.Cli;

/// <summary>Options that every command has.</summary>
internal static class GlobalOptions
{
    /// <summary>Environment variable that names the identity.</summary>
    public const string AsVariable = "DREG_AS";

    public static readonly Option<string?> As = new("--as")
    {
        HelpName = "NAME",
        Recursive = true,
        Description = $"Whose certificate to show: NAME.pem and NAME.key. Also {AsVariable}.",
    };

    public static readonly Option<string> Certs = new("--certs")
    {
        HelpName = "FOLDER",
        Recursive = true,
        Description = "Where certificates lie, root.pem among them.",
        DefaultValueFactory = _ => Path.Combine(Variable("DEVICEREGISTRY_STATE", ".data"), "certs"),
    };

    public static readonly Option<string> Registrar = new("--registrar")
    {
        HelpName = "URL",
        Recursive = true,
        Description = "The registrar. Also DREG_REGISTRAR.",
        DefaultValueFactory = _ =>
            Variable("DREG_REGISTRAR", $"https://localhost:{Variable("DEVICEREGISTRY_REGISTRAR_PORT", "7443")}"),
    };

    public static readonly Option<string> Attach = new("--attach")
    {
        HelpName = "URL[,URL]",
        Recursive = true,
        Description =
            "The attach node that checks are put to; of several, the first to answer counts. Also DREG_ATTACH.",
        DefaultValueFactory = _ =>
            Variable("DREG_ATTACH", $"https://localhost:{Variable("DEVICEREGISTRY_ATTACH_PORT", "7444")}"),
        Validators =
        {
            result =>
            {
                if (result.Tokens is [var token] && token.Value.Split(',').Length > ClientOptions.AttachNodesMax)
                    result.AddError($"--attach: expected at most {ClientOptions.AttachNodesMax} nodes.");
            },
        },
    };

    public static readonly Option<int?> Timeout = new("--timeout")
    {
        HelpName = "SECONDS",
        Recursive = true,
        Description =
            "How long a call may take. Default 30 s; a TAC list 5 minutes, the journal an hour, a batch as long as " +
            "it takes.",
        Validators =
        {
            result =>
            {
                if (result.Tokens is [var token] && (!int.TryParse(token.Value, out var seconds) || seconds < 1))
                    result.AddError($"--timeout {token.Value}: expected whole seconds, 1 or more.");
            },
        },
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Recursive = true,
        Description = "Print one JSON document, fields named as in the contract. Faults too, on the error stream.",
    };

    public static IReadOnlyList<Option> All { get; } = [As, Certs, Registrar, Attach, Timeout, Json];

    private static string Variable(string name, string otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : otherwise;
}
