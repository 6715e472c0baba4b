using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;
using DeviceRegistry.Cli.Commands;

namespace DeviceRegistry.Cli;

/// <summary>All commands, and the error output for a mistyped one.</summary>
internal static partial class CommandTree
{
    private const string VersionOption = "--version";

    private const string Purpose = """
        The device registry's command line.

        Exit codes: 0 done, 1 refused by the registry, 2 mistyped or a file is missing,
            3 the registry cannot be reached.
        """;

    // In this order: identity and check; devices, batches and alarms; orders and appeals; members and rights; policy;
    // journal and proof.
    private static readonly (string Name, Func<Command> Build)[] Commands =
    [
        ("whoami", WhoAmICommand.Build),
        ("check", CheckCommand.Build),
        ("device", DeviceCommands.Build),
        ("batch", BatchCommands.Build),
        ("quarantine", QuarantineCommands.Build),
        ("alarm", AlarmCommands.Build),
        ("order", OrderCommands.Build),
        ("appeal", AppealCommands.Build),
        ("change", ChangeCommands.Build),
        ("party", PartyCommands.Build),
        ("person", MemberCommands.Person),
        ("node", MemberCommands.Node),
        ("authorization", AuthorizationCommands.Build),
        ("mandate", MandateCommands.Build),
        ("tac", TacCommands.Build),
        ("policy", PolicyCommands.Build),
        ("journal", JournalCommands.Build),
        ("sample", SampleCommands.Build),
        ("selftest", SelfTestCommand.Build),
    ];

    /// <summary>Parses the arguments. Builds only the commands that the arguments name, because building all takes
    /// longer than a check. Parses again with all commands where the result is the root: its help, or an unknown
    /// command.</summary>
    public static ParseResult Parse(string[] args)
    {
        var parse = Parse(args, [.. Commands.Where(c => args.Contains(c.Name))]);
        return parse.CommandResult.Command is RootCommand && args is not [VersionOption] ? Parse(args, Commands)
            : parse;
    }

    private static ParseResult Parse(string[] args, (string Name, Func<Command> Build)[] commands)
    {
        var root = new RootCommand(Purpose);
        foreach (var (_, build) in commands) root.Subcommands.Add(build());
        foreach (var option in GlobalOptions.All) root.Options.Add(option);
        foreach (var help in root.Options.OfType<HelpOption>()) help.Action =
            new HelpWithExample((HelpAction)help.Action!);
        return root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
    }

    /// <summary>Prints the usage error and where to find help; returns the exit code.</summary>
    public static int PrintUsage(ParseResult parse, string[] args)
    {
        // Read from the tokens, not from the parse result: an invalid command line need not have a value for the
        // option.
        var output = new Output(args.Contains(GlobalOptions.Json.Name));
        var command = parse.CommandResult.Command;
        if (!output.IsJson && command.Subcommands.Count > 0 && parse.UnmatchedTokens.Count is 0)
        {
            _ = command.Parse("--help").Invoke(new InvocationConfiguration { Output = Console.Error });
            return Fault.UsageCode;
        }

        var names = command.Parents.OfType<Command>().Where(c => c is not RootCommand).Select(c => c.Name)
            .Append(command.Name);
        var path = command is RootCommand ? "dreg" : $"dreg {string.Join(' ', names)}";
        var what = command.Subcommands.Count > 0 && parse.UnmatchedTokens.Count > 0
            ? $"There is no command {path} {parse.UnmatchedTokens[0]}."
            : string.Join(' ', parse.Errors.Select(e =>
                NotANumber.Replace(e.Message, "${name} ${typed}: expected a number.")).Distinct());
        return output.PrintFault(Fault.Usage(what, $"See {path} --help."));
    }

    // The parser's message names .NET types; it converts only numbers itself.
    [GeneratedRegex(@"^Cannot parse argument '(?<typed>.*)' for \w+ '(?<name>.*)' as expected type '.*'\.$")]
    private static partial Regex NotANumber { get; }

    // Prints the parser's help, then an example and the default identity, which the parser does not know.
    private sealed class HelpWithExample(HelpAction usual) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var code = usual.Invoke(parseResult);
            if (parseResult.CommandResult.Command is not CliCommand verb) return code;

            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Example:");
            output.WriteLine($"  {verb.Example}");
            if (verb.DefaultIdentity.Length > 0)
            {
                output.WriteLine();
                output.WriteLine(
                    $"Acts as {verb.DefaultIdentity} unless --as or {GlobalOptions.AsVariable} names somebody else.");
            }

            return code;
        }
    }
}
