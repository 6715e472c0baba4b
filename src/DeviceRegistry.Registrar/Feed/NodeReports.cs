using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Feed;

/// <summary>Stores what nodes report about themselves: position, clock skew, and first denials per order. These are
/// observations: they need no idempotency claim and are not journalled. Storing the same report twice changes
/// nothing.</summary>
internal sealed class NodeReports(Database reads, Orders.OrderClock orders, FailOpenReports failOpens,
    TimeProvider time)
{
    // The time of a first denial is limited to the interval from the start of the order to the registrar's current
    // time, whatever the clock of the node says; the earliest one of an operator's nodes counts. Rows are written in
    // key order, so that concurrent reports wait for each other instead of deadlocking. Orders that do not exist or
    // have not started are ignored.
    private const string RefusedSql = """
        INSERT INTO order_refused (order_number, party_id, first_denied_at)
        SELECT o.number, {0}, greatest(coalesce(o.in_force_at, o.effective_at), least(min(r.at), {1}))
        FROM unnest({2}, {3}) AS r (number, at) JOIN orders o ON o.number = r.number AND o.action = 1
            AND (o.in_force_at IS NOT NULL OR o.state = 3)
        GROUP BY o.number ORDER BY o.number
        ON CONFLICT (order_number, party_id) DO UPDATE SET first_denied_at = excluded.first_denied_at
            WHERE excluded.first_denied_at < order_refused.first_denied_at
        """;

    // If the clock could not be measured this time, the previous measurement stays.
    private const string StandingSql = """
        INSERT INTO node_positions (actor_id, position, hash, reported_at, clock_skew_ms, clock_uncertainty_ms)
            VALUES ({0}, {1}, {2}, {3}, {4}, {5})
        ON CONFLICT (actor_id) DO UPDATE
            SET position = excluded.position, hash = excluded.hash, reported_at = excluded.reported_at,
          clock_skew_ms = coalesce(excluded.clock_skew_ms, node_positions.clock_skew_ms),
              clock_uncertainty_ms = coalesce(excluded.clock_uncertainty_ms, node_positions.clock_uncertainty_ms)
        """;

    /// <summary>Records a report whose position and hash were verified to belong to this registry's history.</summary>
    public async Task RecordAsync(Caller node, ReportPositionRequest request, DateTimeOffset received,
        CancellationToken ct)
    {
        var clock = ClockOf(request, received);
        Inputs.Require(request.FirstDenials.Count <= Limits.RefusalsMax, "refusals", $"at most {Limits.RefusalsMax}");
        var (first, last) = request.FailOpen is { } opened
            ? (Instant("fail_open.first_at", opened.FirstAt), Instant("fail_open.last_at", opened.LastAt)) : default;
        Inputs.Require(request.FailOpen is null || (request.FailOpen.Answers > 0 && first <= last), "fail_open",
            "at least one answer, and first_at not after last_at");
        var refusals = request.FirstDenials.Select((r, i) =>
            (Order: r.OrderNumber.ToKey(), At: Instant($"refusals[{i}].at", r.At))).ToList();
        await reads.ReadAsync(
            async (db, ct) =>
            {
                if (refusals.Count > 0) await RecordFirstDenialsAsync(db, node, refusals, ct);
                await db.Database.ExecuteSqlRawAsync(
                    StandingSql, [(long)node.ActorId, request.Position.ToKey(), request.Hash.ToByteArray(), time.Now(),
                    Bigint(clock?.AheadMs), Bigint(clock?.ErrorMs)], ct);
                return 0;
            },
            ct);
        if (request.FailOpen is not null) failOpens.Record(node.ActorId, request.FailOpen, first, last);
        orders.PositionReported((long)node.ActorId, request.Position);
    }

    private Task<int> RecordFirstDenialsAsync(
        RegistryContext db, Caller node, List<(long Order, DateTimeOffset At)> refusals,
        CancellationToken ct) => db.Database.ExecuteSqlRawAsync(
        RefusedSql, [(long)node.PartyId, time.Now(), refusals.Select(r => r.Order).ToArray(),
            refusals.Select(r => r.At.UtcDateTime).ToArray()], ct);

    // The registrar sent the heartbeat before the node received it, and the node sent its report before the registrar
    // received it: these two intervals bound the clock skew. A node that does not send these fields is not measured.
    private static ClockSkew? ClockOf(ReportPositionRequest request, DateTimeOffset received)
    {
        Inputs.Require((request.HeartbeatAt is null) == (request.HeartbeatReceivedAt is null), "heartbeat_received_at",
            "given with heartbeat_at, and only then");
        if (request.NodeTime is null || request.HeartbeatAt is null)
        {
            if (request.NodeTime is not null) Instant("node_time", request.NodeTime);
            return null;
        }

        var (sent, heartbeatAt, heartbeatReceivedAt) =
            (Instant("node_time", request.NodeTime), Instant("heartbeat_at", request.HeartbeatAt),
            Instant("heartbeat_received_at", request.HeartbeatReceivedAt));
        return ClockSkew.Between(sent - received, heartbeatReceivedAt - heartbeatAt);
    }

    private static DateTimeOffset Instant(string field, Timestamp? at)
    {
        Inputs.Require(at is { Seconds: >= 0 and < 253_402_300_799, Nanos: >= 0 and < 1_000_000_000 }, field,
            "a time from 1970 to 9999-12-31T23:59:58");
        return at!.ToDateTimeOffset();
    }

    private static Npgsql.NpgsqlParameter Bigint(long? value) =>
        new() { Value = value ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bigint };
}
