namespace DeviceRegistry.Server.Standard;

/// <summary>/healthz, /readyz and /metrics.</summary>
internal static class StatusPages
{
    public static void Map(IEndpointRouteBuilder endpoints, Action<IEndpointConventionBuilder> configure)
    {
        configure(endpoints.MapGet("/healthz", () => "alive\n"));
        configure(endpoints.MapGet("/readyz", (Readiness readiness) =>
        {
            var missing = readiness.Missing().ToList();
            return Results.Text(missing.Count is 0 ? "ready\n" : string.Concat(missing.Select(m => m + "\n")),
                statusCode: missing.Count is 0 ? 200 : 503);
        }));
        configure(endpoints.MapPrometheusScrapingEndpoint("/metrics"));
    }
}
