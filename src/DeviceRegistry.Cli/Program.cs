using System.CommandLine;
using DeviceRegistry.Cli;

var parse = CommandTree.Parse(args);
if (parse.Errors.Count > 0) return CommandTree.PrintUsage(parse, args);

// Every command converts its faults into a message and an exit code. Any other exception is a bug and may show its
// stack trace.
return await parse.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
