using System.Text;
using DeviceRegistry.Attach;
using DeviceRegistry.Contracts;
using DeviceRegistry.Registrar.Feed;

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
            return Results.Text(missing.Count is 0 ? "ready\n" : string.Concat(missing.Select(m => m + "\n")), statusCode: missing.Count is 0 ? 200 : 503);
        }));
        place(endpoints.MapGet("/metrics", (IServiceProvider services, TimeProvider time) =>
            Results.Text(Metrics(services.GetService<CheckCounters>(), services.GetService<NodeState>(), services.GetService<JournalTail>(), time), "text/plain; version=0.0.4")));
    }

    private static string Metrics(CheckCounters? checks, NodeState? node, JournalTail? tail, TimeProvider time)
    {
        var page = new StringBuilder();
        void Line(string name, string type, long value) => page.Append(null, $"# TYPE {name} {type}\n{name} {value}\n");
        if (checks is not null)
        {
            page.Append("# TYPE device_registry_checks_total counter\n");
            foreach (var (verdict, reason, count) in checks.Read())
                page.Append(null, $"device_registry_checks_total{{door=\"grpc\",verdict=\"{StatusMapping.UpperSnake(verdict.ToString())}\",reason=\"{StatusMapping.UpperSnake(reason.ToString())}\"}} {count}\n");
        }

        if (node is not null)
        {
            Line("device_registry_node_position", "gauge", (long)node.Index.Position);
            Line("device_registry_node_knowledge_age_ms", "gauge", node.Index.KnownAtMs is 0 ? -1 : time.GetUtcNow().ToUnixTimeMilliseconds() - node.Index.KnownAtMs);
            Line("device_registry_node_devices", "gauge", node.Index.Devices);
            Line("device_registry_node_tacs", "gauge", node.Index.Tacs);
            Line("device_registry_node_orders", "gauge", node.Index.Orders);
            Line("device_registry_node_halted", "gauge", node.Halted is null ? 0 : 1);
        }

        if (tail is not null) Line("device_registry_journal_position", "gauge", (long)tail.State.Head);
        return page.ToString();
    }
}
