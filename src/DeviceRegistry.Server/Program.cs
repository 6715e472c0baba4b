using System.Runtime.InteropServices;
using DeviceRegistry.Core;
using DeviceRegistry.Server;
using DeviceRegistry.Server.Telemetry;

// Options: DeviceRegistry.Server --help. Exit codes: 0 stopped, 1 could not start or had to stop, 2 invalid options.
using var stop = new CancellationTokenSource();

// Registered before anything starts, not only once the server listens: what has started by then must be stopped.
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    if (args.Contains("--help"))
    {
        Console.Write(OptionsReader.Help());
        return 0;
    }

    if (args is ["--version"])
    {
        Console.WriteLine(TelemetryPipeline.Version);
        return 0;
    }

    if (args.Contains("--print-config"))
    {
        Console.Write(OptionsReader.Print([.. args.Where(a => a is not "--print-config")]));
        return 0;
    }

    if (args is ["database", .. var command])
    {
        Console.WriteLine(await DatabaseCommands.RunAsync(command, stop.Token));
        return 0;
    }

    await using var server = new RegistryServer(OptionsReader.Read(args));
    await server.RunAsync(stop.Token);
    return 0;
}
catch (ConfigurationFault fault)
{
    await Console.Error.WriteLineAsync(fault.Message);
    return 2;
}
catch (RegistryException refusal)
{
    await Console.Error.WriteLineAsync(refusal.Message);
    return 1;
}
catch (Exception) when (stop.IsCancellationRequested)
{
    // A stop signal arrived while starting; any exception that it caused is ignored.
    return 0;
}
catch (Exception fault)
{
    await Console.Error.WriteLineAsync($"The server cannot run: {fault.Message}");
    return 1;
}
