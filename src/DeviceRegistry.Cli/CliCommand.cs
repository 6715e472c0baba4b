using System.CommandLine;

namespace DeviceRegistry.Cli;

/// <summary>A command with an action, and with the example that ends its help. <paramref name="identity"/> is the
/// identity used by default; empty if the command needs none.</summary>
internal sealed class CliCommand(string name, string description, string example, string identity = "")
    : Command(name, description)
{
    public string Example => example;

    public string DefaultIdentity => identity;

    /// <summary>Sets the action of the command. Prints a fault of the action and returns its exit code.</summary>
    public CliCommand Does(Func<ParseResult, Session, CancellationToken, Task<int>> body)
    {
        SetAction(async (parse, ct) =>
        {
            using var session = new Session(parse, identity);
            try
            {
                return await body(parse, session, ct);
            }
            catch (Exception fault) when (Fault.Of(fault, session.Address, ct) is { } known)
            {
                return session.Out.PrintFault(known);
            }
        });
        return this;
    }

    /// <summary>The same for an action that returns no exit code: 0, or a fault is thrown.</summary>
    public CliCommand Does(Func<ParseResult, Session, CancellationToken, Task> body) =>
        Does(async (parse, session, ct) =>
        {
            await body(parse, session, ct);
            return 0;
        });
}
