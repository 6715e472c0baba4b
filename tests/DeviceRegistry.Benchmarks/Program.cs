using DeviceRegistry.Benchmarks;

// dotnet run -c Release --project tests/DeviceRegistry.Benchmarks -- approval-to-denial [orders]
if (args is ["approval-to-denial", .. var rest])
    return await ApprovalToDenial.RunAsync(rest is [var count] && int.TryParse(count, out var orders) && orders > 0 ? orders : 1_000);

await Console.Error.WriteLineAsync("Which benchmark? approval-to-denial [orders]");
return 2;
