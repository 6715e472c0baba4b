using System.Collections.Concurrent;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ActorKind = DeviceRegistry.Core.ActorKind;
using OrderState = DeviceRegistry.Core.OrderState;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Records the transitions of orders that no caller causes: start and end, dated at the instant itself, and
/// ENFORCED, once the nodes of every operator have the order. Nodes do not depend on these records: they start and end
/// orders by their own clocks.</summary>
internal sealed partial class OrderClock(IdempotentWrites writes, Database reads, TimeProvider time,
    ILogger<OrderClock> log)
    : RetryingBackgroundService(time)
{
    /// <summary>FROM clause over the active nodes of active operators that ever reported a position; the operator is
    /// <c>a.party_id</c>.</summary>
    internal const string NodesSql = """
        FROM node_positions n JOIN actors a ON a.id = n.actor_id AND a.active AND a.kind = 2 JOIN parties p
            ON p.id = a.party_id AND p.active AND p.kind = 3
        """;

    private readonly ConcurrentDictionary<long, ulong> _reported = new();
    private volatile TaskCompletionSource _changed = NewSignal();

    // By operator, the position up to which order_applied is complete. Used by the loop only; a new process starts
    // from 0.
    private readonly Dictionary<long, long> _appliedThrough = [];

    /// <summary>Wakes the loop: an order was armed, or a node reported a new position. Thread-safe, never
    /// blocks.</summary>
    public void Wake() => _changed.TrySetResult();

    /// <summary>A node reported its position. An unchanged position does not wake the loop. Thread-safe.</summary>
    public void PositionReported(long node, ulong position)
    {
        if (_reported.TryGetValue(node, out var before) && before == position) return;

        _reported[node] = position;
        Wake();
    }

    /// <summary>The enforcement of an order per operator; empty if nodes do not hold the order.</summary>
    public static async Task<IReadOnlyList<OperatorEnforcement>> EnforcementAsync(RegistryContext db, OrderRow order,
        CancellationToken ct)
    {
        if (!OrderLifeCycle.IsAtNodes(order.State)
            || (order.ArmedPosition ?? await ArmedAtAsync(db, order.Number, ct)) is not { } armed) return [];

        var applied = await db.OrderApplied.AsNoTracking().Where(a => a.OrderNumber == order.Number)
            .ToDictionaryAsync(a => a.PartyId, a => a.AppliedAt, ct);
        var refused = await db.OrderRefused.AsNoTracking().Where(r => r.OrderNumber == order.Number)
            .ToDictionaryAsync(r => r.PartyId, r => r.FirstDeniedAt, ct);
        var late = await db.Alarms.AsNoTracking()
            .Where(a => a.Kind == Postgres.Schema.AlarmKind.OrdersOverdue && a.EndedAt == null)
            .ToDictionaryAsync(a => a.PartyId!.Value, a => a.RaisedAt, ct);
        var nodes = await (from position in db.NodePositions
                           join actor in db.Actors on position.ActorId equals actor.Id
                           join party in db.Parties on actor.PartyId equals party.Id
                           where actor.Active && party.Active && actor.Kind == ActorKind.Node
                               && party.Kind == PartyKind.Operator
                           orderby party.Name, position.ReportedAt
                           select new { Operator = party.Name, party.Id, Node = actor.Name, position.Position })
                               .AsNoTracking().ToListAsync(ct);
        return [.. nodes.GroupBy(n => (n.Operator, n.Id)).Select(g => new OperatorEnforcement
        {
            Operator = g.Key.Operator, Nodes = (uint)g.Count(), NodesApplied = (uint)g.Count(n => n.Position >= armed),
            AppliedAt = applied.TryGetValue(g.Key.Id, out var at) && at >= order.InForceAt ? Timestamp.FromDateTime(at)
            : null,
            OverdueNodes = { g.Where(n => n.Position < armed).Select(n => n.Node).Take(100) },
            FirstDeniedAt = refused.TryGetValue(g.Key.Id, out var first) ? Timestamp.FromDateTime(first) : null,
            OverdueSince = g.Any(n => n.Position < armed) && late.TryGetValue(g.Key.Id, out var since)
            ? Timestamp.FromDateTime(since) : null,
        })];
    }

    /// <inheritdoc/>
    protected override async Task RunIterationAsync(CancellationToken ct)
    {
        var changed = _changed = NewSignal();
        while (await RecordAsync(ct) >= Limits.OrdersRecordedAtOnce)
        {
        }

        await Task.WhenAny(changed.Task, Task.Delay(Limits.OrderClockEvery, Time, ct));
        await Task.Delay(Limits.OrderClockRest, Time, ct);              // one pass for many reports and approvals
    }

    /// <inheritdoc/>
    protected override void Interrupted(Exception fault) => Interrupted(log, fault);

    /// <summary>Records everything that is due in one transaction and returns the number of orders. Usually nothing is
    /// due, and then nothing is written.</summary>
    internal async Task<int> RecordAsync(CancellationToken ct)
    {
        var now = Time.Now();
        var due = await reads.ReadAsync(async (db, ct) => await FindDueAsync(db, now, ct), ct);
        if (due.Count is 0) return 0;

        return await writes.ExecuteUnreferencedAsync(actor: 0, async (write, ct) =>
        {
            // Orders are locked in ascending number and read again after the lock: a lift may have been committed in
            // between.
            foreach (var number in due.Order()) await write.LockOrderAsync(number, ct);
            var everywhere = (await ReadOperatorPositionsAsync(write.Db, ct)).Select(r => (long?)r.Position).Min();
            var orders = await write.Db.Orders.Where(o => due.Contains(o.Number)).OrderBy(o => o.Number)
                .ToListAsync(ct);

            // Starts are saved before ends: an order that every node received long ago starts and becomes ENFORCED in
            // the same pass, and the database has no transition from ARMED to ENFORCED.
            foreach (var order in orders) await RecordStartAsync(write, order, now, ct);
            await write.Db.SaveChangesAsync(ct);
            foreach (var order in orders) RecordEnd(write, order, everywhere, now);
            await write.Db.SaveChangesAsync(ct);
            SyncPoints.Reached(SyncPoint.ClockRecorded);
            return orders.Count;
        }, ct);
    }

    private async Task<IReadOnlyList<long>> FindDueAsync(RegistryContext db, DateTime now, CancellationToken ct)
    {
        // 1. The positions of the operators. They are read before the orders, so that the orders include everything
        // that a node has reported.
        var reached = await ReadOperatorPositionsAsync(db, ct);

        // 2. The journal position of each order that was armed since.
        while (await AssignArmedPositionsAsync(db, ct) >= Limits.OrdersNotedAtOnce)
        {
        }

        // 3. The orders that operators have reached since the last pass. An order that waits for another operator is
        // not read again.
        foreach (var one in reached) await RecordAppliedAsync(db, one, ct);

        // 4. Orders whose start or end has come, and orders that all operators have.
        var everywhere = reached.Select(r => r.Position).DefaultIfEmpty(-1).Min();
        return await db.Database.SqlQueryRaw<long>(DueSql, now, Limits.OrdersRecordedAtOnce, everywhere)
            .ToListAsync(ct);
    }

    private static async Task RecordStartAsync(RegistryWrite write, OrderRow order, DateTime now, CancellationToken ct)
    {
        if (order.State is not OrderState.Armed || order.EffectiveAt > now) return;

        (order.State, order.InForceAt) = (OrderState.InForce, order.EffectiveAt);
        Stage(write, order, JournalKind.OrderInForce, order.EffectiveAt!.Value);

        // Operators that already have the order are recorded now; later passes only read the orders that an operator
        // newly reaches.
        order.ArmedPosition ??= await ArmedAtAsync(write.Db, order.Number, ct);
        if (order.ArmedPosition is { } armed) await write.Db.Database.ExecuteSqlRawAsync(AppliedAtStartSql,
            [order.Number, order.InForceAt!.Value, armed], ct);
    }

    private static void RecordEnd(RegistryWrite write, OrderRow order, long? everywhere, DateTime now)
    {
        if (order.State is (OrderState.InForce or OrderState.Enforced or OrderState.Stayed) && order.ExpiresAt <= now)
        {
            (order.State, order.EndedAt) = (OrderState.Lifted, order.ExpiresAt);
            Stage(write, order, JournalKind.OrderExpired, order.ExpiresAt!.Value);
        }
        else if (order.State is OrderState.InForce && order.ArmedPosition <= everywhere)
        {
            (order.State, order.EnforcedAt) = (OrderState.Enforced, now);
            Stage(write, order, JournalKind.OrderEnforced, now);
        }
    }

    private const string AppliedAtStartSql = $$"""
        INSERT INTO order_applied (order_number, party_id, applied_at)
        SELECT {0}, a.party_id, greatest(max(n.reported_at), {1}) {{NodesSql}}
            GROUP BY a.party_id HAVING min(n.position) >= {2}
        ON CONFLICT (order_number, party_id) DO UPDATE SET applied_at = excluded.applied_at
            WHERE order_applied.applied_at < {1}
        """;

    private sealed record OperatorPosition(long PartyId, long Position, DateTime ReportedAt);

    private const string OperatorPositionsSql =
        $"""
        SELECT a.party_id AS "PartyId", min(n.position) AS "Position", max(n.reported_at) AS "ReportedAt"
        {NodesSql} GROUP BY a.party_id
        """;

    // The lowest position among the nodes of each operator: one row per operator, however many orders there are.
    private static async Task<List<OperatorPosition>> ReadOperatorPositionsAsync(RegistryContext db,
        CancellationToken ct) =>
        await db.Database.SqlQueryRaw<OperatorPosition>(OperatorPositionsSql).ToListAsync(ct);

    private const string WithoutArmedPositionSql = """
        SELECT number AS "Value" FROM orders WHERE state IN (3, 10) AND armed_position IS NULL
            ORDER BY number LIMIT {0} FOR NO KEY UPDATE
        """;

    private const string AssignArmedPositionsSql =
        $$"""UPDATE orders o SET armed_position = ({{ArmedAtSql}}) WHERE o.number = ANY ({0})""";

    // The position of an arming entry is known only after its commit. Orders are locked first and looked up by a
    // statement of their own, so that an order that was stayed and armed again in between does not get its old
    // position.
    private static async Task<int> AssignArmedPositionsAsync(RegistryContext db, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        var numbers = await db.Database.SqlQueryRaw<long>(WithoutArmedPositionSql, Limits.OrdersNotedAtOnce)
            .ToListAsync(ct);
        if (numbers.Count > 0) await db.Database.ExecuteSqlRawAsync(AssignArmedPositionsSql, [numbers.ToArray()], ct);
        await transaction.CommitAsync(ct);
        return numbers.Count;
    }

    // Records the orders between two positions as applied by an operator, at the time of its nodes' last report.
    // Returns the position where the limit stopped it, or null if there are no more.
    private const string RecordAppliedSql = """
        WITH reached AS (
          SELECT o.number, o.in_force_at, o.armed_position FROM orders o WHERE o.state = 10 AND o.armed_position > {2}
              AND o.armed_position <= {3} ORDER BY o.armed_position LIMIT {4}),
        recorded AS (
          INSERT INTO order_applied (order_number, party_id, applied_at)
          SELECT s.number, {0}, greatest({1}, s.in_force_at) FROM reached s
          WHERE NOT EXISTS (SELECT FROM order_applied x WHERE x.order_number = s.number AND x.party_id = {0}
              AND x.applied_at >= s.in_force_at)
          ORDER BY s.number
          ON CONFLICT (order_number, party_id) DO UPDATE SET applied_at = excluded.applied_at)
        SELECT CASE WHEN count(*) = {4} THEN max(armed_position) END AS "Value" FROM reached
        """;

    private async Task RecordAppliedAsync(RegistryContext db, OperatorPosition one, CancellationToken ct)
    {
        // A lower position than before: the database was restored from a backup, and a new history follows.
        var through = _appliedThrough.GetValueOrDefault(one.PartyId);
        if (one.Position < through) _appliedThrough[one.PartyId] = through = 0;
        while (through < one.Position)
        {
            var stopped = (await db.Database.SqlQueryRaw<long?>(RecordAppliedSql, one.PartyId, one.ReportedAt, through,
                one.Position, Limits.OrdersNotedAtOnce).ToListAsync(ct))[0];
            _appliedThrough[one.PartyId] = through = stopped ?? one.Position;
        }
    }

    // The position of the last arming entry of an order; a vacated stay has armed it again.
    private static Task<long?> ArmedAtAsync(RegistryContext db, long order, CancellationToken ct) =>
        db.Database.SqlQueryRaw<long?>(ArmedAtOfSql, order).SingleAsync(ct);

    private const string ArmedAtOfSql = $$"""SELECT ({{ArmedAtSql}}) AS "Value" FROM (VALUES ({0})) o (number)""";

    private const string ArmedAtSql = """
        SELECT max(j.position) FROM journal_subjects s JOIN journal_payloads p ON p.id = s.payload_id
            AND p.kind IN (15, 34) JOIN journal j ON j.payload_id = p.id WHERE s.kind = 2 AND s.subject = o.number
        """;

    // Each branch reads its own partial index: orders in force, and orders that wait for an unreachable operator, are
    // not read.
    private const string DueSql = """
        SELECT d.number AS "Value" FROM (
          (SELECT o.number FROM orders o WHERE o.state = 3 AND o.effective_at <= {0} ORDER BY o.effective_at LIMIT {1})
          UNION (SELECT o.number FROM orders o WHERE o.state IN (8, 10, 11) AND o.expires_at <= {0}
              ORDER BY o.expires_at LIMIT {1})
          UNION (SELECT o.number FROM orders o WHERE o.state = 10 AND o.armed_position <= {2}
              ORDER BY o.armed_position LIMIT {1})) d
        ORDER BY d.number LIMIT {1}
        """;

    private static void Stage(RegistryWrite write, OrderRow order, JournalKind kind, DateTime at) =>
        write.Stage(kind, new OrderInstant { OrderNumber = (ulong)order.Number, At = Timestamp.FromDateTime(at) },
            subject: (SubjectKind.Order, order.Number), actor: 0);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(EventId = 2014, Level = LogLevel.Warning,
        Message = "Cannot record order start/expiry, retrying")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
