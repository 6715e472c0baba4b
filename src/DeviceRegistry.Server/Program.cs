using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Server;

// DeviceRegistry.Server [options]               runs the roles until it is told to stop
// DeviceRegistry.Server database migrate --database OWNER-CONNECTION-STRING
try
{
    if (args is ["database", "migrate", .. var rest])
    {
        var target = OptionsReader.Read(rest).Database;
        if (target.Length is 0) throw new ConfigurationFault("database migrate needs --database, the connection string of the schema's owner.");
        await RegistryDatabase.MigrateAsync(target, CancellationToken.None);
        Console.WriteLine("The schema is up to date.");
        return 0;
    }

    await using var server = new RegistryServer(OptionsReader.Read(args));
    await server.RunAsync(CancellationToken.None);
    return 0;
}
catch (ConfigurationFault fault)
{
    await Console.Error.WriteLineAsync(fault.Message);
    return 2;
}
