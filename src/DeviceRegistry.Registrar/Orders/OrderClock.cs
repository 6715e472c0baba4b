using System.Collections.Concurrent;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ActorKind = DeviceRegistry.Core.ActorKind;
using OrderState = DeviceRegistry.Core.OrderState;
using PartyKind = DeviceRegistry.Core.PartyKind;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Records what happens to orders by itself: their start and their end, dated at the instant, and that every operator's nodes have them. Nodes need none of it, they
/// go by their own clocks; the record does.</summary>
internal sealed partial class OrderClock(Writes writes, TableReads reads, TimeProvider time, ILogger<OrderClock> log) : BackgroundService
{
    // Nodes that ever followed the journal and are not retired, with the operator each works for.
    private const string NodesSql = """
        FROM node_positions n JOIN actors a ON a.id = n.actor_id AND a.active AND a.kind = 2 JOIN parties p ON p.id = a.party_id AND p.active AND p.kind = 3
        """;

    private readonly ConcurrentDictionary<long, ulong> _reported = new();
    private volatile TaskCompletionSource _changed = NewSignal();

    /// <summary>Something happened that may move an order: one was armed.</summary>
    public void Look() => _changed.TrySetResult();

    /// <summary>A node says where it stands. Mostly where it stood before, which moves nothing.</summary>
    public void Reported(long node, ulong position)
    {
        if (_reported.TryGetValue(node, out var before) && before == position) return;

        _reported[node] = position;
        Look();
    }

    /// <summary>Where an order stands at each operator.</summary>
    public static async Task<IReadOnlyList<OperatorEnforcement>> EnforcementAsync(RegistryContext db, OrderRow order, CancellationToken ct)
    {
        if (!OrderLifeCycle.IsAtNodes(order.State) || await ArmedAtAsync(db, order.Number, ct) is not { } armed) return [];

        var applied = await db.OrderApplied.AsNoTracking().Where(a => a.OrderNumber == order.Number).ToDictionaryAsync(a => a.PartyId, a => a.AppliedAt, ct);
        var nodes = await (from position in db.NodePositions
                           join actor in db.Actors on position.ActorId equals actor.Id
                           join party in db.Parties on actor.PartyId equals party.Id
                           where actor.Active && party.Active && actor.Kind == ActorKind.Node && party.Kind == PartyKind.Operator
                           orderby party.Name, position.ReportedAt
                           select new { Operator = party.Name, party.Id, Node = actor.Name, position.Position }).AsNoTracking().ToListAsync(ct);
        return [.. nodes.GroupBy(n => (n.Operator, n.Id)).Select(g => new OperatorEnforcement
        {
            Operator = g.Key.Operator, Nodes = (uint)g.Count(), NodesApplied = (uint)g.Count(n => n.Position >= armed),
            AppliedAt = applied.TryGetValue(g.Key.Id, out var at) && at >= order.InForceAt ? Timestamp.FromDateTime(at) : null,
            LateNodes = { g.Where(n => n.Position < armed).Select(n => n.Node).Take(100) },
        })];
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var cut = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            var changed = _changed = NewSignal();
            try
            {
                while (await RecordAsync(stoppingToken) >= Limits.OrdersRecordedAtOnce)
                {
                }

                cut = false;
                await Task.WhenAny(changed.Task, Task.Delay(Limits.OrderClockEvery, time, stoppingToken));
                await Task.Delay(Limits.OrderClockRest, time, stoppingToken);              // many reports and approvals, one look
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                if (!cut) Interrupted(log, fault);
                cut = true;
                await Task.Delay(Limits.ResumeAfter, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Records what is due now, in one write for all of it, and says how much that was. Mostly nothing is due, and then nothing is written.</summary>
    internal async Task<int> RecordAsync(CancellationToken ct)
    {
        var now = time.Now();
        var due = await reads.ReadAsync(async (db, ct) => await DueAsync(db, now, ct), ct);
        if (due.Count is 0) return 0;

        SyncPoints.Reached(SyncPoint.ClockFound);
        return await writes.DoAsync(actor: 0, async (write, ct) =>
        {
            // Locked in the order of their numbers, then looked at once more: a lift may have come in between.
            foreach (var number in due.Order()) await write.LockOrderAsync(number, ct);
            var orders = await write.Db.Orders.Where(o => due.Contains(o.Number)).OrderBy(o => o.Number).ToListAsync(ct);

            // The start of an order is saved before what follows from it: an order that every node has known long before is enforced as it begins, and the database
            // knows no step from ARMED to ENFORCED.
            foreach (var order in orders) RecordStart(write, order, now);
            await write.Db.SaveChangesAsync(ct);
            foreach (var order in orders) await RecordEndAsync(write, order, now, ct);
            await write.Db.SaveChangesAsync(ct);
            SyncPoints.Reached(SyncPoint.ClockRecorded);
            return orders.Count;
        }, ct);
    }

    private static void RecordStart(RegistryWrite write, OrderRow order, DateTime now)
    {
        if (order.State is not OrderState.Armed || order.EffectiveAt > now) return;

        (order.State, order.InForceAt) = (OrderState.InForce, order.EffectiveAt);
        Stage(write, order, JournalKind.OrderInForce, order.EffectiveAt!.Value);
    }

    private static async Task RecordEndAsync(RegistryWrite write, OrderRow order, DateTime now, CancellationToken ct)
    {
        if (order.State is (OrderState.InForce or OrderState.Enforced or OrderState.Stayed) && order.ExpiresAt <= now)
        {
            (order.State, order.EndedAt) = (OrderState.Lifted, order.ExpiresAt);
            Stage(write, order, JournalKind.OrderExpired, order.ExpiresAt!.Value);
        }
        else if (order.State is OrderState.InForce && await IsEnforcedAsync(write.Db, order, ct))
        {
            (order.State, order.EnforcedAt) = (OrderState.Enforced, now);
            Stage(write, order, JournalKind.OrderEnforced, now);
        }
    }

    private const string AppliedSql = $$"""
        INSERT INTO order_applied (order_number, party_id, applied_at)
        SELECT {0}, a.party_id, greatest(max(n.reported_at), {1}) {{NodesSql}} GROUP BY a.party_id HAVING min(n.position) >= {2}
        ON CONFLICT (order_number, party_id) DO UPDATE SET applied_at = excluded.applied_at WHERE order_applied.applied_at < {1}
        """;

    private const string AllHaveItSql = $$"""SELECT coalesce(min(n.position) >= {0}, false) AS "Value" {{NodesSql}}""";

    // Notes each operator whose nodes all have it, and says whether that is every one.
    private static async Task<bool> IsEnforcedAsync(RegistryContext db, OrderRow order, CancellationToken ct)
    {
        if (await ArmedAtAsync(db, order.Number, ct) is not { } armed) return false;

        await db.Database.ExecuteSqlRawAsync(AppliedSql, [order.Number, order.InForceAt!.Value, armed], ct);
        return await db.Database.SqlQueryRaw<bool>(AllHaveItSql, armed).SingleAsync(ct);
    }

    // Where nodes learnt of it, the last time if it was stayed in between.
    private static Task<long?> ArmedAtAsync(RegistryContext db, long order, CancellationToken ct) => db.Database.SqlQueryRaw<long?>(ArmedAtOfSql, order).SingleAsync(ct);

    private const string ArmedAtOfSql = $$"""SELECT ({{ArmedAtSql}}) AS "Value" FROM (VALUES ({0})) o (number)""";

    private const string ArmedAtSql = """
        SELECT max(j.position) FROM journal_subjects s JOIN journal_payloads p ON p.id = s.payload_id AND p.kind = 15 JOIN journal j ON j.payload_id = p.id WHERE s.kind = 2 AND s.subject = o.number
        """;

    // Orders whose instant has come, and those in force that one more operator has, or all.
    private const string DueSql = $$"""
        SELECT o.number AS "Value" FROM orders o
        WHERE (o.state = 3 AND o.effective_at <= {0}) OR (o.state IN (8, 10, 11) AND o.expires_at <= {0})
          OR (o.state = 10 AND (
            ({{ArmedAtSql}}) <= (SELECT min(n.position) {{NodesSql}})
            OR EXISTS (
              SELECT {{NodesSql}} LEFT JOIN order_applied x ON x.order_number = o.number AND x.party_id = a.party_id AND x.applied_at >= o.in_force_at
              WHERE x.party_id IS NULL GROUP BY a.party_id HAVING min(n.position) >= ({{ArmedAtSql}}))))
        ORDER BY o.number LIMIT {1}
        """;

    private static async Task<IReadOnlyList<long>> DueAsync(RegistryContext db, DateTime now, CancellationToken ct) =>
        await db.Database.SqlQueryRaw<long>(DueSql, now, Limits.OrdersRecordedAtOnce).ToListAsync(ct);

    private static void Stage(RegistryWrite write, OrderRow order, JournalKind kind, DateTime at) =>
        write.Stage(kind, new OrderInstant { OrderNumber = (ulong)order.Number, At = Timestamp.FromDateTime(at) }, subject: (SubjectKind.Order, order.Number), actor: 0);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(EventId = 2014, Level = LogLevel.Warning, Message = "Starts and ends of orders cannot be recorded now; nodes keep them all the same, and it is tried again.")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
