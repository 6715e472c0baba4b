using System.Buffers.Text;
using System.IO.Compression;
using System.Security.Cryptography;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres;
using Npgsql;

namespace DeviceRegistry.Registrar.State;

/// <summary>Reads the units of batches from the pieces whose digests are in the entries, some batches at a time, and
/// compares them, so that the temporary tables never hold all units of a country at once.</summary>
/// <param name="tables">Connection with the temporary tables.</param>
/// <param name="pieces">Second connection with the same snapshot, to read pieces while units are stored.</param>
/// <param name="comparison">Compares a table with its replayed one.</param>
/// <param name="report">Receives progress and differences.</param>
internal sealed class UnitReplay(NpgsqlConnection tables, NpgsqlConnection pieces, TableComparison comparison,
    StateReport report)
{
    private const string BatchesSql = """
        SELECT b.number, b.party_id, b.units, ARRAY(SELECT p.digest FROM pg_temp.pieces p
            WHERE p.batch_number = b.number ORDER BY p.piece)
        FROM pg_temp.batches b WHERE b.state >= 5 AND b.number > $1 AND b.number NOT IN (SELECT value
            FROM pg_temp.erased WHERE table_name = 'devices') ORDER BY b.number LIMIT $2
        """;

    private const string PiecesSql =
        "SELECT piece, salt, bytes FROM public.batch_pieces WHERE batch_number = $1 ORDER BY piece";
    private const string UnitsSql = "SELECT coalesce(sum(units), 0)::bigint FROM pg_temp.batches WHERE state >= 5";
    private const string CopyDevicesSql =
        "COPY pg_temp.devices (batch_number, unit, party_id, serial_number, imeis) FROM STDIN (FORMAT BINARY)";
    private const string CopyImeisSql = "COPY pg_temp.imeis (imei, batch_number, unit) FROM STDIN (FORMAT BINARY)";
    private const string EmptySql = "TRUNCATE pg_temp.devices, pg_temp.imeis, pg_temp.comparable";
    private const string AnalyzeSql = "ANALYZE pg_temp.devices; ANALYZE pg_temp.imeis; ANALYZE pg_temp.comparable";

    // Adds the IMEIs of new boards, retires those of the old boards, and sets each unit to its last board.
    private const string SwapSql = """
        INSERT INTO pg_temp.imeis (imei, batch_number, unit) SELECT unnest(s.imeis), s.batch_number, s.unit
            FROM pg_temp.swaps s JOIN pg_temp.comparable c ON c.number = s.batch_number;
        UPDATE pg_temp.imeis i SET retired_at = s.at
          FROM (SELECT w.at, w.batch_number, unnest(w.retired) AS imei FROM pg_temp.swaps w JOIN pg_temp.comparable c
              ON c.number = w.batch_number) s
          WHERE i.imei = s.imei AND i.batch_number = s.batch_number;
        UPDATE pg_temp.devices d SET imeis = s.imeis
          FROM (SELECT DISTINCT ON (w.batch_number, w.unit) w.* FROM pg_temp.swaps w JOIN pg_temp.comparable c
              ON c.number = w.batch_number ORDER BY w.batch_number, w.unit, w.position DESC) s
          WHERE d.batch_number = s.batch_number AND d.unit = s.unit;
        """;

    // Derives the number of IMEIs of each run from the units.
    private const string CountSql = """
        UPDATE pg_temp.batches b SET imeis_per_unit = c.least FROM pg_temp.comparable c WHERE c.number = b.number
            AND c.least = c.most;
        UPDATE pg_temp.unit_runs r SET imeis = (r.last_unit - r.first_unit + 1) * c.least FROM pg_temp.comparable c
            WHERE c.number = r.batch_number AND c.least = c.most;
        UPDATE pg_temp.unit_runs r SET imeis = n.imeis
          FROM (SELECT d.batch_number, f.first_unit, sum(cardinality(d.imeis)) AS imeis
            FROM pg_temp.devices d JOIN pg_temp.comparable c ON c.number = d.batch_number AND c.least < c.most
            CROSS JOIN LATERAL (SELECT u.first_unit FROM pg_temp.unit_runs u WHERE u.batch_number = d.batch_number
                AND u.first_unit <= d.unit ORDER BY u.first_unit DESC LIMIT 1) f GROUP BY 1, 2) n
          WHERE r.batch_number = n.batch_number AND r.first_unit = n.first_unit;
        """;

    private const string MatchedSql = """
        INSERT INTO pg_temp.imei_counts (number, matched)
        SELECT c.number, count(t.imei) FROM pg_temp.comparable c LEFT JOIN pg_temp.imeis r ON r.batch_number = c.number
          LEFT JOIN public.imeis t ON t.imei = r.imei AND t.batch_number = r.batch_number GROUP BY c.number
        """;

    // For batches whose units cannot be read, the derived values are taken from the real tables.
    private const string UnreadSql = """
        UPDATE pg_temp.batches b SET imeis_per_unit = t.imeis_per_unit FROM public.batches t WHERE t.number = b.number
            AND b.number IN (SELECT value FROM pg_temp.erased WHERE table_name = 'devices');
        UPDATE pg_temp.unit_runs r SET imeis = t.imeis FROM public.unit_runs t
          WHERE t.batch_number = r.batch_number AND t.first_unit = r.first_unit AND r.batch_number IN (SELECT value
              FROM pg_temp.erased WHERE table_name = 'devices')
        """;

    private const string ErasedUnitsSql =
        "SELECT coalesce(sum(units), 0)::bigint FROM public.batches WHERE state >= 5 AND number IN (SELECT value " +
        "FROM pg_temp.erased WHERE table_name = 'devices')";
    private const string ErasedImeisSql =
        "SELECT coalesce(sum(imeis), 0)::bigint FROM public.batches WHERE state >= 5 AND number IN (SELECT value " +
        "FROM pg_temp.erased WHERE table_name = 'imeis')";

    // Batches with units; each is found by one step along the index.
    private const string UnexpectedDevicesSql = """
        WITH RECURSIVE b (n) AS (
          SELECT min(batch_number) FROM public.devices UNION ALL SELECT (SELECT min(d.batch_number)
              FROM public.devices d WHERE d.batch_number > b.n) FROM b WHERE b.n IS NOT NULL),
        unexpected AS MATERIALIZED (
          SELECT n FROM b WHERE n IS NOT NULL AND n NOT IN (SELECT number FROM pg_temp.batches WHERE state >= 5)
              AND n NOT IN (SELECT number FROM public.batches WHERE state < 5))
        SELECT concat_ws('/', d.batch_number, d.unit) FROM unexpected s JOIN public.devices d ON d.batch_number = s.n
        """;

    private const string ImeiCountsSql = """
        SELECT t.batch_number, c.matched IS NOT NULL FROM (SELECT batch_number, count(*) AS there FROM public.imeis
            GROUP BY batch_number) t LEFT JOIN pg_temp.imei_counts c ON c.number = t.batch_number
        WHERE t.there > coalesce(c.matched, 0) AND t.batch_number NOT IN (SELECT value FROM pg_temp.erased
            WHERE table_name = 'imeis')
          AND (c.matched IS NOT NULL OR t.batch_number NOT IN (SELECT number FROM public.batches WHERE state < 5))
        ORDER BY t.batch_number
        """;

    private const string UnexpectedImeisSql =
        "SELECT i.imei::text FROM public.imeis i WHERE i.batch_number = $1 AND NOT EXISTS (SELECT FROM pg_temp.imeis " +
        "r WHERE r.imei = i.imei)";

    private readonly CopyBuffer _devices = new();
    private readonly CopyBuffer _imeis = new();
    private readonly List<string> _erased = [];
    private ulong _done;
    private ulong _total;

    /// <summary>Reads and compares the units of all batches.</summary>
    public async Task RunAsync(ISet<string> erasedTables, CancellationToken ct)
    {
        _total = (ulong)await ScalarAsync(UnitsSql, ct);
        for (var last = 0; ;)
        {
            var (through, count) = await LoadAsync(last, Limits.ReplayUnitsAtOnce, ct);
            if (count is 0) break;

            await ExecuteAsync(SwapSql, ct);
            await ExecuteAsync(AnalyzeSql, ct);
            await ExecuteAsync(CountSql, ct);
            await ExecuteAsync(MatchedSql, ct);
            await comparison.CompareAsync(ReplayTables.Devices, hasErased: false, ct, last + 1, through);
            await comparison.CompareAsync(ReplayTables.Imeis, hasErased: false, ct);
            last = through;
        }

        erasedTables.UnionWith(_erased);
        if (erasedTables.Contains("devices"))
        {
            await ExecuteAsync(UnreadSql, ct);
            report.Of("devices").Erased = (ulong)await ScalarAsync(ErasedUnitsSql, ct);
            report.Of("imeis").Erased = (ulong)await ScalarAsync(ErasedImeisSql, ct);
        }

        await FindUnexpectedAsync(ct);
        await report.ReportAsync(StatePhase.Units, _total, _total, ct);
    }

    // Finds rows of units that no entry registered.
    private async Task FindUnexpectedAsync(CancellationToken ct)
    {
        await comparison.ReportUnexpectedAsync("devices", UnexpectedDevicesSql, [], ct);
        var unexpected = new List<(int Batch, bool IsKnown)>();
        await using (var command = new NpgsqlCommand(ImeiCountsSql, tables) { CommandTimeout = 0 })
        await using (var rows = await command.ExecuteReaderAsync(ct))
            while (await rows.ReadAsync(ct)) unexpected.Add((rows.GetInt32(0), rows.GetBoolean(1)));
        foreach (var (batch, isKnown) in unexpected)
        {
            if (isKnown)
            {
                await LoadAsync(batch - 1, 1, ct);
                await ExecuteAsync(SwapSql, ct);
            }
            else await ExecuteAsync(EmptySql, ct);
            await comparison.ReportUnexpectedAsync("imeis", UnexpectedImeisSql, [batch], ct);
        }
    }

    // Loads the units of the next batches as they were registered. Returns the last batch and the number of batches.
    private async Task<(int Through, int Batches)> LoadAsync(int after, int unitsMost, CancellationToken ct)
    {
        await ExecuteAsync(EmptySql, ct);
        var (through, batches, units) = (after, 0, 0L);
        while (units < unitsMost)
        {
            var some = await NextAsync(through, ct);
            if (some.Count is 0) break;

            foreach (var batch in some)
            {
                await LoadAsync(batch, ct);
                (through, batches, units) = (batch.Number, batches + 1, units + batch.Units);
                if (units >= unitsMost) break;
            }
        }

        return (through, batches);
    }

    private async Task<List<Batch>> NextAsync(int after, CancellationToken ct)
    {
        var batches = new List<Batch>();
        await using var command = new NpgsqlCommand(BatchesSql, tables)
        {
            CommandTimeout = 0,
            Parameters = { new() { Value = after }, new() { Value = Limits.ReplayBatchesAtOnce } }
        };
        await using var rows = await command.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) batches.Add(
            new Batch(rows.GetInt32(0), rows.GetInt64(1), rows.GetInt32(2), rows.GetFieldValue<byte[][]>(3)));
        return batches;
    }

    // Loads a batch; one that cannot be read completely is not compared.
    private async Task LoadAsync(Batch batch, CancellationToken ct)
    {
        var reading = new Reading(batch, _devices, _imeis);
        var pieceNow = 0;
        var isWhole = true;
        await using (var command = new NpgsqlCommand(PiecesSql, pieces)
        {
            CommandTimeout = 0,
            Parameters = { new() { Value = batch.Number } }
        })
        await using (var rows = await command.ExecuteReaderAsync(ct))
            while (isWhole && await rows.ReadAsync(ct))
            {
                var piece = rows.GetInt32(0);
                if (piece > batch.Digests.Length)
                {
                    await report.ReportAsync(new StateDifference
                    {
                        Kind = StateDifferenceKind.Unexpected,
                        Table = "batch_pieces", Key = $"{batch.Number}/{piece}"
                    }, ct);
                    continue;
                }

                if (piece != ++pieceNow) isWhole = false;
                else isWhole = await TakeAsync(batch, reading, piece,
                    rows.GetFieldValue<byte[]>(1), rows.GetFieldValue<byte[]>(2), ct);
            }

        if (isWhole && pieceNow == batch.Digests.Length && reading.Units == batch.Units)
            await ExecuteAsync(
                $"INSERT INTO pg_temp.comparable (number, least, most) VALUES ({batch.Number}, {reading.Least}, " +
                $"{reading.Most})", ct);
        else await EraseAsync(batch, ct);
        _done = Math.Min(_done + (ulong)batch.Units, _total);           // some batches are read twice
        await report.ReportAsync(StatePhase.Units, _done, _total, ct);
    }

    private async Task<bool> TakeAsync(Batch batch, Reading reading, int piece, byte[] salt, byte[] bytes,
        CancellationToken ct)
    {
        if (!SHA256.HashData([.. salt, .. bytes]).AsSpan().SequenceEqual(batch.Digests[piece - 1]))
        {
            await report.ReportJournalAsync("batch_pieces", $"{batch.Number}/{piece}", "bytes",
                "they are not what the batch's entry has the digest of", ct);
            return false;
        }

        try
        {
            await using var lines = new ZLibStream(new MemoryStream(bytes), CompressionMode.Decompress);
            await reading.TakeAsync(lines, ct);
        }
        catch (Exception fault) when (fault is StateMismatchException or InvalidDataException)
        {
            await report.ReportJournalAsync("batch_pieces", $"{batch.Number}/{piece}", "bytes",
                $"they cannot be read: {fault.Message}", ct);
            return false;
        }

        await _devices.SendAsync(tables, CopyDevicesSql, ct);
        await _imeis.SendAsync(tables, CopyImeisSql, ct);
        return true;
    }

    private async Task EraseAsync(Batch batch, CancellationToken ct)
    {
        const string MissingSql =
            "SELECT count(*) FROM pg_temp.pieces p WHERE p.batch_number = $1 AND NOT EXISTS (SELECT FROM " +
            "public.batch_pieces t WHERE t.batch_number = p.batch_number AND t.piece = p.piece)";
        report.ErasedPieces += (ulong)await ScalarAsync(MissingSql, ct, batch.Number);
        await ExecuteAsync(
            $"INSERT INTO pg_temp.erased (table_name, value) VALUES ('devices', {batch.Number}), ('imeis', " +
            $"{batch.Number})", ct);
        _erased.AddRange(["devices", "imeis"]);
    }

    private async Task ExecuteAsync(string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, tables) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(ct);
    }

    private async Task<long> ScalarAsync(string sql, CancellationToken ct, params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, tables) { CommandTimeout = 0 };
        foreach (var value in parameters) command.Parameters.Add(new() { Value = value });
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>A batch whose units are to be read.</summary>
    private sealed record Batch(int Number, long Party, int Units, byte[][] Digests);

    /// <summary>Parses canonical lines (serial,imei,imei LF) into rows.</summary>
    private sealed class Reading(Batch batch, CopyBuffer devices, CopyBuffer imeis)
    {
        private readonly byte[] _buffer = new byte[64 * 1024];
        private readonly long[] _imeis = new long[Registration.UnitRecord.ImeisMax];

        public int Units { get; private set; }

        public int Least { get; private set; } = int.MaxValue;

        public int Most { get; private set; }

        public async Task TakeAsync(Stream lines, CancellationToken ct)
        {
            var held = 0;
            for (int read; (read = await lines.ReadAsync(_buffer.AsMemory(held), ct)) > 0;)
            {
                held += read;
                var taken = Take(_buffer.AsSpan(0, held));
                if (taken is 0 && held == _buffer.Length) throw new StateMismatchException("a line has no end");

                _buffer.AsSpan(taken, held - taken).CopyTo(_buffer);
                held -= taken;
            }
        }

        private int Take(ReadOnlySpan<byte> bytes)
        {
            var taken = 0;
            for (int end; (end = bytes[taken..].IndexOf((byte)'\n')) >= 0; taken += end
                + 1) Add(bytes.Slice(taken, end));
            return taken;
        }

        private void Add(ReadOnlySpan<byte> line)
        {
            var comma = line.IndexOf((byte)',');
            var count = comma < 1 ? 0 : (line.Length - comma) / (Imei.Length + 1);
            if (count is 0 || count > _imeis.Length || comma
                + count * (Imei.Length + 1) != line.Length) throw new StateMismatchException(
                $"unit {Units + 1} is no line of a serial number and IMEIs");
            for (var slot = 0; slot < count; slot++)
                if (!Utf8Parser.TryParse(line.Slice(comma + 1 + slot * (Imei.Length + 1), Imei.Length),
                    out _imeis[slot], out var digits) || digits != Imei.Length)
                    throw new StateMismatchException($"unit {Units + 1} has an IMEI that is no number");
            Units++;
            (Least, Most) = (Math.Min(Least, count), Math.Max(Most, count));
            devices.AddRow(5);
            devices.AddInt(batch.Number);
            devices.AddInt(Units);
            devices.AddBigint(batch.Party);
            devices.AddBytes(line[..comma]);
            devices.AddBigints(_imeis.AsSpan(0, count));
            foreach (var imei in _imeis.AsSpan(0, count))
            {
                imeis.AddRow(3);
                imeis.AddBigint(imei);
                imeis.AddInt(batch.Number);
                imeis.AddInt(Units);
            }
        }
    }
}
