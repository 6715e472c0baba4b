using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Schema;
using Npgsql;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Registry data of a TAC, for one party on one day.</summary>
internal sealed record TacFact(bool Known, string Model, int SimSlots, bool Barred, bool Mandated)
{
    /// <summary>A TAC that is in no list.</summary>
    public static TacFact Unknown { get; } = new(false, "", 0, false, false);

    /// <summary>The error of using the TAC, if there is one. A mandate is required of manufacturers only (local
    /// assembly).</summary>
    public ErrorReason ErrorFor(bool needsMandate, string model) => this switch
    {
        { Known: false } => ErrorReason.TacUnknown,
        { Barred: true } => ErrorReason.TacBarred,
        { Mandated: false } when needsMandate => ErrorReason.TacNotMandated,
        _ when !Model.Equals(model, StringComparison.OrdinalIgnoreCase) => ErrorReason.TacModelMismatch,
        _ => ErrorReason.None,
    };
}

/// <summary>Queries for IMEIs and serial numbers about to be registered. Each query takes one sorted piece: new IMEIs
/// mostly have a range of their own, so one range scan of an index reads what is registered in that range; if that
/// returns many more rows than the piece has, the IMEIs are looked up one by one.</summary>
internal static class ValidationQueries
{
    private const string TacSql = """
        SELECT n.tac, t.tac IS NOT NULL, coalesce(t.model, ''), coalesce(t.sim_slots, 0)::int,
          EXISTS (SELECT FROM order_items i JOIN orders o ON o.number = i.order_number
                  WHERE i.kind = 2 AND i.value = n.tac AND o.state IN (3, 10, 11) AND (o.expires_at IS NULL
                      OR o.expires_at > $4)),
          EXISTS (SELECT FROM tac_mandates m WHERE m.tac = n.tac AND m.party_id = $2 AND $3 BETWEEN m.valid_from
              AND m.valid_until)
        FROM unnest($1) AS n (tac) LEFT JOIN tacs t ON t.tac = n.tac
        """;

    private const string Registered =
        "FROM imeis i JOIN batches b ON b.number = i.batch_number AND b.state >= 5 WHERE i.imei";
    private const string TakenInRangeSql = $"SELECT i.imei {Registered} BETWEEN $1 AND $2 ORDER BY i.imei LIMIT $3";
    private const string TakenSql = $"SELECT i.imei {Registered} = ANY ($1)";

    private const string InForce = """
        FROM order_items i JOIN orders o ON o.number = i.order_number AND o.state IN (3, 10, 11)
            AND (o.expires_at IS NULL OR o.expires_at > now()) WHERE i.kind
        """;

    private const string BlockedInRangeSql =
        $"SELECT i.value {InForce} IN (1, 6) AND i.value BETWEEN $1 AND $2 ORDER BY i.value LIMIT $3";
    private const string BlockedSql = $"SELECT i.value {InForce} IN (1, 6) AND i.value = ANY ($1)";

    // A range has a single TAC: a range that overlaps these IMEIs starts at or after the first IMEI's TAC.
    private const string BlockedRangesSql =
        $"SELECT i.value, i.detail {InForce} = 4 AND i.value BETWEEN $1 / 1000000 * 1000000 AND $2 AND i.detail >= $1";
    private const string SeenInRangeSql =
        "SELECT s.identity FROM sightings s WHERE s.identity BETWEEN $1 AND $2 ORDER BY s.identity LIMIT $3";
    private const string SeenSql = "SELECT s.identity FROM sightings s WHERE s.identity = ANY ($1)";

    // Orders armed after a journal position. Positions are assigned in commit order, so none is missed.
    private const string BlockedSinceSql = """
        SELECT DISTINCT i.kind, i.value, i.detail FROM journal j JOIN journal_payloads p ON p.id = j.payload_id
            AND p.kind = 15
        JOIN journal_subjects s ON s.payload_id = p.id AND s.kind = 2 JOIN orders o ON o.number = s.subject
            AND o.state IN (3, 10, 11) AND (o.expires_at IS NULL OR o.expires_at > now()) JOIN order_items i
            ON i.order_number = o.number
        WHERE j.position > $1
        """;

    private const string AnySerialSql =
        "SELECT EXISTS (SELECT FROM devices WHERE party_id = $1 AND serial_number BETWEEN $2 AND $3)";

    private const string SerialSql = """
        SELECT d.serial_number FROM devices d JOIN batches b ON b.number = d.batch_number AND b.state >= 5
            WHERE d.party_id = $1 AND d.serial_number = ANY ($2)
        """;

    /// <summary>Registry data of each TAC.</summary>
    public static async Task<Dictionary<uint, TacFact>> TacsAsync(NpgsqlConnection connection, IEnumerable<uint> tacs,
        long party, DateOnly on, DateTime now, CancellationToken ct)
    {
        var facts = new Dictionary<uint, TacFact>();
        await ReadAsync(connection, TacSql, [tacs.Select(t => (int)t).ToArray(), party, on, now], r =>
            facts[(uint)r.GetInt32(0)] =
            new TacFact(r.GetBoolean(1), r.GetString(2), r.GetInt32(3), r.GetBoolean(4), r.GetBoolean(5)), ct);
        return facts;
    }

    /// <summary>Those of the sorted IMEIs that a registered unit has or had.</summary>
    public static Task<IReadOnlyCollection<long>> TakenAsync(NpgsqlConnection connection, long[] imeis,
        CancellationToken ct) =>
        AmongAsync(connection, TakenInRangeSql, TakenSql, imeis, ct);

    /// <summary>Those of the sorted IMEIs that an order in force covers, as single IMEIs or by a range.</summary>
    public static async Task<IReadOnlyCollection<long>> BlockedAsync(NpgsqlConnection connection, long[] imeis,
        CancellationToken ct)
    {
        var blocked = await AmongAsync(connection, BlockedInRangeSql, BlockedSql, imeis, ct);
        var ranges = new List<(long First, long Last)>();
        if (imeis.Length > 0) await ReadAsync(connection, BlockedRangesSql, [imeis[0], imeis[^1]], r =>
            ranges.Add((r.GetInt64(0), r.GetInt64(1))), ct);
        return ranges.Count is 0 ? blocked : blocked.Union(ranges.SelectMany(r => Within(imeis, r))).ToList();
    }

    /// <summary>Those of the sorted IMEIs that a network has seen.</summary>
    public static Task<IReadOnlyCollection<long>> SeenAsync(NpgsqlConnection connection, long[] imeis,
        CancellationToken ct) =>
        AmongAsync(connection, SeenInRangeSql, SeenSql, imeis, ct);

    /// <summary>Subjects of orders in force that were armed after a journal position.</summary>
    public static async Task<IReadOnlyCollection<(OrderItemKind Kind, long Value, long Detail)>> BlockedSinceAsync(
        NpgsqlConnection connection, long position, CancellationToken ct)
    {
        var found = new List<(OrderItemKind, long, long)>();
        await ReadAsync(connection, BlockedSinceSql, [position], r =>
            found.Add(((OrderItemKind)r.GetInt16(0), r.GetInt64(1), r.GetInt64(2))), ct);
        return found;
    }

    /// <summary>Whether the party has a unit with a serial number between the two, inclusive.</summary>
    public static async Task<bool> HasSerialsAsync(NpgsqlConnection connection, long party, string low, string high,
        CancellationToken ct)
    {
        var any = false;
        await ReadAsync(connection, AnySerialSql, [party, low, high], r => any = r.GetBoolean(0), ct);
        return any;
    }

    /// <summary>Those of the serial numbers that a registered unit of the party has.</summary>
    public static async Task<HashSet<string>> SerialsAsync(NpgsqlConnection connection, long party, string[] serials,
        CancellationToken ct)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        await ReadAsync(connection, SerialSql, [party, serials], r => found.Add(r.GetString(0)), ct);
        return found;
    }

    private static IEnumerable<long> Within(long[] sorted, (long First, long Last) range)
    {
        var at = Array.BinarySearch(sorted, range.First);
        for (at = at >= 0 ? at : ~at; at < sorted.Length && sorted[at] <= range.Last; at++) yield return sorted[at];
    }

    private static async Task<IReadOnlyCollection<long>> AmongAsync(NpgsqlConnection connection, string inRangeSql,
        string oneByOneSql, long[] sorted, CancellationToken ct)
    {
        if (sorted.Length is 0) return [];

        var found = new List<long>();
        await ReadAsync(connection, inRangeSql, [sorted[0], sorted[^1], Limits.RangeRowsMax + 1], r =>
            found.Add(r.GetInt64(0)), ct);
        if (found.Count <= Limits.RangeRowsMax) return [.. found.Where(f => Array.BinarySearch(sorted, f) >= 0)
            .Distinct()];

        found.Clear();
        await ReadAsync(connection, oneByOneSql, [sorted], r => found.Add(r.GetInt64(0)), ct);
        return [.. found.Distinct()];
    }

    private static async Task ReadAsync(NpgsqlConnection connection, string sql, object[] parameters,
        Action<NpgsqlDataReader> take, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in parameters) command.Parameters.Add(new() { Value = value });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct)) take(reader);
    }
}
