using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Journal;
using DeviceRegistry.Registrar.Feed;
using Npgsql;

namespace DeviceRegistry.Registrar.State;

/// <summary>Reads the whole journal of a database snapshot, private parts included, page by page, and recomputes its
/// hash chain.</summary>
internal sealed class JournalPages(NpgsqlConnection connection, StateReport report)
{
    // Forces an index scan: a sort or hash join would write the whole journal to disk first.
    private const string PlanSql =
        "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_sort = off; SET LOCAL " +
        "max_parallel_workers_per_gather = 0";

    private const string EntriesSql = """
        SELECT j.position, j.epoch, (extract(epoch
            FROM j.at) * 1000000)::bigint, p.kind, p.must_understand, p.actor, p.public_bytes, p.private_digest, j.hash,
            j.at, s.salt, s.private_bytes
        FROM journal j JOIN journal_payloads p ON p.id = j.payload_id LEFT JOIN journal_private s
            ON s.payload_id = j.payload_id ORDER BY j.position
        """;

    private static readonly byte[] OfNothing = SHA256.HashData([]);
    private bool _broken;

    /// <summary>Position and hash of the last entry read.</summary>
    public ChainEnd End { get; private set; } = ChainEnd.Genesis;

    /// <summary>The pages; each is valid until the next is requested.</summary>
    public async IAsyncEnumerable<List<ReplayedEntry>> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await using (var plan = new NpgsqlCommand(PlanSql, connection)) await plan.ExecuteNonQueryAsync(ct);
        await using var command = new NpgsqlCommand(EntriesSql, connection) { CommandTimeout = 0 };
        await using var rows = await command.ExecuteReaderAsync(ct);
        var (page, bytes) = (new List<ReplayedEntry>(), 0);
        while (await rows.ReadAsync(ct))
        {
            var entry = await TakeAsync(rows, ct);
            page.Add(entry);
            if (page.Count < Limits.ReplayPageEntries && (bytes += entry.Bytes) < Limits.ReplayPageBytes) continue;

            yield return page;
            (page, bytes) = ([], 0);
        }

        if (page.Count > 0) yield return page;
    }

    private async Task<ReplayedEntry> TakeAsync(NpgsqlDataReader rows, CancellationToken ct)
    {
        var record = new JournalRecord(
            (ulong)rows.GetInt64(0), (uint)rows.GetInt32(1), rows.GetInt64(2), rows.GetInt32(3), rows.GetBoolean(4),
            (ulong)rows.GetInt64(5), rows.GetFieldValue<byte[]>(6),
            rows.GetFieldValue<byte[]>(7), rows.GetFieldValue<byte[]>(8));
        var link = record.ToWire();

        // Reported once: after the first break every entry fails to match the recomputed chain.
        if (!JournalEntryRules.Follows(link, End, out var fault) && !_broken)
        {
            _broken = true;
            await report.ReportJournalAsync("journal", $"{record.Position}", "hash", fault, ct);
        }

        End = ChainEnd.At(link);
        var kept = rows.IsDBNull(11) ? null : rows.GetFieldValue<byte[]>(11);
        var isErased = kept is null && !record.PrivateDigest.AsSpan().SequenceEqual(OfNothing);
        if (kept is not null && !SHA256.HashData([.. rows.GetFieldValue<byte[]>(10), .. kept]).AsSpan()
            .SequenceEqual(record.PrivateDigest))
        {
            await report.ReportJournalAsync("journal_private", $"{record.Position}", "private_bytes",
                "they are not what the entry has the digest of", ct);
            (kept, isErased) = (null, true);
        }

        if (isErased) report.ErasedEntries++;
        return new ReplayedEntry(record.Position, rows.GetDateTime(9), (JournalKind)record.Kind, (long)record.Actor,
            record.PublicBytes, kept, isErased);
    }
}
