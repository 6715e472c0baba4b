using System.Globalization;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Core;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Postgres.Schema;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Imports a TAC list: new and changed rows are written and journalled; TACs missing from the file
/// stay.</summary>
internal sealed class TacImport(IdempotentWrites writes)
{
    private const string StageTableSql = "CREATE TEMPORARY TABLE staged_tacs (LIKE tacs) ON COMMIT DROP";

    private const string CopySql = """
        COPY staged_tacs (tac, manufacturer, brand, model, device_type, bands, allocated_on, sim_slots)
            FROM STDIN (FORMAT BINARY)
        """;

    private const string UpsertSql = """
        INSERT INTO tacs (tac, manufacturer, brand, model, device_type, bands, allocated_on, sim_slots)
        SELECT tac, manufacturer, brand, model, device_type, bands, allocated_on, sim_slots FROM staged_tacs
        ON CONFLICT (tac) DO UPDATE SET manufacturer = excluded.manufacturer, brand = excluded.brand,
            model = excluded.model,
          device_type = excluded.device_type, bands = excluded.bands, allocated_on = excluded.allocated_on,
              sim_slots = excluded.sim_slots
        """;

    public Task<ImportTacsResponse> ImportAsync(Caller caller, ImportTacsHeader header, TacList list, byte[] fileDigest,
        CancellationToken ct)
    {
        var digest = WriteClaim.DigestOf(ImportTacsHeader.Descriptor.FullName, [(byte)header.Format, .. fileDigest]);
        return writes.ExecuteAsync(caller, header.Reference, digest, async (write, ct) =>
        {
            // 1. Compare with the stored rows: only differences are written and journalled.
            var answer = list.Counts.Clone();
            var differing = await DifferingAsync(write.Db, list, answer, ct);
            SyncPoints.Reached(SyncPoint.TacsCompared);

            // 2. Write by COPY and one upsert.
            if (differing.Count > 0) await UpsertAsync(write.Connection, differing, ct);
            SyncPoints.Reached(SyncPoint.TacsWritten);

            // 3. Journal in sorted chunks. The last chunk is written even if nothing differs: it dates the TAC list.
            Stage(write, differing);
            return answer;
        }, ct);
    }

    private static async Task<List<TacRow>> DifferingAsync(RegistryContext db, TacList list, ImportTacsResponse answer,
        CancellationToken ct)
    {
        var known = await db.Tacs.AsNoTracking().ToDictionaryAsync(t => t.Tac, ct);
        var differing = new List<TacRow>();
        foreach (var row in list.Tacs.OrderBy(t => t.Tac))
        {
            if (!known.TryGetValue(row.Tac, out var before)) answer.NewTacs++;
            else if (Same(before, row)) answer.UnchangedTacs++;
            else answer.ChangedTacs++;
            if (before is null || !Same(before, row)) differing.Add(row);
        }

        return differing;
    }

    private static bool Same(TacRow a, TacRow b) =>
        (a.Manufacturer, a.Brand, a.Model, a.DeviceType, a.Bands, a.AllocatedOn, a.SimSlots)
        == (b.Manufacturer, b.Brand, b.Model, b.DeviceType, b.Bands, b.AllocatedOn, b.SimSlots);

    private static async Task UpsertAsync(NpgsqlConnection connection, List<TacRow> rows, CancellationToken ct)
    {
        await using (var create = new NpgsqlCommand(StageTableSql, connection)) await create.ExecuteNonQueryAsync(ct);
        await using (var copy = await connection.BeginBinaryImportAsync(CopySql, ct))
        {
            foreach (var row in rows)
            {
                await copy.StartRowAsync(ct);
                await copy.WriteAsync(row.Tac, NpgsqlDbType.Integer, ct);
                foreach (var text in (string[])[row.Manufacturer, row.Brand, row.Model, row.DeviceType, row.Bands])
                    await copy.WriteAsync(text, NpgsqlDbType.Text, ct);
                if (row.AllocatedOn is { } day) await copy.WriteAsync(day, NpgsqlDbType.Date, ct);
                else await copy.WriteNullAsync(ct);
                await copy.WriteAsync(row.SimSlots, NpgsqlDbType.Smallint, ct);
            }

            await copy.CompleteAsync(ct);
        }

        await using var upsert = new NpgsqlCommand(UpsertSql, connection);
        await upsert.ExecuteNonQueryAsync(ct);
    }

    private static void Stage(RegistryWrite write, List<TacRow> differing)
    {
        var chunks = differing.Chunk(JournalEntryRules.ChunkMax).DefaultIfEmpty([]).ToList();
        for (var i = 0; i < chunks.Count; i++)
            write.Stage(
                JournalKind.TacsChanged,
                new TacsChanged
                {
                    TacDeltas = { JournalEntryRules.ToDeltas(chunks[i].Select(t => (ulong)t.Tac))
                        .Select(d => (uint)d) }, CompletesImport = i == chunks.Count - 1,
                },
                new TacsChangedPrivate { Records = { chunks[i].Select(Record) } });
    }

    private static TacRecord Record(TacRow row) => new()
    {
        Tac = (uint)row.Tac, Manufacturer = row.Manufacturer, Brand = row.Brand, Model = row.Model,
        DeviceType = row.DeviceType, Bands = row.Bands,
        AllocatedOn = row.AllocatedOn?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "",
        SimSlots = (uint)row.SimSlots,
    };
}
