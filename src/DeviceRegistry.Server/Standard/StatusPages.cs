namespace DeviceRegistry.Server.Standard;

/// <summary>/healthz, /readyz and /metrics.</summary>
internal static class StatusPages
{
    public static void Map(IEndpointRouteBuilder endpoints, Action<IEndpointConventionBuilder> place)
    {
        place(endpoints.MapGet("/healthz", () => "alive\n"));
        place(endpoints.MapGet("/readyz", (Readiness readiness) =>
        {
            var missing = readiness.Missing().ToList();
            return Results.Text(missing.Count is 0 ? "ready\n" : string.Concat(missing.Select(m => m + "\n")),
                statusCode: missing.Count is 0 ? 200 : 503);
        }));
        place(endpoints.MapPrometheusScrapingEndpoint("/metrics"));
    }
}
