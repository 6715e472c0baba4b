using System.CommandLine;

namespace DeviceRegistry.Cli;

/// <summary>A command that does something, with the example its help ends with. Acts as <paramref name="identity"/> by
/// default; empty: it needs none.</summary>
internal sealed class CliCommand(string name, string description, string example, string identity = "")
    : Command(name, description)
{
    public string Example => example;

    public string ClientIdentity => identity;

    /// <summary>Says what the command does. Its faults end here, as words and an exit code.</summary>
    public CliCommand Does(Func<ParseResult, Session, CancellationToken, Task<int>> body)
    {
        SetAction(async (parse, ct) =>
        {
            using var session = new Session(parse, identity);
            try
            {
                return await body(parse, session, ct);
            }
            catch (Exception fault) when (Fault.Of(fault, session.Address, ct) is { } told)
            {
                return session.Out.Tell(told);
            }
        });
        return this;
    }

    /// <summary>The same for a command that can only succeed or throw.</summary>
    public CliCommand Does(Func<ParseResult, Session, CancellationToken, Task> body) =>
        Does(async (parse, session, ct) =>
        {
            await body(parse, session, ct);
            return 0;
        });
}
