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

/// <summary>Raises an alarm about an operator whose nodes lack orders for longer than the policy tolerates, and about a
/// node whose clock is wrong: one until it is over, however many orders there are and however long it lasts.</summary>
internal sealed partial class EnforcementWatch(IdempotentWrites writes, Database reads, PolicyCommands policies,
    TimeProvider time,
    ILogger<EnforcementWatch> log) : BackgroundService
{
    private volatile int _operatorsLate;
    private volatile int _nodesClockWrong;

    /// <summary>Operators about which such an alarm is open.</summary>
    public int OperatorsLate => _operatorsLate;

    /// <summary>Nodes about which such an alarm is open.</summary>
    public int NodesClockWrong => _nodesClockWrong;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var cut = false;
        using var tick = new PeriodicTimer(Limits.EnforcementLookEvery, time);
        try
        {
            while (await tick.WaitForNextTickAsync(stoppingToken)) cut =
                !await TryLookAsync(saysSo: !cut, stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    private async Task<bool> TryLookAsync(bool saysSo, CancellationToken ct)
    {
        try
        {
            await LookAsync(ct);
            return true;
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            if (saysSo) Interrupted(log, fault);
            return false;
        }
        catch (Exception)
        {
            return false;
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        // 1. What is to be said, by the policy in force.
        var (now, policy) = (time.Now(), (await policies.GetAsync(ct)).Policy);
        var (inForceBefore, skewMs) =
            (now - PolicyMapping.ViolationTolerance(policy), PolicyMapping.NodeClockSkewMaxMs(policy));
        Question[] begun = [new(AnyLateSql, [now, inForceBefore]), new(AnyWrongSql, [now, skewMs])];
        Question[] raising = [new(RaiseLateSql, [now, inForceBefore]), new(RaiseWrongSql, [now, skewMs])];
        Question[] over = [new(NoLongerLateSql, [inForceBefore]), new(NoLongerWrongSql, [skewMs])];
        var (any, ended) = await reads.ReadAsync(async (db, ct) =>
            (await AnyAsync(db, begun, ct), await NumbersAsync(db, over, ct)), ct);

        // 2. Said in one write, if there is anything: mostly there is not.
        if (any || ended.Count > 0)
            await writes.ExecuteUnreferencedAsync(actor: 0, async (write, ct) =>
            {
                await RaiseAsync(write, raising, ct);
                await EndAsync(write, ended, now, ct);
                return 0;
            }, ct);

        // 3. What is open now.
        var open = await reads.ReadAsync(
            async (db, ct) => await db.Alarms.Where(a => a.Kind >= AlarmKind.OrdersOverdue && a.EndedAt == null)
            .GroupBy(a => a.Kind).Select(g => new { g.Key, Count = g.Count() }).ToListAsync(ct), ct);
        _operatorsLate = open.Where(o => o.Key is AlarmKind.OrdersOverdue).Sum(o => o.Count);
        _nodesClockWrong = open.Where(o => o.Key is AlarmKind.NodeClockSkew).Sum(o => o.Count);
    }

    private sealed record Question(string Sql, object[] Parameters);

    private static async Task<bool> AnyAsync(RegistryContext db, IEnumerable<Question> questions, CancellationToken ct)
    {
        foreach (var question in questions)
            if ((await db.Database.SqlQueryRaw<bool>(question.Sql, question.Parameters)
                .ToListAsync(ct))[0]) return true;

        return false;
    }

    private static async Task<List<long>> NumbersAsync(RegistryContext db, IEnumerable<Question> questions,
        CancellationToken ct)
    {
        var numbers = new List<long>();
        foreach (var question in questions) numbers.AddRange(
            await db.Database.SqlQueryRaw<long>(question.Sql, question.Parameters).ToListAsync(ct));
        return numbers;
    }

    // What another registrar raised in between is not raised again: the index of open alarms holds one of each.
    private static async Task RaiseAsync(RegistryWrite write, IEnumerable<Question> questions, CancellationToken ct)
    {
        var numbers = await NumbersAsync(write.Db, questions, ct);
        if (numbers.Count > 0) await Alarms.StageAsync(write, await write.Db.Alarms.AsNoTracking()
            .Where(a => numbers.Contains(a.Number)).OrderBy(a => a.Number).ToListAsync(ct), ct);
    }

    private static async Task EndAsync(RegistryWrite write, List<long> numbers, DateTime now, CancellationToken ct)
    {
        var ended = await NumbersAsync(write.Db, [new Question(EndSql, [now, numbers.ToArray()])], ct);
        if (ended.Count > 0)
            write.Stage(
                JournalKind.AlarmsCleared, new AlarmsCleared { Alarms = (uint)ended.Count },
                new AlarmsClearedPrivate { AlarmNumbers = { ended.Order().Select(n => (ulong)n) },
                    At = Timestamp.FromDateTime(now) }, actor: 0);
    }

    private const string EndSql =
        """
        UPDATE alarms SET ended_at = {0} WHERE number = ANY ({1}) AND ended_at IS NULL RETURNING number AS "Value"
        """;

    private const string StandingSql =
        $"SELECT a.party_id, min(n.position) AS position {OrderClock.NodesSql} GROUP BY a.party_id";

    // Orders are counted once for an alarm: an operator with an open one is passed over before any is read.
    private const string LateSql = $$"""
        SELECT 4::smallint, {0}::timestamptz, ARRAY[]::bigint[], t.party_id, NULL::bigint, count(*), (array_agg(o.number
            ORDER BY o.in_force_at, o.number))[1], min(o.in_force_at), NULL::bigint
        FROM ({{StandingSql}}) t JOIN orders o ON o.state = 10 AND o.armed_position > t.position
            AND o.in_force_at <= {1}
        WHERE NOT EXISTS (SELECT FROM alarms x WHERE x.kind = 4 AND x.party_id = t.party_id AND x.ended_at IS NULL)
            GROUP BY t.party_id
        """;

    private const string NoLongerLateSql = $$"""
        SELECT x.number AS "Value" FROM alarms x LEFT JOIN ({{StandingSql}}) t ON t.party_id = x.party_id
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

    // Raised when the clock is certainly wrong, and over when it is certainly right: a line that is slow for a moment
    // raises nothing anew.
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
        Message = "It cannot be looked at now which operators are late and which clocks are wrong; it is tried again.")]
    private static partial void Interrupted(ILogger log, Exception fault);
}
