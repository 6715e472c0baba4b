using System.Globalization;
using DeviceRegistry.Benchmarks;

// dotnet run -c Release --project tests/DeviceRegistry.Benchmarks -- VERB …; without a verb it says which there are.
return args switch
{
    ["approval-to-denial", .. var rest] => await ApprovalToDenial.RunAsync(NumberAt(rest, 0, 1_000)),
    ["registration", .. var rest] =>
        await Registration.RunAsync(NumberAt(rest, 0, 1_000_000), NumberAt(rest, 1, 5), NumberAt(rest, 2, 0)),
    ["orders", .. var rest] =>
        await OrderRate.RunAsync(NumberAt(rest, 0, 10_000), NumberAt(rest, 1, 8), NumberAt(rest, 2, 0)),
    ["verify", .. var rest] => JournalVerify.Run(NumberAt(rest, 0, 300_000)),
    ["door", .. var rest] => await Doors.RunAsync(NumberAt(rest, 0, 5), NumberAt(rest, 1, 2_000)),
    ["compare", .. var rest] => await Rivals.RunAsync(NumberAt(rest, 0, 5), NumberAt(rest, 1, 2_000)),
    ["storm", .. var rest] =>
        await Storm.RunAsync(NumberAt(rest, 0, 75_000), NumberAt(rest, 1, 20), NumberAt(rest, 2, 10_000)),
    ["node-host", .. var options] => await NodeHost.RunAsync(options),
    ["n17", .. var rest] => await N17Checks.RunAsync(NumberAt(rest, 0, 100_000)),
    ["n17-plain"] => await N17Checks.ServePlainAsync(),
    ["index", .. var rest] => IndexSize.Run(NumberAt(rest, 0, 100), NumberAt(rest, 1, NumberAt(rest, 0, 100))),
    ["s13", .. var rest] => await S13.RunAsync(NumberAt(rest, 0, 5), NumberAt(rest, 1, 1_000)),
    ["restart", .. var rest] => await Restart.RunAsync(NumberAt(rest, 0, 10), NumberAt(rest, 1, 5)),
    _ => Which(),
};

static int NumberAt(string[] typed, int at, int usual) => typed.Length > at
    && int.TryParse(typed[at], CultureInfo.InvariantCulture, out var number) && number >= 0 ? number : usual;

static int Which()
{
    Console.Error.WriteLine("""
        Which benchmark?
          approval-to-denial [orders]
          registration [units] [rounds] [million IMEIs registered before]
          orders [orders] [clients] [ms to a synchronous standby; 0: none]
          verify [entries]
          index [million IMEIs] [million orders]
          restart [million IMEIs] [rounds]
          n17 [requests a round]
          door [rounds] [ms a round]
          compare [rounds] [ms a round]
          s13 [rounds] [ms a run]
          storm [checks a second] [seconds] [entries a second beside]
        """);
    return 2;
}
