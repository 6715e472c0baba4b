using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using DeviceRegistry.Registrar.Parties;
using DeviceRegistry.Registrar.Sightings;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using AlarmKind = DeviceRegistry.Postgres.Schema.AlarmKind;

namespace DeviceRegistry.Registrar.Orders;

/// <summary>Raises an alarm about each operator whose nodes lack orders for longer than the policy tolerates, and
/// about each node whose clock skew exceeds the limit. One alarm per operator or node stays open until the condition
/// ends, for any number of orders and any duration.</summary>
internal sealed partial class EnforcementWatch(IdempotentWrites writes, Database reads, PolicyCommands policies,
    TimeProvider time,
    ILogger<EnforcementWatch> log) : BackgroundService
{
    private volatile int _operatorsLate;
    private volatile int _nodesClockWrong;

    /// <summary>Number of operators with an open alarm.</summary>
    public int OperatorsLate => _operatorsLate;

    /// <summary>Number of nodes with an open alarm.</summary>
    public int NodesClockWrong => _nodesClockWrong;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var failing = false;
        using var tick = new PeriodicTimer(Limits.EnforcementLookEvery, time);
        try
        {
            while (await tick.WaitForNextTickAsync(stoppingToken)) failing =
                !await TryEvaluateAsync(logFailure: !failing, stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // The host stops.
        }
    }

    private async Task<bool> TryEvaluateAsync(bool logFailure, CancellationToken ct)
    {
        try
        {
            await EvaluateAsync(ct);
            return true;
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            if (logFailure) Interrupted(log, fault);
            return false;
        }
        catch (Exception)
        {
            return false;
        }
    }

    private async Task EvaluateAsync(CancellationToken ct)
    {
        // 1. Alarms to raise and to clear under the policy in force.
        var (now, policy) = (time.Now(), (await policies.GetAsync(ct)).Policy);
        var (inForceBefore, skewMs) =
            (now - PolicyMapping.ViolationTolerance(policy), PolicyMapping.NodeClockSkewMaxMs(policy));
        AlarmSql[] raisable = [new(AnyLateSql, [now, inForceBefore]), new(AnyWrongSql, [now, skewMs])];
        AlarmSql[] raising = [new(RaiseLateSql, [now, inForceBefore]), new(RaiseWrongSql, [now, skewMs])];
        AlarmSql[] clearing = [new(NoLongerLateSql, [inForceBefore]), new(NoLongerWrongSql, [skewMs])];
        var (any, ended) = await reads.ReadAsync(async (db, ct) =>
            (await AnyAsync(db, raisable, ct), await NumbersAsync(db, clearing, ct)), ct);

        // 2. One write for all of them. Usually there are none, and then nothing is written.
        if (any || ended.Count > 0)
            await writes.ExecuteUnreferencedAsync(actor: 0, async (write, ct) =>
            {
                await RaiseAsync(write, raising, ct);
                await ClearAsync(write, ended, now, ct);
                return 0;
            }, ct);

        // 3. The number of open alarms, for the metrics.
        var open = await reads.ReadAsync(
            async (db, ct) => await db.Alarms.Where(a => a.Kind >= AlarmKind.OrdersOverdue && a.EndedAt == null)
            .GroupBy(a => a.Kind).Select(g => new { g.Key, Count = g.Count() }).ToListAsync(ct), ct);
        _operatorsLate = open.Where(o => o.Key is AlarmKind.OrdersOverdue).Sum(o => o.Count);
        _nodesClockWrong = open.Where(o => o.Key is AlarmKind.NodeClockSkew).Sum(o => o.Count);
    }

    private sealed record AlarmSql(string Sql, object[] Parameters);

    private static async Task<bool> AnyAsync(RegistryContext db, IEnumerable<AlarmSql> queries, CancellationToken ct)
    {
        foreach (var query in queries)
            if ((await db.Database.SqlQueryRaw<bool>(query.Sql, query.Parameters)
                .ToListAsync(ct))[0]) return true;

        return false;
    }

    private static async Task<List<long>> NumbersAsync(RegistryContext db, IEnumerable<AlarmSql> queries,
        CancellationToken ct)
    {
        var numbers = new List<long>();
        foreach (var query in queries) numbers.AddRange(
            await db.Database.SqlQueryRaw<long>(query.Sql, query.Parameters).ToListAsync(ct));
        return numbers;
    }

    // An alarm that another registrar raised in the meantime is not raised again: the unique index of open alarms
    // holds one per kind and operator or node.
    private static async Task RaiseAsync(RegistryWrite write, IEnumerable<AlarmSql> queries, CancellationToken ct)
    {
        var numbers = await NumbersAsync(write.Db, queries, ct);
        if (numbers.Count > 0) await Alarms.StageAsync(write, await write.Db.Alarms.AsNoTracking()
            .Where(a => numbers.Contains(a.Number)).OrderBy(a => a.Number).ToListAsync(ct), ct);
    }

    private static async Task ClearAsync(RegistryWrite write, List<long> numbers, DateTime now, CancellationToken ct)
    {
        var ended = await NumbersAsync(write.Db, [new AlarmSql(EndSql, [now, numbers.ToArray()])], ct);
        if (ended.Count > 0)
            write.Stage(
                JournalKind.AlarmsCleared, new AlarmsCleared { Alarms = (uint)ended.Count },
                new AlarmsClearedPrivate
                {
                    AlarmNumbers = { ended.Order().Select(n => (ulong)n) },
                    At = Timestamp.FromDateTime(now)
                }, actor: 0);
    }

    private const string EndSql =
        """
        UPDATE alarms SET ended_at = {0} WHERE number = ANY ({1}) AND ended_at IS NULL RETURNING number AS "Value"
        """;

    private const string PositionsSql =
        $"SELECT a.party_id, min(n.position) AS position {OrderClock.NodesSql} GROUP BY a.party_id";

    // Orders are counted only when an alarm is raised: an operator that already has an open alarm is excluded before
    // any order is read.
    private const string LateSql = $$"""
        SELECT 4::smallint, {0}::timestamptz, ARRAY[]::bigint[], t.party_id, NULL::bigint, count(*), (array_agg(o.number
            ORDER BY o.in_force_at, o.number))[1], min(o.in_force_at), NULL::bigint
        FROM ({{PositionsSql}}) t JOIN orders o ON o.state = 10 AND o.armed_position > t.position
            AND o.in_force_at <= {1}
        WHERE NOT EXISTS (SELECT FROM alarms x WHERE x.kind = 4 AND x.party_id = t.party_id AND x.ended_at IS NULL)
            GROUP BY t.party_id
        """;

    private const string NoLongerLateSql = $$"""
        SELECT x.number AS "Value" FROM alarms x LEFT JOIN ({{PositionsSql}}) t ON t.party_id = x.party_id
        WHERE x.kind = 4 AND x.ended_at IS NULL AND NOT EXISTS (SELECT FROM orders o WHERE o.state = 10
            AND o.armed_position > t.position AND o.in_force_at <= {0})
        """;

    private const string InsertSql =
        "INSERT INTO alarms (kind, raised_at, operators, party_id, actor_id, orders, order_number, since, " +
        "clock_skew_ms)";

    private const string OnceSql = "ON CONFLICT DO NOTHING RETURNING number AS \"Value\"";

    private const string AnyLateSql = $"SELECT EXISTS ({LateSql}) AS \"Value\"";

    private const string RaiseLateSql = $"{InsertSql} {LateSql} {OnceSql}";

    private const string AnyWrongSql = $"SELECT EXISTS ({WrongSql}) AS \"Value\"";

    private const string RaiseWrongSql = $"{InsertSql} {WrongSql} {OnceSql}";

    // An alarm is raised when the skew exceeds the limit even with the measurement error subtracted, and cleared when
    // it is within the limit even with the error added: one slow round trip raises no new alarm.
    private const string WrongSql = $$"""
        SELECT 5::smallint, {0}::timestamptz, ARRAY[]::bigint[], a.party_id, n.actor_id, NULL::bigint, NULL::bigint,
            NULL::timestamptz, n.clock_skew_ms {{OrderClock.NodesSql}}
        WHERE abs(n.clock_skew_ms) - n.clock_uncertainty_ms > {1} AND NOT EXISTS (SELECT FROM alarms x WHERE x.kind = 5
            AND x.actor_id = n.actor_id AND x.ended_at IS NULL)
        """;

    private const string NoLongerWrongSql = $$"""
        SELECT x.number AS "Value" FROM alarms x WHERE x.kind = 5 AND x.ended_at IS NULL AND NOT EXISTS (
          SELECT {{OrderClock.NodesSql}} WHERE n.actor_id = x.actor_id
              AND abs(n.clock_skew_ms) + n.clock_uncertainty_ms > {0})
        """;

    [LoggerMessage(EventId = 2018, Level = LogLevel.Warning,
        Message = "Cannot evaluate enforcement alarms, retrying")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
