using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Npgsql;
using AlarmKind = DeviceRegistry.Postgres.Schema.AlarmKind;
using BatchState = DeviceRegistry.Postgres.Schema.BatchState;
using UnitState = DeviceRegistry.Core.UnitState;

namespace DeviceRegistry.Registrar.Sightings;

/// <summary>The parsed sighting of one identity in a segment.</summary>
internal sealed record SeenIdentity(Imei? Imei, string Text, DateTime First, DateTime Last);

/// <summary>Accepts sightings from nodes: adds them to the summary of all sightings, and raises alarms for units seen
/// before release or after retirement or recall (proto/docs/decision-table.md rows 12c and 14c). Sightings are not
/// journalled; the alarms are.</summary>
internal sealed class SightingIntake(IdempotentWrites writes, TimeProvider time)
{
    // The newest segment of a node, locked, so that segments of one node are processed one after the other.
    private const string NewestSql =
        "SELECT number, checksum, new_identities, alarms FROM sighting_segments WHERE actor_id = $1 FOR UPDATE";

    private const string KeepSql = """
        INSERT INTO sighting_segments (actor_id, number, checksum, new_identities, alarms) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (actor_id) DO UPDATE
            SET number = excluded.number, checksum = excluded.checksum, new_identities = excluded.new_identities,
            alarms = excluded.alarms
        """;

    // In key order, so that segments of two nodes wait for each other instead of deadlocking. An inserted row has xmax
    // = 0.
    private const string TakeSql = """
        WITH taken AS (
          INSERT INTO sightings (identity, first_seen, last_seen, operators)
          SELECT i, f, l, ARRAY[$4::bigint] FROM unnest($1, $2, $3) AS t (i, f, l) ORDER BY i
          ON CONFLICT (identity) DO UPDATE
              SET first_seen = least(sightings.first_seen, excluded.first_seen),
              last_seen = greatest(sightings.last_seen, excluded.last_seen),
            operators = CASE WHEN sightings.operators @> excluded.operators THEN sightings.operators
                ELSE sightings.operators || excluded.operators END
          RETURNING xmax = 0 AS fresh)
        SELECT count(*) FILTER (WHERE fresh) FROM taken
        """;

    private const string UnitsSql = """
        SELECT i.imei, i.batch_number, i.unit, i.retired_at, b.state, coalesce(r.state, 0::smallint), r.since
        FROM imeis i JOIN batches b ON b.number = i.batch_number
        LEFT JOIN LATERAL (SELECT state, since FROM unit_runs WHERE batch_number = i.batch_number
            AND first_unit <= i.unit ORDER BY first_unit DESC LIMIT 1) r ON true
        WHERE i.imei = ANY ($1)
        """;

    private const string QuarantineSql =
        "INSERT INTO quarantined_units (batch_number, unit, imei) SELECT * FROM unnest($1, $2, $3) ON CONFLICT DO " +
        "NOTHING";

    /// <summary>Accepts a segment once; a repeated segment gets the same response.</summary>
    public Task<ReportSightingsResponse> TakeAsync(
        Caller node, long number, byte[] checksum, IReadOnlyList<SeenIdentity> seen, CancellationToken ct) =>
        writes.ExecuteUnreferencedAsync(actor: 0, async (write, ct) =>
        {
            // 1. Classify the segment: new, a repeat of the newest, or older and therefore accepted before.
            await EnsureNodeAsync(write, node, ct);
            var answer = await FindEarlierAsync(write, node, number, checksum, ct);
            if (answer is not null) return answer;

            // 2. Take the exclusive lock: a batch that is storing its units either finds these sightings, or these find
            // its units.
            await write.LockAsync(WriteLock.Sightings, ct);
            var identities = await IdentitiesAsync(write.Connection, seen, ct);
            var fresh = await ScalarAsync<long>(write.Connection, TakeSql, ct,
                identities.Keys.ToArray(), identities.Values.Select(s => s.First).ToArray(),
                identities.Values.Select(s => s.Last).ToArray(), (long)node.PartyId);

            // 3. Find the units and raise alarms.
            var alarms = await FindUnitsAsync(write, identities, ct);
            SyncPoints.Reached(SyncPoint.SightingsTaken);
            await ScalarAsync<object>(write.Connection, KeepSql, ct, (long)node.ActorId, number, checksum, (int)fresh,
                alarms);
            return new ReportSightingsResponse { NewIdentities = (uint)fresh, Alarms = (uint)alarms };
        }, ct);

    // Creates a row to lock: number 0 precedes every segment.
    private static async Task EnsureNodeAsync(RegistryWrite write, Caller node, CancellationToken ct) =>
        await ScalarAsync<object>(
        write.Connection,
            "INSERT INTO sighting_segments (actor_id, number, checksum, new_identities, alarms) VALUES ($1, 0, '', " +
            "0, 0) ON CONFLICT DO NOTHING", ct, (long)node.ActorId);

    private static async Task<ReportSightingsResponse?> FindEarlierAsync(RegistryWrite write, Caller node, long number,
        byte[] checksum, CancellationToken ct)
    {
        await using var command = Command(write.Connection, NewestSql, (long)node.ActorId);
        await using var row = await command.ExecuteReaderAsync(ct);
        await row.ReadAsync(ct);
        var newest = row.GetInt64(0);
        if (number > newest) return null;
        if (number < newest) return new ReportSightingsResponse();

        return row.GetFieldValue<byte[]>(1).AsSpan().SequenceEqual(checksum)
            ? new ReportSightingsResponse { NewIdentities = (uint)row.GetInt32(2), Alarms = (uint)row.GetInt32(3) }
            : throw new RegistryException(RegistryError.SegmentConflict,
                $"Segment {number} of this node came before with other contents. Nothing was taken.", "number",
                $"{newest + 1} or more");
    }

    private static async Task<SortedDictionary<long, SeenIdentity>> IdentitiesAsync(
        NpgsqlConnection connection, IReadOnlyList<SeenIdentity> seen, CancellationToken ct)
    {
        var texts = seen.Where(s => s.Imei is null).ToDictionary(s => s.Text, StringComparer.Ordinal);
        var identities = new SortedDictionary<long, SeenIdentity>();
        foreach (var one in seen)
            if (one.Imei is { } imei) identities[(long)imei.Value] = one;
        foreach (var (text, id) in await MalformedIdentities.InternAsync(connection, texts.Keys, ct)) identities[id] =
            texts[text];
        return identities;
    }

    private async Task<int> FindUnitsAsync(RegistryWrite write, SortedDictionary<long, SeenIdentity> seen,
        CancellationToken ct)
    {
        var subjects = new List<Alarms.Subject>();
        var stored = new List<(int Batch, int Unit, long Imei)>();
        await using (var command = Command(write.Connection, UnitsSql, seen.Keys.Where(i => i >= 0).ToArray()))
        await using (var rows = await command.ExecuteReaderAsync(ct))
            while (await rows.ReadAsync(ct))
            {
                var (imei, batch, unit) = (rows.GetInt64(0), rows.GetInt32(1), rows.GetInt32(2));
                if ((BatchState)rows.GetInt16(4) < BatchState.Valid) stored.Add((batch, unit, imei));
                else if (KindOf(seen[imei], (UnitState)rows.GetInt16(5), since: TimeOf(rows, 6),
                    retiredAt: TimeOf(rows, 3)) is { } kind) subjects.Add(new Alarms.Subject(kind, batch, unit, imei));
            }

        // Units of a batch that is being stored will be registered in quarantine.
        if (stored.Count > 0)
            await ScalarAsync<object>(write.Connection, QuarantineSql, ct, stored.Select(s => s.Batch).ToArray(),
                stored.Select(s => s.Unit).ToArray(), stored.Select(s => s.Imei).ToArray());
        return await Alarms.RaiseAsync(write, subjects, time.Now(), ct);
    }

    // A segment may arrive days after its sightings, so the state of the unit at the time of the sighting counts. Node
    // clocks may differ slightly from the registrar's.
    private static AlarmKind? KindOf(SeenIdentity seen, UnitState unit, DateTime? since, DateTime? retiredAt) =>
        unit switch
        {
            _ when retiredAt is not null => seen.Last >= retiredAt ? AlarmKind.RetiredImeiSeen : null,
            UnitState.Declared or UnitState.Quarantined or UnitState.Certified => AlarmKind.SeenBeforeRelease,
            UnitState.Released => seen.First < since - Limits.ClockSkewMax ? AlarmKind.SeenBeforeRelease : null,
            UnitState.Recalled or UnitState.Retired => seen.Last >= since ? AlarmKind.RetiredImeiSeen : null,
            _ => null,
        };

    private static DateTime? TimeOf(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetDateTime(column);

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params object[] parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in parameters) command.Parameters.Add(new() { Value = value });
        return command;
    }

    private static async Task<T?> ScalarAsync<T>(NpgsqlConnection connection, string sql, CancellationToken ct,
        params object[] parameters)
    {
        await using var command = Command(connection, sql, parameters);
        return await command.ExecuteScalarAsync(ct) is T value ? value : default;
    }
}
