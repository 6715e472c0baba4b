using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;
using DeviceRegistry.Cli.Commands;

namespace DeviceRegistry.Cli;

/// <summary>All commands, and what is said to someone who mistyped one.</summary>
internal static partial class CommandTree
{
    private const string VersionOption = "--version";

    private const string Purpose = """
        The device registry's command line.

        Exit codes: 0 done, 1 refused by the registry, 2 mistyped or a file is missing,
            3 the registry cannot be reached.
        """;

    // Who and what; phones and what happens to them; blocking; who may take part; the rules; the proof.
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
        ("verify", VerifyCommands.Build),
        ("sample", SampleCommands.Build),
        ("selftest", SelfTestCommand.Build),
    ];

    /// <summary>Reads the arguments. Builds only the commands that they name: all of them take longer than a check.
    /// What concerns the root (its help, a command that does not exist) is read again with all.</summary>
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
            new TeachingHelp((HelpAction)help.Action!);
        return root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
    }

    /// <summary>Says what was mistyped and how it is typed.</summary>
    public static int TellUsage(ParseResult parse, string[] args)
    {
        // The tokens, not the parse: a broken command line need not have a value for the option.
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
        return output.Tell(Fault.Usage(what, $"See {path} --help."));
    }

    // The parser speaks of types; all that it reads by itself are numbers.
    [GeneratedRegex(@"^Cannot parse argument '(?<typed>.*)' for \w+ '(?<name>.*)' as expected type '.*'\.$")]
    private static partial Regex NotANumber { get; }

    // The parser's help, then what it cannot know: an example, and as whom the command acts.
    private sealed class TeachingHelp(HelpAction usual) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var code = usual.Invoke(parseResult);
            if (parseResult.CommandResult.Command is not CliCommand verb) return code;

            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Example:");
            output.WriteLine($"  {verb.Example}");
            if (verb.ClientIdentity.Length > 0)
            {
                output.WriteLine();
                output.WriteLine(
                    $"Acts as {verb.ClientIdentity} unless --as or {GlobalOptions.AsVariable} names somebody else.");
            }

            return code;
        }
    }
}
