using System.CommandLine;
using DeviceRegistry.Cli;

var parse = CommandTree.Parse(args);
if (parse.Errors.Count > 0) return CommandTree.TellUsage(parse, args);

// Every verb turns its own faults into words and a code; what is left is our mistake and may show its stack.
return await parse.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
