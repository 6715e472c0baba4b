using System.Globalization;
using DeviceRegistry.Benchmarks;

// dotnet run -c Release --project tests/DeviceRegistry.Benchmarks -- approval-to-denial [orders]
// dotnet run -c Release --project tests/DeviceRegistry.Benchmarks -- registration [units] [rounds] [million IMEIs registered before]
// dotnet run -c Release --project tests/DeviceRegistry.Benchmarks -- orders [orders] [clients] [ms of simulated replication]
// dotnet run -c Release --project tests/DeviceRegistry.Benchmarks -- verify [entries]
// dotnet run -c Release --project tests/DeviceRegistry.Benchmarks -- n17 [requests a round]
return args switch
{
    ["approval-to-denial", .. var rest] => await ApprovalToDenial.RunAsync(NumberAt(rest, 0, 1_000)),
    ["registration", .. var rest] => await Registration.RunAsync(NumberAt(rest, 0, 1_000_000), NumberAt(rest, 1, 5), NumberAt(rest, 2, 0)),
    ["orders", .. var rest] => await OrderRate.RunAsync(NumberAt(rest, 0, 10_000), NumberAt(rest, 1, 8), NumberAt(rest, 2, 0)),
    ["verify", .. var rest] => JournalVerify.Run(NumberAt(rest, 0, 300_000)),
    ["n17", .. var rest] => await N17Checks.RunAsync(NumberAt(rest, 0, 100_000)),
    ["n17-plain"] => await N17Checks.ServePlainAsync(),
    _ => Which(),
};

static int NumberAt(string[] typed, int at, int usual) => typed.Length > at && int.TryParse(typed[at], CultureInfo.InvariantCulture, out var number) && number >= 0 ? number : usual;

static int Which()
{
    Console.Error.WriteLine("Which benchmark? approval-to-denial [orders], registration [units] [rounds] [million IMEIs registered before], orders [orders] [clients] [ms of simulated replication], verify [entries], or n17 [requests a round]");
    return 2;
}
