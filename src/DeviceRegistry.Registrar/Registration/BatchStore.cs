using System.IO.Compression;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Npgsql;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Stores the units of a batch piece by piece, each in a transaction that also records how many are stored;
/// the rows take effect when the batch is registered. Removes them if it is not. Units are stored in file order and
/// IMEIs in sorted order, so that inserts follow the order of the indexes.</summary>
internal sealed class BatchStore(NpgsqlConnection connection, BatchRow batch, ParsedBatch contents, BatchFile file,
    BatchProgress progress)
{
    private const string CopyUnitsSql =
        "COPY devices (batch_number, unit, party_id, serial_number, imeis) FROM STDIN (FORMAT BINARY)";
    private const string CopyImeisSql = "COPY imeis (imei, batch_number, unit) FROM STDIN (FORMAT BINARY)";

    private const string PieceSql = """
        INSERT INTO batch_pieces (batch_number, piece, salt, bytes)
        SELECT $1, coalesce(max(piece), 0) + 1, uuid_send(gen_random_uuid()), $2 FROM batch_pieces
            WHERE batch_number = $1
        """;

    private const string StoredUnitsSql = "UPDATE batches SET stored_units = $2 WHERE number = $1";
    private const string StoredImeisSql = "UPDATE batches SET stored_imeis = $2 WHERE number = $1";
    private const string QuarantineSql =
        "INSERT INTO quarantined_units (batch_number, unit, imei) SELECT $1, * FROM unnest($2, $3) ON CONFLICT DO " +
        "NOTHING";
    private const string WithdrawingSql =
        "UPDATE batches SET withdrawing = $2, stored_units = 0, stored_imeis = 0 WHERE number = $1";
    private const string WithdrawImeisSql = "SELECT batch_withdraw_imeis($1, $2)";
    private const string WithdrawUnitsSql = "SELECT batch_withdraw_units($1, $2, $3)";

    private readonly CopyBuffer _rows = new();

    /// <summary>Stores the units and IMEIs that no earlier attempt stored.</summary>
    public async Task StoreAsync(CancellationToken ct)
    {
        if (batch.StoredUnits < contents.Units) await StoreUnitsAsync(ct);
        for (var at = batch.StoredImeis; at < contents.Imeis; at = batch.StoredImeis) await StoreImeisAsync(at, ct);
    }

    /// <summary>For a dry run: records which units a network has seen, and stores no unit.</summary>
    public async Task RecordSeenAsync(CancellationToken ct)
    {
        for (var at = 0; at < contents.Imeis; at += Limits.PieceImeis) await QuarantineAsync(contents.Piece(at), ct);
    }

    /// <summary>Removes all stored rows. Marks the batch first, so that an attempt after an interruption removes the
    /// rest and never treats a part as complete.</summary>
    public async Task WithdrawAsync(CancellationToken ct)
    {
        if (batch.StoredUnits > 0 && !batch.Withdrawing)
        {
            await ExecuteAsync(WithdrawingSql, ct, batch.Number, true);
            batch.Withdrawing = true;
        }

        if (batch.Withdrawing)
        {
            for (var at = 0; at < contents.Imeis; at += Limits.PieceImeis)
            {
                await ExecuteAsync(WithdrawImeisSql, ct, batch.Number, contents.Piece(at));
                SyncPoints.Reached(SyncPoint.BatchWithdrawn);
            }

            for (var first = 1; first <= contents.Units; first += Limits.PieceUnits) await ExecuteAsync(
                WithdrawUnitsSql, ct, batch.Number, first, first + Limits.PieceUnits - 1);
            await ExecuteAsync(WithdrawingSql, ct, batch.Number, false);
        }
        else await ExecuteAsync(WithdrawUnitsSql, ct, batch.Number, 0, 0);

        (batch.Withdrawing, batch.StoredUnits, batch.StoredImeis) = (false, 0, 0);
    }

    private async Task StoreUnitsAsync(CancellationToken ct)
    {
        var sink = new UnitsSink(_rows, batch);
        await file.ReadAsync(sink, async (reader, sequence) =>
        {
            // The callback runs twice for the last chunk, the second time after the last line.
            var isLast = sink.Unit == contents.Units;
            if (_rows.Rows >= Limits.PieceUnits || (isLast && _rows.Rows > 0)) await StorePieceAsync(sink, ct);
        }, ct);
    }

    private async Task StorePieceAsync(UnitsSink sink, CancellationToken ct)
    {
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await _rows.SendAsync(connection, CopyUnitsSql, ct);
        await ExecuteAsync(PieceSql, ct, batch.Number, sink.TakeCanonical());
        await ExecuteAsync(StoredUnitsSql, ct, batch.Number, sink.Unit);
        await transaction.CommitAsync(ct);
        batch.StoredUnits = sink.Unit;
        SyncPoints.Reached(SyncPoint.BatchUnitsStored);
        ReportProgress();
    }

    private async Task StoreImeisAsync(int at, CancellationToken ct)
    {
        var piece = contents.Piece(at);
        await using var transaction = await connection.BeginTransactionAsync(ct);

        // From here to the commit no sighting is accepted: it either precedes this query, or finds these rows.
        await WriteLock.Sightings.ShareAsync(connection, ct);
        await QuarantineAsync(piece, ct);
        for (var i = 0; i < piece.Length; i++)
        {
            _rows.AddRow(3);
            _rows.AddBigint(piece[i]);
            _rows.AddInt(batch.Number);
            _rows.AddInt(ParsedBatch.UnitOf(contents.Keys[at + i]) + 1);
        }

        await _rows.SendAsync(connection, CopyImeisSql, ct);
        await ExecuteAsync(StoredImeisSql, ct, batch.Number, at + piece.Length);
        await transaction.CommitAsync(ct);
        batch.StoredImeis = at + piece.Length;
        SyncPoints.Reached(SyncPoint.BatchImeisStored);
        ReportProgress();
    }

    private async Task QuarantineAsync(long[] piece, CancellationToken ct)
    {
        var seen = await ValidationQueries.SeenAsync(connection, piece, ct);
        if (seen.Count is 0) return;

        var units = seen.Select(imei => ParsedBatch.UnitOf(contents.Keys[contents.Find(new Imei((ulong)imei))]) + 1);
        await ExecuteAsync(QuarantineSql, ct, batch.Number, units.ToArray(), seen.ToArray());
    }

    private void ReportProgress() =>
        progress.At(BatchPhase.Storing, batch.StoredUnits + batch.StoredImeis, contents.Units + contents.Imeis);

    private async Task ExecuteAsync(string sql, CancellationToken ct, params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in parameters) command.Parameters.Add(new() { Value = value });
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Turns lines into rows and canonical lines, starting with the first unit that is not stored
    /// yet.</summary>
    private sealed class UnitsSink(CopyBuffer rows, BatchRow batch) : IUnitsSink
    {
        private readonly byte[] _line = new byte[UnitRecord.CanonicalMax];
        private readonly MemoryStream _compressed = new();
        private ZLibStream? _canonical;

        /// <summary>Units read, including those that earlier attempts stored.</summary>
        public int Unit { get; private set; }

        public void Take(int line, in UnitRecord unit)
        {
            if (++Unit <= batch.StoredUnits) return;

            Span<long> imeis = stackalloc long[unit.Count];
            for (var slot = 0; slot < unit.Count; slot++) imeis[slot] = (long)unit.Imei(slot).Value;
            rows.AddRow(5);
            rows.AddInt(batch.Number);
            rows.AddInt(Unit);
            rows.AddBigint(batch.PartyId);
            rows.AddBytes(unit.Serial);
            rows.AddBigints(imeis);
            _canonical ??= new ZLibStream(_compressed, CompressionLevel.Fastest, leaveOpen: true);
            _canonical.Write(_line.AsSpan(0, unit.WriteCanonical(_line)));
        }

        public void Reject(int line, UnitLineError error, ReadOnlySpan<byte> value) =>
            throw new InvalidOperationException($"Line {line} of batch {batch.Number} was good before.");

        /// <summary>Canonical lines since the last call, compressed; valid until the next line is read.</summary>
        public ReadOnlyMemory<byte> TakeCanonical()
        {
            _canonical?.Dispose();
            _canonical = null;
            var bytes = _compressed.GetBuffer().AsMemory(0, (int)_compressed.Length);
            _compressed.SetLength(0);
            return bytes;
        }
    }
}
