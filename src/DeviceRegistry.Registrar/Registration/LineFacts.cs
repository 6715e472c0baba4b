using DeviceRegistry.Core;
using DeviceRegistry.Contracts.V1;
using Npgsql;
using NpgsqlTypes;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>What the registry knows that bears on the lines of a batch: staged by COPY, asked in four set-based questions.</summary>
internal sealed class LineFacts
{
    private const string StageTableSql = """
        CREATE TEMPORARY TABLE staged_units (line int NOT NULL, serial text NOT NULL, slot smallint NOT NULL, imei bigint NOT NULL) ON COMMIT DROP
        """;

    private const string CopySql = "COPY staged_units (line, serial, slot, imei) FROM STDIN (FORMAT BINARY)";

    private const string TacSql = """
        SELECT s.tac, t.tac IS NOT NULL, coalesce(t.model, ''), coalesce(t.sim_slots, 0)::int,
          EXISTS (SELECT FROM order_items i JOIN orders o ON o.number = i.order_number
                  WHERE i.kind = 2 AND i.value = s.tac AND o.state = 3 AND (o.expires_at IS NULL OR o.expires_at > $3)),
          EXISTS (SELECT FROM tac_mandates m WHERE m.tac = s.tac AND m.party_id = $1 AND $2 BETWEEN m.valid_from AND m.valid_until)
        FROM (SELECT DISTINCT (imei / 1000000)::int AS tac FROM staged_units) s LEFT JOIN tacs t ON t.tac = s.tac
        """;

    private const string TakenSql = "SELECT s.imei FROM staged_units s JOIN imeis i ON i.imei = s.imei";

    private const string BlockedSql = """
        SELECT DISTINCT s.imei FROM staged_units s JOIN order_items i ON i.kind = 1 AND i.value = s.imei JOIN orders o ON o.number = i.order_number
        WHERE o.state = 3 AND (o.expires_at IS NULL OR o.expires_at > $1)
        """;

    private const string SerialSql = "SELECT DISTINCT s.serial FROM staged_units s JOIN devices d ON d.party_id = $1 AND d.serial_number = s.serial";

    private readonly Dictionary<uint, TacFact> _tacs = [];
    private readonly HashSet<ulong> _taken = [];
    private readonly HashSet<ulong> _blocked = [];
    private readonly HashSet<string> _serials = new(StringComparer.Ordinal);

    private LineFacts()
    {
    }

    private sealed record TacFact(bool Known, string Model, int SimSlots, bool Barred, bool Mandated);

    /// <summary>Stages the units in a table of this transaction alone, and asks.</summary>
    public static async Task<LineFacts> StageAsync(
        NpgsqlConnection connection, IReadOnlyList<UnitLine> units, ulong party, DateOnly producedOn, DateTime now, CancellationToken ct)
    {
        await using (var create = new NpgsqlCommand(StageTableSql, connection)) await create.ExecuteNonQueryAsync(ct);
        await CopyAsync(connection, units, ct);

        var facts = new LineFacts();
        await ReadAsync(connection, TacSql, [(long)party, producedOn, now], r => facts._tacs[(uint)r.GetInt32(0)] =
            new TacFact(r.GetBoolean(1), r.GetString(2), r.GetInt32(3), r.GetBoolean(4), r.GetBoolean(5)), ct);
        await ReadAsync(connection, TakenSql, [], r => facts._taken.Add((ulong)r.GetInt64(0)), ct);
        await ReadAsync(connection, BlockedSql, [now], r => facts._blocked.Add((ulong)r.GetInt64(0)), ct);
        await ReadAsync(connection, SerialSql, [(long)party], r => facts._serials.Add(r.GetString(0)), ct);
        return facts;
    }

    /// <summary>Asks once more which IMEIs are blocked; true if one is that was not before.</summary>
    public async Task<bool> BlockedMeanwhileAsync(NpgsqlConnection connection, DateTime now, CancellationToken ct)
    {
        var before = _blocked.Count;
        await ReadAsync(connection, BlockedSql, [now], r => _blocked.Add((ulong)r.GetInt64(0)), ct);
        return _blocked.Count > before;
    }

    /// <summary>The first fault of a line in the order of DOMAIN 5.3, or null. Mandates bind manufacturers (DOMAIN 3, TacMandate).</summary>
    public LineFault? Judge(UnitLine unit, string model, bool needsMandate)
    {
        foreach (var (imei, field) in Named(unit))
            if (JudgeTac(_tacs[imei.Tac.Value], imei.Tac, needsMandate) is { } fault)
                return UnitsFile.Fault(unit.Line, field, imei.Digits, fault.Reason, fault.Expected);

        foreach (var (imei, field) in Named(unit))
            if (!_tacs[imei.Tac.Value].Model.Equals(model, StringComparison.OrdinalIgnoreCase))
                return UnitsFile.Fault(unit.Line, field, imei.Digits, FaultReason.TacOtherModel,
                    $"a TAC of model {Inputs.Quote(model)}; the list has {imei.Tac} as {Inputs.Quote(_tacs[imei.Tac.Value].Model)}");

        foreach (var (imei, field) in Named(unit))
            if (_taken.Contains(imei.Value)) return UnitsFile.Fault(unit.Line, field, imei.Digits, FaultReason.ImeiTaken, "an IMEI that no registered unit has");

        foreach (var (imei, field) in Named(unit))
            if (_blocked.Contains(imei.Value)) return UnitsFile.Fault(unit.Line, field, imei.Digits, FaultReason.ImeiBlocked, "an IMEI without a block order in force");

        var slots = unit.Imeis.Select(i => _tacs[i.Tac.Value].SimSlots).Max();
        if (slots > 0 && slots != unit.Imeis.Count)
            return UnitsFile.Fault(unit.Line, "imei_1", unit.Imeis[0].Digits, FaultReason.ImeiCount, $"{slots} IMEIs, as many as the model has SIM slots; found {unit.Imeis.Count}");

        return _serials.Contains(unit.Serial)
            ? UnitsFile.Fault(unit.Line, "serial_number", unit.Serial, FaultReason.SerialTaken, "a serial number that none of your registered units has")
            : null;
    }

    private static (FaultReason Reason, string Expected)? JudgeTac(TacFact tac, Tac number, bool needsMandate) => tac switch
    {
        { Known: false } => (FaultReason.TacUnknown, $"a TAC in the registry's list; {number} is not"),
        { Barred: true } => (FaultReason.TacBarred, $"a TAC that is not barred; {number} is"),
        { Mandated: false } when needsMandate => (FaultReason.TacNotMandated, $"a TAC you hold a mandate for on the production date; {number} is not"),
        _ => null,
    };

    private static IEnumerable<(Imei Imei, string Field)> Named(UnitLine unit) => unit.Imeis.Select((imei, slot) => (imei, $"imei_{slot + 1}"));

    private static async Task CopyAsync(NpgsqlConnection connection, IReadOnlyList<UnitLine> units, CancellationToken ct)
    {
        await using var copy = await connection.BeginBinaryImportAsync(CopySql, ct);
        foreach (var unit in units)
            for (var slot = 0; slot < unit.Imeis.Count; slot++)
            {
                await copy.StartRowAsync(ct);
                await copy.WriteAsync(unit.Line, NpgsqlDbType.Integer, ct);
                await copy.WriteAsync(unit.Serial, NpgsqlDbType.Text, ct);
                await copy.WriteAsync((short)(slot + 1), NpgsqlDbType.Smallint, ct);
                await copy.WriteAsync((long)unit.Imeis[slot].Value, NpgsqlDbType.Bigint, ct);
            }

        await copy.CompleteAsync(ct);
    }

    private static async Task ReadAsync(NpgsqlConnection connection, string sql, object[] parameters, Action<NpgsqlDataReader> take, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in parameters) command.Parameters.Add(new() { Value = value });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct)) take(reader);
    }
}
