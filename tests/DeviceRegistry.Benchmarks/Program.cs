using DeviceRegistry.Benchmarks;

return args switch
{
    [] or ["list" or "--help" or "-h"] => Catalog.List(Console.Out),
    ["dry", .. var names] => await Catalog.DryAsync(names),

    // Servers that benchmarks start as separate processes.
    ["node-host", .. var options] => await NodeHost.RunAsync(options),
    ["n17-plain"] => await N17Checks.ServePlainAsync(),

    _ => await Catalog.RunAsync(args),
};
